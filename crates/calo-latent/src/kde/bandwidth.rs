//! How wide kernels are: a number, two rules of thumb, or cross-validation.

use ndarray::ArrayView2;

use super::cross_validation::{BandwidthSearch, CrossValidation, search};
use crate::check::check_positive;
use crate::error::Result;
use crate::log_sum::Widths;

/// Width of the kernels, in the units that [`Scaling`](crate::Scaling) sets.
#[derive(Debug, Clone)]
pub enum Bandwidth {
    /// Given numbers.
    Fixed {
        /// Of every column but the condition.
        bandwidth: f64,
        /// Of the conditioned column; the same as the others' if none.
        condition: Option<f64>,
    },
    /// [`scott`]'s rule.
    Scott,
    /// [`silverman`]'s rule.
    Silverman,
    /// Largest likelihood of points left out, with a bandwidth of its own for the condition.
    CrossValidated(CrossValidation),
}

impl Default for Bandwidth {
    /// Cross-validated: the rules of thumb are far too wide in 25 dimensions (0.6 standard deviations).
    fn default() -> Self {
        Self::CrossValidated(CrossValidation::default())
    }
}

/// n^(-1 / (d + 4)).
///
/// # Reference
/// D. W. Scott, Multivariate Density Estimation (1992); SciPy's `gaussian_kde(bw_method="scott")`.
pub fn scott(n_points: usize, n_columns: usize) -> f64 {
    (n_points as f64).powf(-1.0 / (n_columns as f64 + 4.0))
}

/// (n (d + 2) / 4)^(-1 / (d + 4)).
///
/// # Reference
/// B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986); SciPy's
/// `gaussian_kde(bw_method="silverman")`.
pub fn silverman(n_points: usize, n_columns: usize) -> f64 {
    let d = n_columns as f64;
    (n_points as f64 * (d + 2.0) / 4.0).powf(-1.0 / (d + 4.0))
}

/// The widths that `bandwidth` means for whitened `centres`.
pub(super) fn widths(
    bandwidth: &Bandwidth,
    centres: ArrayView2<'_, f64>,
    n_condition: usize,
    log_determinant: f64,
) -> Result<(Widths, Option<BandwidthSearch>)> {
    let same = |h| Ok((Widths { rest: h, condition: h }, None));
    let (n, d) = centres.dim();
    match *bandwidth {
        Bandwidth::Scott => same(scott(n, d)),
        Bandwidth::Silverman => same(silverman(n, d)),
        Bandwidth::Fixed { bandwidth, condition } => {
            check_positive("bandwidth", bandwidth)?;
            let condition = condition.unwrap_or(bandwidth);
            check_positive("bandwidth of the condition", condition)?;
            Ok((Widths { rest: bandwidth, condition }, None))
        }
        Bandwidth::CrossValidated(settings) => {
            let (widths, search) = search(centres, n_condition, log_determinant, settings)?;
            Ok((widths, Some(search)))
        }
    }
}
