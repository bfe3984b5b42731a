//! How wide kernels are: a number, two rules of thumb, or the largest likelihood of held-out points.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::cross_validation::{self, BandwidthSearch, CrossValidation};
use super::per_dimension::{self, Ascent, Kernels, PerDimension};
use crate::check::check_positive;
use crate::error::{Error, Result};
use crate::log_sum::Widths;
use crate::whitening::KernelCovariance;

/// Width of the kernels, in the units that [`KernelCovariance`](crate::KernelCovariance) sets.
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
    /// Largest likelihood of held-out points, with a bandwidth of its own for the condition unless one is asked for.
    CrossValidated(CrossValidation),
    /// Largest likelihood of held-out points, with per-dimension bandwidths and kernels that keep the variances. Needs
    /// a [`KernelCovariance`] in standard deviations.
    PerDimension(PerDimension),
}

impl Default for Bandwidth {
    /// Per dimension: the rules of thumb, and any common bandwidth, are far too wide in 25 dimensions.
    fn default() -> Self {
        Self::PerDimension(PerDimension::default())
    }
}

/// How the bandwidths were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Search {
    /// One for the condition, one for all other columns.
    Common(BandwidthSearch),
    /// One for every column.
    PerDimension(Ascent),
}

impl Search {
    /// Points used.
    pub fn n_points(&self) -> usize {
        match self {
            Self::Common(search) => search.n_points,
            Self::PerDimension(ascent) => ascent.n_points,
        }
    }

    /// Mean log density of held-out points, in nats, and its standard error over the points.
    pub fn log_likelihood(&self) -> [f64; 2] {
        match self {
            Self::Common(search) => [search.best.log_likelihood, search.best.error],
            Self::PerDimension(ascent) => {
                [ascent.log_likelihoods.last().copied().unwrap_or(f64::NAN), ascent.error]
            }
        }
    }
}

/// The bandwidths that were chosen.
pub(super) enum Chosen {
    /// The same for every column besides the condition.
    Common(Widths),
    /// One for every column.
    PerDimension(Kernels),
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

/// Factor of a bandwidth that is likeliest for `n_points` kernels where there are `n_kernels`: (m / n)^(1 / (d + 4)), as in
/// the rules of thumb.
///
/// # Reference
/// D. W. Scott, Multivariate Density Estimation (1992): the best bandwidth falls with the number of points in this way.
fn for_kernels(n_points: usize, n_kernels: usize, n_columns: usize) -> f64 {
    scott(n_kernels, n_columns) / scott(n_points, n_columns)
}

/// What `bandwidth` means for whitened `centres`.
pub(super) fn choose(
    bandwidth: &Bandwidth,
    covariance: KernelCovariance,
    centres: ArrayView2<'_, f64>,
    n_condition: usize,
    log_determinant: f64,
) -> Result<(Chosen, Option<Search>)> {
    let same = |h| Ok((Chosen::Common(Widths { rest: h, condition: h }), None));
    let (n, d) = centres.dim();
    match *bandwidth {
        Bandwidth::Scott => same(scott(n, d)),
        Bandwidth::Silverman => same(silverman(n, d)),
        Bandwidth::Fixed { bandwidth, condition } => {
            check_positive("bandwidth", bandwidth)?;
            let condition = condition.unwrap_or(bandwidth);
            check_positive("bandwidth of the condition", condition)?;
            Ok((Chosen::Common(Widths { rest: bandwidth, condition }), None))
        }
        Bandwidth::CrossValidated(settings) => {
            let (widths, search) = cross_validation::search(centres, n_condition, log_determinant, settings)?;
            let factor = for_kernels(search.n_points, n, d);
            let Widths { rest, condition } = widths;
            let widths = Widths { rest: rest * factor, condition: condition * factor };
            Ok((Chosen::Common(widths), Some(Search::Common(search))))
        }
        Bandwidth::PerDimension(_) if covariance == KernelCovariance::None => {
            let expected = "one in standard deviations, for a bandwidth of each column";
            Err(Error::parameter("covariance", "None", expected))
        }
        Bandwidth::PerDimension(settings) => {
            let (kernels, ascent) = per_dimension::search(centres, n_condition, log_determinant, settings)?;
            let factor = for_kernels(ascent.n_points, n, d);
            // A bandwidth of the condition that was given stays.
            let given = settings.condition.is_some() && n_condition != 0;
            let kernels = kernels.narrowed(factor, n_condition, given);
            Ok((Chosen::PerDimension(kernels), Some(Search::PerDimension(ascent))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths_fall_with_the_number_of_kernels() {
        // (20,000 / 500,000)^(1 / 29) in 25 dimensions.
        let factor = for_kernels(20_000, 500_000, 25);
        assert!((factor - (1.0_f64 / 25.0).powf(1.0 / 29.0)).abs() < 1e-12);
        assert!((for_kernels(700, 700, 3) - 1.0).abs() < 1e-15);
    }
}
