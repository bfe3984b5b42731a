//! Jensen-Shannon divergence over quantile bins against their number.

use std::fmt;

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::QuantileBins;
use crate::bootstrap::BootstrapSettings;
use crate::distance::divergence_of_contents;
use crate::error::Result;
use crate::random::stream;
use crate::resampling::Draw;
use crate::results::Estimate;
use crate::spread::standard_deviation;

/// Showers of the evaluated sample per bin below which results are withheld.
const SHOWERS_PER_BIN: usize = 10;

/// The divergence at one resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileDivergence {
    /// Number of bins.
    pub n_bins: usize,
    /// Fewest and most showers of the reference in a bin; they differ by more than one each split where values tie.
    pub occupation: [u64; 2],
    /// Divergence of the shares, 0 to ln 2, or why there is none. The error covers the fluctuation of the evaluated
    /// sample only: the reference stands for the truth.
    pub divergence: std::result::Result<Estimate, Withheld>,
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
/// # Shapes
/// `evaluated` `[shower, observable]`; the result has `n_splits + 1` entries.
///
/// # Errors
/// An empty or non-finite sample, or other observables than those of the reference.
///
/// # Reference
/// calomplification, equation 3.3; no result for more than n/10 bins.
pub fn quantile_divergences(
    bins: &QuantileBins,
    evaluated: ArrayView2<'_, f64>,
    bootstrap: &BootstrapSettings,
) -> Result<Vec<QuantileDivergence>> {
    let assigned = bins.assign(evaluated)?;
    let n_showers = assigned.len();
    let reference = levels(bins.occupation().to_vec());
    let of_bins = |assigned: &mut dyn Iterator<Item = usize>| {
        let mut counts = vec![0; bins.occupation().len()];
        assigned.for_each(|bin| counts[bin] += 1);
        divergences(&reference, &levels(counts))
    };
    let values = of_bins(&mut assigned.iter().copied())?;
    let resampled: Vec<Vec<f64>> = (0..bootstrap.replicas)
        .into_par_iter()
        .map(|replica| {
            let mut rng = stream(bootstrap.seed, *b"quantile", 0, replica as u64);
            let drawn = Draw::WithReplacement.indices(n_showers, n_showers, &mut rng);
            of_bins(&mut drawn.iter().map(|&shower| assigned[shower]))
        })
        .collect::<Result<_>>()?;
    let result = reference.iter().zip(values).enumerate().map(|(level, (counts, value))| {
        let n_bins = counts.len();
        let spread: Vec<f64> = resampled.iter().map(|levels| levels[level]).collect();
        let occupation = [counts.iter().min(), counts.iter().max()].map(|count| count.copied().unwrap_or(0));
        let divergence = if n_bins * SHOWERS_PER_BIN > n_showers {
            Err(Withheld { n_bins, n_showers })
        } else {
            Ok(Estimate { value, error: standard_deviation(&spread) })
        };
        QuantileDivergence { n_bins, occupation, divergence }
    });
    Ok(result.collect())
}

/// Counts at every resolution, coarsest first: two neighbours make the bin they were split from.
fn levels(finest: Vec<u64>) -> Vec<Vec<u64>> {
    let mut levels = vec![finest];
    while let Some(counts) = levels.last().filter(|counts| counts.len() > 1) {
        levels.push(counts.chunks(2).map(|pair| pair.iter().sum()).collect());
    }
    levels.reverse();
    levels
}

fn divergences(reference: &[Vec<u64>], evaluated: &[Vec<u64>]) -> Result<Vec<f64>> {
    let contents = |counts: &[u64]| counts.iter().map(|&count| count as f64).collect::<Vec<_>>();
    reference.iter().zip(evaluated).map(|(p, g)| divergence_of_contents(&contents(p), &contents(g))).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn coarse_levels_are_those_of_a_coarser_tree() {
        let sample = Array2::from_shape_fn((640, 2), |(i, j)| ((i * 37 + j * 101) % 641) as f64);
        let fine = QuantileBins::fit(sample.view(), 5).unwrap();
        let all = levels(fine.occupation().to_vec());
        for n_splits in 0..=5 {
            let coarse = QuantileBins::fit(sample.view(), n_splits).unwrap();
            assert_eq!(all[n_splits as usize], coarse.occupation());
        }
    }

    #[test]
    fn more_bins_than_a_tenth_of_the_showers_are_withheld() {
        let reference = Array2::from_shape_fn((1000, 1), |(i, _)| i as f64);
        let bins = QuantileBins::fit(reference.view(), 5).unwrap();
        let evaluated = Array2::from_shape_fn((160, 1), |(i, _)| i as f64 * 6.25);
        let points = quantile_divergences(&bins, evaluated.view(), &BootstrapSettings::default()).unwrap();
        let given: Vec<bool> = points.iter().map(|point| point.divergence.is_ok()).collect();
        assert_eq!(given, [true, true, true, true, true, false]);
        let message = points[5].divergence.unwrap_err().to_string();
        assert_eq!(message, "32 quantile bins: 160 showers evaluated; expected at least 320, ten a bin");
        assert_eq!(points[4].occupation, [62, 63]);
    }

    #[test]
    fn equal_shares_have_no_divergence_and_disjoint_ones_ln_2() {
        let of = |p: &[u64], g: &[u64]| divergences(&[p.to_vec()], &[g.to_vec()]).unwrap()[0];
        assert!((of(&[5, 0], &[0, 3]) - std::f64::consts::LN_2).abs() < 1e-15);
        assert!(of(&[5, 1], &[10, 2]).abs() < 1e-15);
    }
}
