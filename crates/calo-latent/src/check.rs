//! Checks of the input that all statistics share.

use ndarray::ArrayView2;

use crate::error::{Error, Result};

/// At least `n_points` rows and one column, all finite.
pub(crate) fn check_sample(what: &str, sample: ArrayView2<'_, f64>, n_points: usize) -> Result<()> {
    if sample.nrows() == 0 {
        return Err(Error::empty(what, "at least one point"));
    }
    if sample.ncols() == 0 {
        return Err(Error::empty(what, "at least one column"));
    }
    if sample.nrows() < n_points {
        return Err(Error::TooFew { what: what.to_owned(), found: sample.nrows(), expected: n_points });
    }
    check_finite(what, sample)
}

/// The first NaN or infinite entry is an error naming it.
pub(crate) fn check_finite(what: &str, sample: ArrayView2<'_, f64>) -> Result<()> {
    match sample.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), &value)) => Err(Error::non_finite(what, value, &[row, column])),
    }
}

/// As many columns as the density has.
pub(crate) fn check_columns(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::mismatch(format!("columns of {what}"), found, expected))
    }
}

/// A number above zero.
pub(crate) fn check_positive(name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(Error::parameter(name, value, "a finite number above 0"))
    }
}
