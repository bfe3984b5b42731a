//! The density estimators that generated samples are compared with, as the paper fits them.
//!
//! # Reference
//! calomplification, section 4, "Density estimation", and table 1.

use calo_core::random::{Purpose, stream};
use calo_latent::{
    Bandwidth, BinValidation, CrossValidation, HistogramDensity, Kde, KdeSettings, KernelCovariance,
};
use calo_metrics::results::Estimate;
use ndarray::{Array2, ArrayView2};

use crate::Result;

const KDE: Purpose = Purpose::new("sampled from a kde");
const HISTOGRAM: Purpose = Purpose::new("sampled from a histogram");

/// A way of estimating a density.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Estimator {
    /// Gaussian kernels of one bandwidth on standardised observables, that of the largest likelihood in five folds.
    Kde,
    /// Equal bins between the smallest and the largest value; their numbers have the largest likelihood in 500 held-out
    /// sets, found by turns along the observables.
    Histogram,
}

/// Values sampled from a density, and how wide its kernels or how many its bins are.
pub(super) struct Estimated {
    pub(super) values: Array2<f64>,
    pub(super) settings: Vec<Estimate>,
}

impl Estimator {
    /// Fits the density of `points` and samples `n` values.
    pub(super) fn sample(self, points: ArrayView2<'_, f64>, n: usize, seed: u64) -> Result<Estimated> {
        let plain = |value: f64| Estimate { value, error: None };
        Ok(match self {
            Self::Kde => {
                let search = CrossValidation { seed, ..CrossValidation::default() };
                let settings = KdeSettings {
                    covariance: KernelCovariance::Standardised,
                    bandwidth: Bandwidth::CrossValidated(search),
                    ..KdeSettings::default()
                };
                let kde = Kde::fit(points, &settings)?;
                Estimated {
                    values: kde.samples(0..n as u64, |i| stream(seed, KDE, i)),
                    settings: kde.bandwidths().first().copied().map(plain).into_iter().collect(),
                }
            }
            Self::Histogram => {
                let histogram =
                    HistogramDensity::fit(points, &BinValidation { seed, ..BinValidation::default() })?;
                #[expect(clippy::cast_precision_loss, reason = "a number of bins")]
                let settings = histogram.n_bins().iter().map(|n| plain(*n as f64)).collect();
                Estimated { values: histogram.samples(0..n as u64, |i| stream(seed, HISTOGRAM, i)), settings }
            }
        })
    }
}
