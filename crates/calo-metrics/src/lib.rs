//! How good an imitation of a calorimeter shower is.
//!
//! Showers come as views of `[shower, layer, x, y]`, cell energies in MeV, incident energies in GeV; this crate
//! uses neither files nor tensors. Statistics accumulate in f64. `docs/metrics.md` defines every number.
//!
//! * [`observables`] turns showers into an [`ObservableTable`]; [`SampleAccumulator`] gathers that and all histograms,
//!   with their bootstrap replicas, in one pass over a stream of batches.
//! * [`OBSERVABLES`] is the list of what is compared; [`compare_samples`] and [`compare_halves`] judge the histograms,
//!   [`linearity`] the energy response. [`compare_splits`] compares a candidate with the floor at the same number of
//!   showers. [`mod@distance`] holds the distances between any two [`Histogram`]s.
//! * [`pearson_matrix`], [`fpd`] and [`kpd`] judge the high-level observables,
//!   [`QuantileBins`] any sample in 1 to 4 dimensions.
//! * [`out_of_fold`] tells samples apart with boosted trees, on observables or on [`layer_features`]; [`prdc`] is precision and recall from neighbours.
//! * [`challenge`] has the features and scores of the CaloChallenge.
//! * [`SCORES`] is the list of the scores, [`Judged::scores`] computes them; S_JSD needs [`divisors`]. [`fn@ranking`] puts
//!   candidates in order.
//! * [`results`] is the schema of what an evaluation writes.
//!
//! # Tutorial
//! Two small samples, of which the second has cells 10 % too high, and how far apart they are:
//!
//! ```
//! use std::sync::Arc;
//! use calo_metrics::{
//!     Axis, FileKind, SampleAccumulator, SampleSet, SampleSettings, binned_observables, compare_halves, compare_samples,
//! };
//! use ndarray::Array4;
//!
//! // 200 showers on a grid of 4 layers of 3 x 3 cells, with a pseudo-random energy in every cell.
//! let showers = |response: f32| {
//!     Array4::from_shape_fn((200, 4, 3, 3), |(shower, layer, x, y)| {
//!         let cell = shower * 36 + layer * 9 + x * 3 + y;
//!         response * (1.0 + (cell * 7919 % 1000) as f32 / 1000.0)
//!     })
//! };
//! let axes = |binning: &str| {
//!     Some(match binning {
//!         "cell_energy_mev" => Axis::log(30, 0.1, 10.0),
//!         "visible_energy_mev" => Axis::linear(30, 40.0, 80.0),
//!         "n_hits" => Axis::linear(37, 0.0, 37.0),
//!         "cog_z" => Axis::linear(20, 0.0, 4.0),
//!         _ => return None, // not compared here
//!     })
//! };
//! let settings = Arc::new(SampleSettings::new([4, 3, 3], 0.1, 0.2, binned_observables(axes)?));
//! let sample = |name: &str, response, key| {
//!     let mut full = SampleAccumulator::new(settings.clone(), FileKind::FullSpectrum, key)?;
//!     full.fill(showers(response).view(), &[50.0; 200], 0)?; // as often as there are batches
//!     Ok::<_, calo_metrics::Error>(SampleSet { name: name.to_owned(), full, fixed: Vec::new() })
//! };
//! let (real, fake) = (sample("real", 1.0, 0)?, sample("fake", 1.1, 1)?);
//!
//! let energies = calo_metrics::fixed_energies(&[&real, &fake], &[50.0]);
//! let compared = compare_samples(&real, &fake, &energies)?;
//! let floor = compare_halves(&real, &energies)?;
//! for (histogram, floor) in compared.histograms.iter().zip(&floor.histograms) {
//!     println!("{}: JSD {:.3}, floor {:.3}", histogram.observable, histogram.jsd.value, floor.jsd.value);
//! }
//! let (cells, hits) = (&compared.histograms[0], &compared.histograms[2]);
//! assert!(cells.jsd.value > 5.0 * floor.histograms[0].jsd.value); // cells are off
//! assert_eq!(hits.jsd.value, 0.0); // but as many are hit
//! # Ok::<(), calo_metrics::Error>(())
//! ```
#![expect(clippy::needless_pass_by_value, reason = "array views are passed by value, as ndarray does")]
#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a library returns messages instead of printing them"
)]

mod accumulate;
mod bootstrap;
pub mod challenge;
mod comparison;
mod cross_validation;
pub mod distance;
mod diversity;
mod error;
mod features;
#[cfg(feature = "frechet")]
mod frechet;
mod histogram;
mod kept;
mod kernel_distance;
mod layer_features;
mod layer_sample;
mod neighbours;
mod observables;
mod out_of_fold;
mod pearson;
mod quantile;
mod random;
mod ranking;
mod resampling;
mod resolution;
pub mod results;
mod roc;
mod sample;
mod score;
mod splits;
mod spread;
mod sums;
mod trees;

pub use accumulate::{FileKind, Part, Resampled, SampleAccumulator, SampleSettings};
pub use bootstrap::{BootstrapSettings, bootstrap_error};
pub use comparison::{
    ComparedHistograms, ComparedSplits, FixedEnergy, Linearity, ReplicaDistances, SampleSet, compare_halves,
    compare_histograms, compare_samples, compare_splits, distributions, fixed_energies, linearity, moments,
    punch_through, responses, split_size,
};
pub use diversity::{distinct_neighbours, pairwise_spread};
pub use error::{Error, Index, Result};
pub use features::{Standardisation, TwoSampleFeatures, two_sample_features};
#[cfg(feature = "frechet")]
pub use frechet::{FrechetSettings, fpd, fpd_of_batches, frechet_distance, mean_distances};
pub use histogram::{Axis, Histogram, Spacing};
pub use kernel_distance::{KernelSettings, kernel_distance, kpd, kpd_of_batches};
pub use layer_features::{LayerFeatureSettings, layer_feature_names, layer_features};
pub use layer_sample::{LayerPart, LayerSample};
pub use neighbours::{Prdc, prdc};
pub use observables::{
    BinnedObservable, Cell, CellValue, Column, CompleteRows, Fill, HIGH_CELL_CUT_MEV, OBSERVABLES,
    Observable, ObservableSettings, ObservableTable, ShowerStart, binned_observables, observable_info,
    observables,
};
pub use out_of_fold::{OutOfFold, OutOfFoldSettings, n_shared, out_of_fold, shower_hashes};
pub use pearson::{
    LargestDifference, MatrixEntry, largest_entry, largest_pearson_difference, pearson_difference,
    pearson_matrix,
};
pub use quantile::{
    IndependentCurve, IndependentPoint, QuantileBins, QuantileDivergence, QuantileSample, SHOWERS_PER_BIN,
    Withheld, Worth, quantile_divergences, worth_at_resolution,
};
pub use ranking::{Ranking, ranking, shortfall};
pub use resampling::Draw;
pub use resolution::{MIN_VALUES, Resolution, resolution90};
pub use roc::roc_auc;
pub use score::{
    Judged, JudgedScores, Needs, SCORES, ScoreKind, SplitScore, divisors, s_area, s_jsd, s_jsd_of_splits,
};
pub use splits::Splits;
pub use trees::{BoostedTrees, TreeSettings};

/// The example of the README is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
