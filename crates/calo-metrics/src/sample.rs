//! Checks of the input of every two-sample score.

use ndarray::ArrayView2;

use crate::error::{Error, Result};

/// At least one shower and one feature, all finite.
pub(crate) fn check_sample(what: &str, sample: ArrayView2<'_, f64>) -> Result<()> {
    if sample.nrows() == 0 {
        return Err(Error::empty(what, "at least one shower"));
    }
    if sample.ncols() == 0 {
        return Err(Error::empty(what, "at least one feature per shower"));
    }
    match sample.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), &value)) => Err(Error::non_finite(what, value, &[row as u64, column as u64])),
    }
}

/// Two valid samples with the same features.
pub(crate) fn check_pair(reference: ArrayView2<'_, f64>, candidate: ArrayView2<'_, f64>) -> Result<()> {
    check_sample("reference", reference)?;
    check_sample("candidate", candidate)?;
    if reference.ncols() != candidate.ncols() {
        let (found, expected) = (candidate.ncols(), reference.ncols());
        return Err(Error::mismatch("number of features of the candidate", found, expected));
    }
    Ok(())
}

/// At least `expected` showers on both sides.
pub(crate) fn check_sizes(
    statistic: &str,
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
    expected: usize,
) -> Result<()> {
    for (name, sample) in [("reference", reference), ("candidate", candidate)] {
        if sample.nrows() < expected {
            let what = format!("{name} for {statistic}");
            return Err(Error::TooFew { what, found: sample.nrows(), expected });
        }
    }
    Ok(())
}
