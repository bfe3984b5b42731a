//! The result of an evaluation, as written to `results.json` (schema in `docs/results-schema.md`).
//!
//! Plain data: `calo evaluate` fills it, `calo-report` draws it, other programs read it. Numbers
//! that could not be computed are absent and named in [`Results::gaps`], never zero. Observables and scores are lists;
//! files of version 1 are read through [`version1`]. Evaluations on layers of
//! voxels have a schema of their own, [`challenge`].

mod by_id;
pub mod challenge;
mod observable;
mod showers;
pub mod version1;

use serde::{Deserialize, Serialize};

use crate::spread::standard_deviation;

pub use by_id::ById;
pub use by_id::PAPERS_IDS;
pub use observable::{ComparedAt, ObservableInfo, Text};
pub use showers::{SHOWERS_SCHEMA_VERSION, SampleImages, ShowerImage, ShowerImages};

/// Version of the schema of `results.json`; raised when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 2;

/// One evaluation: a reference sample, its candidates, and how they compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Version of the software.
    pub calo_version: String,
    /// Seed of every resampling.
    pub seed: u64,
    /// The detector.
    pub detector: DetectorInfo,
    /// The reference first, then the candidates in the order given.
    pub samples: Vec<SampleInfo>,
    /// The observables whose histograms are compared, in the order of tables and figures.
    pub observables: Vec<ObservableInfo>,
    /// Histograms of all samples, grouped by observable and energy.
    pub distributions: Vec<Distribution>,
    /// One half of the reference against the other: what a perfect imitation of that size would score.
    pub floor: Comparison,
    /// One for each candidate, in the order of `samples[1..]`.
    pub comparisons: Vec<Comparison>,
    /// Mean JSD of each histogram over all that was compared: the divisors of S_JSD.
    pub divisors: Option<Divisors>,
    /// Mean and width of the visible energy at fixed energies, by sample.
    pub linearity: Vec<LinearityPoint>,
    /// Correlations of the high-level observables.
    pub pearson: Pearson,
    /// Mean and spread of visible energy, hits and centre of gravity, by sample and energy.
    #[serde(default)]
    pub moments: Vec<Moments>,
    /// Visible over incident energy, by sample and range of incident energies.
    #[serde(default)]
    pub responses: Vec<Response>,
    /// Showers with too few hits, by sample; empty where the detector has no rule for them.
    #[serde(default)]
    pub punch_through: Vec<PunchThrough>,
    /// Random splits behind the `splits` of each comparison; 0 where none were asked for.
    #[serde(default)]
    pub n_splits: usize,
    /// The missing values: one entry for each number, or group of numbers, that could not be computed. The key in files
    /// stays `gaps`, so that files already written can be read.
    pub gaps: Vec<Gap>,
}

/// What the figures need to know of a detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectorInfo {
    /// Name of the detector.
    pub name: String,
    /// `[layers, nx, ny]`.
    pub grid: [usize; 3],
    /// Cell size along x and y, mm.
    pub cell_size_mm: [f64; 2],
    /// Most probable cell energy of a minimum ionising particle, MeV.
    pub mip_mev: f64,
    /// Cells at or below this were ignored, MeV.
    pub cell_cut_mev: f64,
}

/// One sample of showers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleInfo {
    /// Name in tables and legends.
    pub name: String,
    /// Files read, with what they were.
    pub files: Vec<SampleFile>,
    /// Showers in the full-spectrum file.
    pub n_showers: u64,
    /// Lowest and highest incident energy of the full spectrum, GeV.
    pub energy_range_gev: [f64; 2],
    /// Mean visible energy of the full spectrum above the cell cut, MeV.
    pub mean_visible_energy_mev: f64,
}

/// One file of a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleFile {
    /// Path as given.
    pub path: String,
    /// Nominal energy of a fixed-energy file, GeV; absent for the full spectrum.
    pub energy_gev: Option<f64>,
    /// BLAKE3 hash of the file's bytes, hexadecimal.
    pub blake3: String,
}

/// A number with its standard error, where one is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its standard error.
    pub error: Option<f64>,
}

impl Estimate {
    /// Mean of `values`, with the standard deviation over them (n - 1) for error: none of a single value. NaN of none.
    ///
    /// ```
    /// let estimate = calo_metrics::results::Estimate::over(&[1.0, 3.0]);
    /// assert_eq!((estimate.value, estimate.error), (2.0, Some(2.0_f64.sqrt())));
    /// ```
    pub fn over(values: &[f64]) -> Self {
        let value = values.iter().sum::<f64>() / values.len() as f64;
        Self { value, error: standard_deviation(values) }
    }
}

/// Where the showers at one energy came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergySource {
    /// A file of that energy.
    FixedEnergyFile,
    /// A window of the full spectrum, each visible energy and hit count scaled to the nominal energy.
    Window,
}

/// One histogram of every sample on common bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Id of what is histogrammed.
    pub observable: String,
    /// Nominal incident energy, GeV; absent for the full spectrum.
    pub energy_gev: Option<f64>,
    /// Bin edges, one more than bins.
    pub edges: Vec<f64>,
    /// Whether the bins are equal in ratio rather than in width.
    pub log_bins: bool,
    /// One entry for each of [`Results::samples`]; absent where the sample has no shower here.
    pub samples: Vec<Option<SampleHistogram>>,
}

/// The contents of one histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleHistogram {
    /// Sum of weights in each bin. Cells count 1, profiles weigh by energy in MeV.
    pub counts: Vec<f64>,
    /// Standard error of each count, from the spread between showers.
    pub errors: Vec<f64>,
    /// Sum of weights below the first edge.
    pub underflow: f64,
    /// Sum of weights at or above the last edge.
    pub overflow: f64,
    /// Showers filled into it.
    pub n_showers: u64,
    /// Where they came from; absent for the full spectrum.
    pub source: Option<EnergySource>,
}

/// One sample against the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the candidate, or of the floor.
    pub name: String,
    /// Showers on either side.
    pub n_showers: [u64; 2],
    /// The scores, in the order of tables; all comparisons have the same.
    pub scores: Vec<Score>,
    /// One entry for each observable that could be compared.
    pub histograms: Vec<HistogramComparison>,
    /// Distances beside the floor at the same number of showers; empty where no splits were asked for, and for the
    /// floor.
    #[serde(default)]
    pub splits: Vec<SplitComparison>,
}

impl Comparison {
    /// The score of that id.
    pub fn score(&self, id: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.id == id)
    }

    /// The distances between the histograms of that observable.
    pub fn histogram(&self, observable: &str) -> Option<&HistogramComparison> {
        self.histograms.iter().find(|histogram| histogram.observable == observable)
    }
}

/// One number that judges a candidate as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Name in files.
    pub id: String,
    /// In tables.
    pub label: String,
    /// The number; absent where it could not be computed.
    pub value: Option<f64>,
    /// Its standard error, where one is known.
    pub error: Option<f64>,
    /// Decimal places that tables print.
    pub digits: usize,
    /// What the number belongs to, where it is the extreme of many: the pair of observables of a correlation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<String>,
}

impl Score {
    /// Value and error.
    pub fn estimate(&self) -> Option<Estimate> {
        self.value.map(|value| Estimate { value, error: self.error })
    }
}

/// One histogram's distance and floor, both at the same number of showers and averaged over random splits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitComparison {
    /// Id of what is histogrammed.
    pub observable: String,
    /// Showers on each side; at several energies, the least of them.
    pub n_showers: u64,
    /// Distance, floor and excess; of several energies together.
    #[serde(flatten)]
    pub distances: SplitDistances,
    /// Each energy by itself, or the full spectrum.
    pub parts: Vec<SplitPart>,
}

/// One energy of a [`SplitComparison`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitPart {
    /// Nominal incident energy, GeV; absent for the full spectrum.
    pub energy_gev: Option<f64>,
    /// Showers on each side.
    pub n_showers: u64,
    /// Distance, floor and excess.
    #[serde(flatten)]
    pub distances: SplitDistances,
}

/// Averages over splits, with the standard errors of the averages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SplitDistances {
    /// Jensen-Shannon distance of n candidate and n reference showers.
    pub jsd: Estimate,
    /// Jensen-Shannon distance of two disjoint samples of n reference showers.
    pub floor: Estimate,
    /// What the distance has above the floor: `sqrt(max(0, jsd^2 - floor^2))`.
    pub excess: Estimate,
}

/// Distances between the histograms of one observable; at several energies, each their combination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistogramComparison {
    /// Id of what is histogrammed.
    pub observable: String,
    /// Jensen-Shannon distance: square root of the (mean) divergence, natural logarithm.
    pub jsd: Estimate,
    /// Half the (mean) area between the normalised histograms, 0 to 1.
    pub area_difference: Estimate,
    /// Each energy by itself, or the full spectrum.
    pub parts: Vec<HistogramDistances>,
}

/// Every distance between two histograms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistogramDistances {
    /// Nominal incident energy, GeV; absent for the full spectrum.
    pub energy_gev: Option<f64>,
    /// Jensen-Shannon distance.
    pub jsd: Estimate,
    /// Half the area between the normalised histograms.
    pub area_difference: Estimate,
    /// Chi-squared.
    pub chi2: Estimate,
    /// Degrees of freedom of chi-squared.
    pub chi2_dof: usize,
    /// Kolmogorov-Smirnov distance of the binned distributions.
    pub ks: Estimate,
    /// Wasserstein-1 distance of the binned distributions, in units of the axis.
    pub wasserstein1: Estimate,
    /// Separation power, 0 to 1.
    pub separation_power: Estimate,
}

/// Divisors of the fidelity scores, by observable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divisors {
    /// Mean JSD of each observable.
    pub jsd: ById,
    /// Mean area difference of each; absent where runs of earlier versions, which kept JSDs alone, gave the divisors.
    pub area_difference: Option<ById>,
    /// How many comparisons the means run over, or 0 where divisors were given.
    pub n_comparisons: usize,
}

/// Mean and width of the visible energy at one incident energy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearityPoint {
    /// Index into [`Results::samples`].
    pub sample: usize,
    /// Nominal incident energy, GeV.
    pub energy_gev: f64,
    /// Where the showers came from.
    pub source: EnergySource,
    /// Showers at this energy.
    pub n_showers: u64,
    /// Mean within the shortest interval that holds 90 % of the showers, MeV.
    pub mu90_mev: Estimate,
    /// Standard deviation in that interval, MeV.
    pub sigma90_mev: Estimate,
    /// Relative width sigma90 / mu90.
    pub resolution: Estimate,
}

/// Mean and spread of one observable of a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Index into [`Results::samples`].
    pub sample: usize,
    /// Id of an observable with one value per shower.
    pub observable: String,
    /// Nominal incident energy, GeV; absent for the full spectrum.
    pub energy_gev: Option<f64>,
    /// Where the showers came from; absent for the full spectrum.
    pub source: Option<EnergySource>,
    /// Showers that have this observable.
    pub n_showers: u64,
    /// Mean, with its standard error.
    pub mean: Estimate,
    /// Standard deviation, with its standard error.
    pub standard_deviation: Estimate,
}

/// Visible over incident energy of the showers in a range of incident energies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Index into [`Results::samples`].
    pub sample: usize,
    /// Lowest and highest incident energy, GeV.
    pub energy_range_gev: [f64; 2],
    /// Showers in the range.
    pub n_showers: u64,
    /// Mean of visible over incident energy, MeV/GeV.
    pub mean_mev_per_gev: Estimate,
    /// Standard deviation over mean.
    pub relative_width: Estimate,
}

/// Showers that lose so much behind the detector that they have few hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PunchThrough {
    /// Index into [`Results::samples`].
    pub sample: usize,
    /// Showers with at most this many hits count.
    pub at_most_hits: u64,
    /// Showers of the full spectrum.
    pub n_showers: u64,
    /// Share of them that count.
    pub fraction: Estimate,
}

/// Pearson correlations by sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pearson {
    /// The observables, in the order of rows and columns.
    pub labels: Vec<String>,
    /// One matrix for each of [`Results::samples`]; an entry is absent where an observable does not vary.
    pub matrices: Vec<Vec<Vec<Option<f64>>>>,
}

/// A missing value: something that could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Gap {
    /// `what` is missing, and `why`.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}
