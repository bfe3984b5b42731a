//! The parts of an experiment, as its TOML file holds them.

use std::collections::BTreeMap;

use calo_core::Grid;
use calo_latent::KernelCovariance;
use serde::Deserialize;

use crate::density::BandwidthRule;

/// Which showers there are.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataPlan {
    /// Incident particle.
    pub particle: String,
    /// Energies of the full spectrum, GeV, as `10..100`.
    pub spectrum_gev: String,
    /// Energies of samples of one energy, GeV.
    pub fixed_gev: Vec<f64>,
    /// Whether showers that punch through are dropped from all samples, by the rule of the detector.
    #[serde(default)]
    pub drops_punch_through: bool,
    /// How files of showers are used.
    pub files: FilePlan,
}

/// How files of showers are used instead of simulated ones. Fractions are of training, validation and reference.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePlan {
    /// Of a file of one energy.
    pub fractions_at: [f64; 3],
    /// Of all files where nothing is trained.
    pub fractions_pretrained: [f64; 3],
    /// Detectors whose showers are pooled first.
    #[serde(default)]
    pub pooled: Vec<Pooling>,
}

/// Showers of one detector are made from those of another.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pooling {
    /// The detector that showers are made for.
    pub detector: String,
    /// The detector of the file.
    pub from: String,
    /// Cells that become one.
    pub by: Grid,
}

/// A run, or several that differ in their seeds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunPlan {
    /// Name of its folder.
    pub name: String,
    /// Name on the page.
    pub label: String,
    /// Fields of the configuration that it sets, as `losses.kld=0.05`.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// Names of the profiles that have it; all of them where there is none.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Whether a run that does not recover, say with empty showers, is a result. Elsewhere it is an error.
    #[serde(default)]
    pub may_die: bool,
    /// Makes a run for each of some values of a field; `name` and `label` then begin theirs.
    pub scan: Option<Scan>,
    /// Whether it is repeated as often as is asked for; the best is used. One run at most.
    #[serde(default)]
    pub repeated: bool,
    /// Published S_JSD of repeated runs.
    pub published_s_jsd: Option<String>,
}

/// A field of the configuration that takes one value after another.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// The field, as `losses.kld`.
    pub field: String,
    /// Its values.
    pub values: Vec<toml::Value>,
}

/// Showers of a run that are compared with the reference.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Name in tables and legends.
    pub name: String,
    /// Name of the run.
    pub run: String,
    /// Which of its epochs.
    #[serde(default)]
    pub epoch: EpochRule,
    /// Where latent variables come from.
    pub sampling: Sampling,
    /// Name of the density that they are sampled from; the first of the experiment unless told.
    pub density: Option<String>,
    /// Published scores, by the id of the score.
    #[serde(default)]
    pub published: BTreeMap<String, f64>,
}

/// Which epoch of a run is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EpochRule {
    /// That of the lowest S_JSD against validation showers.
    #[default]
    Best,
    /// The last validated one whose weights were kept.
    Last,
}

/// Where latent variables come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// N(0, 1), or what else the model's prior is.
    Normal,
    /// A kernel density of the latent variables of training showers ([`DensityPlan`]).
    Kde,
    /// The model's prior, moved to better scores of its critic.
    Optimised,
}

/// A kernel density of latent variables and incident energy of training showers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DensityPlan {
    /// Name that candidates call it by; its file has it.
    pub name: String,
    /// Shape of the Gaussian kernels.
    pub kernel: Kernel,
    /// How wide they are.
    pub bandwidth: DensityBandwidth,
}

impl DensityPlan {
    /// The one of an experiment that lists none.
    pub(super) fn ours() -> Self {
        Self { name: "ours".to_owned(), kernel: Kernel::Regressed, bandwidth: DensityBandwidth::Own }
    }
}

/// Shape of the Gaussian kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernel {
    /// As wide as the standard deviation of each variable times the bandwidth.
    Standardised,
    /// The same along the regression on the energy.
    Regressed,
    /// The covariance of the points times the bandwidth squared.
    Full,
}

impl Kernel {
    pub(super) fn covariance(self) -> KernelCovariance {
        match self {
            Self::Standardised => KernelCovariance::Standardised,
            Self::Regressed => KernelCovariance::Regressed,
            Self::Full => KernelCovariance::FullCovariance,
        }
    }
}

/// How wide kernels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DensityBandwidth {
    /// Scott's rule.
    Scott,
    /// One bandwidth for all variables and the energy, by cross-validated likelihood.
    One,
    /// A bandwidth for each variable, of kernels that keep its variance, by the likelihood of held-out points.
    Own,
}

impl DensityBandwidth {
    pub(super) fn rule(self) -> BandwidthRule {
        match self {
            Self::Scott => BandwidthRule::Scott,
            Self::One => BandwidthRule::One,
            Self::Own => BandwidthRule::EachVariable,
        }
    }
}

/// A page of the latent space of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentPage {
    /// Name of the run.
    pub run: String,
    /// What new showers are sampled from: with `normal`, a density that is made for the page alone stands beside.
    pub sampling: Sampling,
    /// Name of that density; the first of the experiment unless told.
    pub density: Option<String>,
    /// Which epoch of the run.
    #[serde(default)]
    pub epoch: EpochRule,
    /// Showers that are generated for its figures.
    #[serde(default = "page_showers")]
    pub n_generated: usize,
    /// Their incident energy, GeV.
    #[serde(default = "page_energy_gev")]
    pub energy_gev: f64,
    /// Published correlation of the leading variable with the centre of gravity z; the first page's is in the table.
    pub published_cog_z: Option<String>,
}

/// Latent spaces of all pages side by side.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatentComparisonPlan {
    /// Names of runs whose correlations are drawn; of all pages where there is none.
    pub correlations: Vec<String>,
    /// Names of runs whose sampled z is drawn, of training showers.
    pub sampled: Vec<String>,
    /// Name of a density of the first of these, drawn beside them.
    pub density: Option<String>,
}

fn page_showers() -> usize {
    1000
}

fn page_energy_gev() -> f64 {
    50.0
}

/// A number that the paper gives as a limit for its models, shown beside what was found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Of what.
    pub quantity: ClaimedQuantity,
    /// What the paper says.
    pub paper: String,
}

/// What a claim is about: the largest of several numbers, in size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimedQuantity {
    /// Offset of mu90 of the visible energy from the reference's, over energies.
    Mu90,
    /// Offset of sigma90/mu90 of the visible energy, over energies.
    Resolution,
    /// Difference of Pearson coefficients, over pairs of observables.
    Pearson,
}

/// What the pages of an experiment show of the paper.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Figures {
    /// Of the report of the evaluation, as `figures 6 and 7`.
    pub evaluation: String,
    /// Of the page of the choice of epochs.
    pub selection: String,
    /// Of the pages of latent spaces.
    pub latent: String,
    /// Of the page of all latent spaces.
    pub latent_comparison: String,
}

/// What files of a candidate's showers are called.
pub(super) fn file_stem(candidate: &str) -> String {
    candidate.replace(" + ", "-").replace(' ', "-").to_lowercase()
}

/// Shares with a sum of 1.
pub(super) fn normalised(fractions: [f64; 3]) -> [f64; 3] {
    let sum: f64 = fractions.iter().sum();
    fractions.map(|share| share / sum)
}
