//! calo-metrics
#![expect(clippy::needless_pass_by_value, reason = "array views are passed by value, as ndarray does")]

mod accumulate;
mod bootstrap;
mod classifier;
mod comparison;
pub mod distance;
mod error;
mod features;
mod frechet;
mod histogram;
mod kernel_distance;
mod observables;
mod pearson;
mod quantile;
mod random;
mod resampling;
mod resolution;
pub mod results;
mod sample;
mod score;

pub use accumulate::{FileKind, Part, Resampled, SampleAccumulator, SampleSettings, SixAxes};
pub use bootstrap::{BootstrapSettings, bootstrap_error};
pub use classifier::{ClassifierSettings, classifier_auc, roc_auc};
pub use comparison::{
    ComparedHistograms, FixedEnergy, SampleSet, compare_halves, compare_histograms, compare_samples,
    distributions, fixed_energies, linearity,
};
pub use error::{Error, Index, Result};
pub use features::{Standardisation, TwoSampleFeatures, two_sample_features};
pub use frechet::{FrechetSettings, fpd, fpd_of_batches, frechet_distance, mean_distances};
pub use histogram::{Axis, Histogram, Spacing};
pub use kernel_distance::{KernelSettings, kernel_distance, kpd, kpd_of_batches};
pub use observables::{Column, ObservableSettings, ObservableTable, ShowerStart, observables};
pub use pearson::{
    LargestDifference, largest_entry, largest_pearson_difference, pearson_difference, pearson_matrix,
};
pub use quantile::{QuantileBins, QuantileDivergence, Withheld, quantile_divergences};
pub use resampling::Draw;
pub use resolution::{MIN_VALUES, Resolution, resolution90};
pub use score::{Scores, divisors, scores};
