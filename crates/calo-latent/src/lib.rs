//! Statistics of a latent space.
//!
//! Points come as views of `[point, column]`; nothing here knows a tensor, a shower or a network.
//!
//! * [`Kde`] is a kernel density of latent variables and incident energy: fitted with the bandwidths that
//!   maximise the likelihood of held-out points, evaluated, sampled, also at a given energy, saved and loaded.
//! * [`HistogramDensity`] is the same from equal bins, whose number cross-validation chooses.
//! * [`divergence_spectrum`] says how much information each variable carries, [`pearson`] and [`spearman`] about what,
//!   [`joint_histogram`] and [`traversal`] show it.
//! * [`LatentOptimisation`] moves latent points to where a critic scores them higher.
#![expect(clippy::needless_pass_by_value, reason = "array views are passed by value, as ndarray does")]
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "a library returns what it has to say")]

mod check;
mod correlation;
mod divergence;
mod error;
mod histogram;
mod joint;
mod kde;
mod latent_optimisation;
mod log_sum;
mod random;
mod traversal;
mod whitening;

pub use correlation::{Correlations, pearson, spearman};
pub use divergence::{DivergenceSpectrum, divergence_spectrum, gaussian_divergence};
pub use error::{Error, Index, Result};
pub use histogram::{BinSearch, BinTrial, BinValidation, HistogramDensity};
pub use joint::{JointHistogram, joint_histogram};
pub use kde::{
    Ascent, Bandwidth, BandwidthSearch, CrossValidation, Evaluation, Given, Kde, KdeSettings, PerDimension,
    Search, Stage, Storage, scott, silverman,
};
pub use latent_optimisation::LatentOptimisation;
pub use traversal::{traversal, traversal_plane};
pub use whitening::KernelCovariance;

/// The example of the README is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
