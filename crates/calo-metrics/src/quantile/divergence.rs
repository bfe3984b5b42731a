//! Jensen-Shannon divergence over quantile bins against their number.

use std::fmt;

use rayon::prelude::*;

use super::QuantileBins;
use super::levels::{Assigned, Levels};
use super::sample::QuantileSample;
use crate::bootstrap::BootstrapSettings;
use crate::error::Result;
use crate::random::stream;
use crate::resampling::Draw;
use crate::results::Estimate;
use crate::spread::standard_deviation;

/// Showers that a quantile bin needs on average: with fewer, empty bins would pass for differences.
///
/// # Reference
/// calomplification, paragraph "Quantiles".
pub const SHOWERS_PER_BIN: usize = 10;

/// The divergence at one resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileDivergence {
    /// Number of bins.
    pub n_bins: usize,
    /// Fewest and most showers of the reference in a bin; they differ by more than one each split where values tie.
    pub occupation: [u64; 2],
    /// Showers in the evaluated sample.
    pub n_showers: usize,
    /// Divergence of the shares, 0 to ln 2, whether there are enough showers for it or not; see
    /// [`resolved`](Self::resolved). The error covers the fluctuation of the evaluated sample only: the reference stands
    /// for the truth.
    pub divergence: Estimate,
}

impl QuantileDivergence {
    /// The divergence, unless there are fewer than ten showers a bin.
    ///
    /// # Errors
    /// How many showers there are and how many there should be.
    pub fn resolved(&self) -> std::result::Result<Estimate, Withheld> {
        let Self { n_bins, n_showers, divergence, .. } = *self;
        if n_bins * SHOWERS_PER_BIN > n_showers {
            Err(Withheld { n_bins, n_showers })
        } else {
            Ok(divergence)
        }
    }
}

/// More bins than a tenth of the evaluated showers: empty bins would pass for differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withheld {
    /// Number of bins.
    pub n_bins: usize,
    /// Showers in the evaluated sample.
    pub n_showers: usize,
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_bins, n_showers } = self;
        let needed = n_bins * SHOWERS_PER_BIN;
        write!(
            f,
            "{n_bins} quantile bins: {n_showers} showers evaluated; expected at least {needed}, ten a bin"
        )
    }
}

/// Divergence D_JS between the reference of `bins` and `evaluated` at 1, 2, 4 .. bins, with bootstrap errors.
///
/// Replicas draw showers, with all their values. The result has `n_splits + 1` entries.
///
/// # Errors
/// Other observables than those of the reference.
///
/// # Reference
/// calomplification, equation 3.3.
pub fn quantile_divergences(
    bins: &QuantileBins,
    evaluated: &QuantileSample,
    bootstrap: &BootstrapSettings,
) -> Result<Vec<QuantileDivergence>> {
    let assigned = Assigned::new(bins, evaluated)?;
    let n_showers = assigned.n_showers();
    let truth = Levels::of_truth(bins);
    let values = truth.divergences(&assigned.levels(0..n_showers))?;
    let resampled: Vec<Vec<f64>> = (0..bootstrap.replicas)
        .into_par_iter()
        .map(|replica| {
            let mut rng = stream(bootstrap.seed, *b"quantile", 0, replica as u64);
            let drawn = Draw::WithReplacement.indices(n_showers, n_showers, &mut rng);
            truth.divergences(&assigned.levels(drawn.into_iter()))
        })
        .collect::<Result<_>>()?;
    let result = truth.0.iter().zip(values).enumerate().map(|(level, (counts, value))| {
        let n_bins = counts.len();
        let spread: Vec<f64> = resampled.iter().map(|levels| levels[level]).collect();
        let occupation = [counts.iter().min(), counts.iter().max()].map(|count| count.copied().unwrap_or(0));
        let divergence = Estimate { value, error: standard_deviation(&spread) };
        QuantileDivergence { n_bins, occupation, n_showers, divergence }
    });
    Ok(result.collect())
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn more_bins_than_a_tenth_of_the_showers_are_withheld() {
        let reference = Array2::from_shape_fn((1000, 1), |(i, _)| i as f64);
        let bins = QuantileBins::fit(reference.view(), 5).unwrap();
        let evaluated = Array2::from_shape_fn((160, 1), |(i, _)| i as f64 * 6.25);
        let evaluated = QuantileSample::of_showers(evaluated).unwrap();
        let points = quantile_divergences(&bins, &evaluated, &BootstrapSettings::default()).unwrap();
        let given: Vec<bool> = points.iter().map(|point| point.resolved().is_ok()).collect();
        assert_eq!(given, [true, true, true, true, true, false]);
        let message = points[5].resolved().unwrap_err().to_string();
        assert_eq!(message, "32 quantile bins: 160 showers evaluated; expected at least 320, ten a bin");
        assert_eq!(points[4].occupation, [62, 63]);
    }
}
