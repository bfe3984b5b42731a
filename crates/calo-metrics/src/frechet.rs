//! Frechet physics distance (FPD): how far apart the Gaussians fitted to two samples lie.

mod fit;
mod gaussian;

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::random::stream;
use crate::resampling::Draw;
use crate::results::Estimate;
use crate::sample::{check_pair, check_sizes};
use fit::nonnegative_line;
use gaussian::{CentredSample, distance};

/// Fewest showers of a sample for an extrapolation.
const MIN_SHOWERS: usize = 50;

/// Showers each side per feature in the smallest batch; fewer leave the covariance singular and the bias far from 1/N.
const MIN_BATCH_PER_FEATURE: usize = 2;

/// Largest batch of JetNet, and the sample size that it recommends.
const JETNET_MAX_SAMPLES: usize = 50_000;

/// Batches from which the distance is extrapolated to infinitely many showers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrechetSettings {
    /// Showers in the smallest batches.
    pub min_samples: usize,
    /// Showers in the largest batches.
    pub max_samples: usize,
    /// Number of batch sizes, equally spaced in 1/N.
    pub n_points: usize,
    /// Batches of each size.
    pub n_batches: usize,
    /// How batches are drawn.
    pub draw: Draw,
    /// Seed of the draws.
    pub seed: u64,
}

impl FrechetSettings {
    /// JetNet's settings for samples of at least 50,000 showers (20,000 to 50,000 showers a batch, 10 sizes, 20
    /// batches of each); for smaller ones the same ratio, from 2/5 of the smaller sample to all of it.
    pub fn for_sizes(n_reference: usize, n_candidate: usize, seed: u64) -> Self {
        let max_samples = n_reference.min(n_candidate).min(JETNET_MAX_SAMPLES);
        Self {
            min_samples: max_samples * 2 / 5,
            max_samples,
            n_points: 10,
            n_batches: 20,
            draw: Draw::default(),
            seed,
        }
    }

    /// The batch sizes, largest last, rounded down as JetNet does.
    pub fn batch_sizes(&self) -> Vec<usize> {
        let (first, last) = (1.0 / self.min_samples as f64, 1.0 / self.max_samples as f64);
        let step = (last - first) / (self.n_points as f64 - 1.0);
        let mut inverse: Vec<f64> = (0..self.n_points).map(|i| i as f64 * step + first).collect();
        if let Some(end) = inverse.last_mut() {
            *end = last;
        }
        inverse.iter().map(|x| (1.0 / x) as usize).collect()
    }

    fn validate(&self, n_features: usize, n_showers: usize) -> Result<()> {
        let smallest = MIN_BATCH_PER_FEATURE * n_features.max(1);
        if self.min_samples < smallest {
            let expected = format!("at least {smallest}, {MIN_BATCH_PER_FEATURE} for each feature");
            return Err(Error::parameter("min_samples", self.min_samples, expected));
        }
        if self.max_samples <= self.min_samples {
            let expected = format!("more than min_samples = {}", self.min_samples);
            return Err(Error::parameter("max_samples", self.max_samples, expected));
        }
        if self.draw == Draw::WithoutReplacement && self.max_samples > n_showers {
            let expected = format!("at most the {n_showers} showers there are, drawn without replacement");
            return Err(Error::parameter("max_samples", self.max_samples, expected));
        }
        if self.n_points < 3 {
            return Err(Error::parameter(
                "n_points",
                self.n_points,
                "at least 3 to fit a line with an error",
            ));
        }
        if self.n_batches == 0 {
            return Err(Error::parameter("n_batches", self.n_batches, "at least 1"));
        }
        Ok(())
    }
}

/// Frechet distance (squared Wasserstein-2) between the Gaussians fitted to two samples, without extrapolation:
/// |mu1 - mu2|^2 + tr(S1 + S2 - 2 sqrt(S1 S2)). Covariances may be singular.
///
/// # Shapes
/// `reference` `[n, feature]`, `candidate` `[m, feature]`.
///
/// # Errors
/// Empty, mismatched or non-finite samples, or fewer than two showers.
///
/// ```
/// use ndarray::array;
/// let a = array![[0.0, 0.0], [1.0, 0.5], [2.0, -1.0]];
/// let shifted = &a + 2.0;
/// let distance = calo_metrics::frechet_distance(a.view(), shifted.view())?;
/// assert!((distance - 8.0).abs() < 1e-12); // two features, each moved by 2
/// # Ok::<(), calo_metrics::Error>(())
/// ```
pub fn frechet_distance(reference: ArrayView2<'_, f64>, candidate: ArrayView2<'_, f64>) -> Result<f64> {
    check_pair(reference, candidate)?;
    check_sizes("a Frechet distance", reference, candidate, 2)?;
    distance(&CentredSample::new(reference).gaussian()?, &CentredSample::new(candidate).gaussian()?)
}

/// Frechet physics distance: mean distance of seeded batches at several batch sizes N, extrapolated to infinite N by
/// a line in 1/N with non-negative coefficients. The error is that of the fitted intercept; it does not cover the
/// fluctuation of the samples themselves.
///
/// # Shapes
/// `reference` `[n, feature]`, `candidate` `[m, feature]`, both standardised with the reference
/// ([`two_sample_features`](crate::two_sample_features)).
///
/// # Errors
/// Empty, mismatched or non-finite samples, fewer than 50 showers in either, or impossible settings.
///
/// # Reference
/// R. Kansal et al., arXiv 2211.10295; JetNet 0.2.5, `jetnet.evaluation.fpd`. JetNet draws with replacement: see
/// [`Draw`].
pub fn fpd(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
    settings: &FrechetSettings,
) -> Result<Estimate> {
    check_pair(reference, candidate)?;
    check_sizes("an extrapolated Frechet distance", reference, candidate, MIN_SHOWERS)?;
    let n_showers = [reference.nrows(), candidate.nrows()];
    settings.validate(reference.ncols(), n_showers[0].min(n_showers[1]))?;
    fpd_of_batches(reference, candidate, &settings.batch_sizes(), settings.n_batches, |batch, size| {
        let mut rng = stream(settings.seed, *b"fpdbatch", 0, batch as u64);
        n_showers.map(|n| settings.draw.indices(n, size, &mut rng))
    })
}

/// [`fpd`] of given batches: `draw(batch, size)` gives the indices of `size` showers of either sample for the
/// batch-th batch, counted over all sizes.
///
/// # Errors
/// As [`fpd`]; also an index out of range or fewer than three different sizes.
pub fn fpd_of_batches(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
    sizes: &[usize],
    n_batches: usize,
    draw: impl Fn(usize, usize) -> [Vec<usize>; 2] + Sync,
) -> Result<Estimate> {
    let means = mean_distances(reference, candidate, sizes, n_batches, draw)?;
    let inverse_sizes: Vec<f64> = sizes.iter().map(|&size| 1.0 / size as f64).collect();
    nonnegative_line(&inverse_sizes, &means)
}

/// Mean Frechet distance of the batches of each size: the points of the extrapolation, to plot or check it.
///
/// # Errors
/// As [`fpd_of_batches`].
pub fn mean_distances(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
    sizes: &[usize],
    n_batches: usize,
    draw: impl Fn(usize, usize) -> [Vec<usize>; 2] + Sync,
) -> Result<Vec<f64>> {
    check_pair(reference, candidate)?;
    if n_batches == 0 {
        return Err(Error::parameter("n_batches", n_batches, "at least 1"));
    }
    let samples = [CentredSample::new(reference), CentredSample::new(candidate)];
    let distances: Vec<f64> = (0..sizes.len() * n_batches)
        .into_par_iter()
        .map(|batch| {
            let [first, second] = draw(batch, sizes[batch / n_batches]);
            distance(&samples[0].gaussian_of(&first)?, &samples[1].gaussian_of(&second)?)
        })
        .collect::<Result<_>>()?;
    Ok(distances.chunks(n_batches).map(|of_size| of_size.iter().sum::<f64>() / n_batches as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_sizes_are_those_of_jetnet() {
        let settings = FrechetSettings::for_sizes(80_000, 60_000, 0);
        // (1 / np.linspace(1 / 20_000, 1 / 50_000, 10)).astype("int32")
        let jetnet = [20_000, 21_428, 23_076, 24_999, 27_272, 30_000, 33_333, 37_499, 42_857, 49_999];
        assert_eq!(settings.batch_sizes(), jetnet);
    }

    #[test]
    fn impossible_settings_are_named() {
        let sound = FrechetSettings::for_sizes(100, 100, 0);
        assert!(sound.validate(10, 100).is_ok());
        let messages = [
            (FrechetSettings { min_samples: 5, ..sound }, "min_samples"),
            (FrechetSettings { max_samples: 40, ..sound }, "max_samples"),
            (FrechetSettings { max_samples: 101, ..sound }, "max_samples"),
            (FrechetSettings { n_points: 2, ..sound }, "n_points"),
            (FrechetSettings { n_batches: 0, ..sound }, "n_batches"),
        ];
        for (settings, name) in messages {
            let message = settings.validate(10, 100).unwrap_err().to_string();
            assert!(message.starts_with(&format!("parameter `{name}`")), "{message}");
        }
    }
}
