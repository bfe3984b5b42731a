//! What is known of a model's latent space, as written to `latent.json` (schema in `docs/latent.md`).
//!
//! Plain data: `calo latent` fills it, [`render_latent`](crate::render_latent) draws it, other programs read it. Numbers
//! that could not be computed are absent and named in [`LatentResults::gaps`], never zero.
//!
//! Latent variables are numbered in the order of the encoder's output, from 0; *rank* is their place by falling
//! divergence, which the paper calls z_0, z_1, ...

use calo_metrics::results::{DetectorInfo, Estimate, Gap};
use serde::{Deserialize, Serialize};

mod read;

pub use read::read_latent;

/// Version of the schema below; raised when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 2;

/// Everything about one model's latent space.
///
/// # Reference
/// arXiv:2102.12491, figures 2 to 5 and 8.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentResults {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Version of the software.
    pub calo_version: String,
    /// Seed of the noise.
    pub seed: u64,
    /// The detector.
    pub detector: DetectorInfo,
    /// What encoded them.
    pub model: ModelInfo,
    /// What was encoded.
    pub data: DataInfo,
    /// The density of latent variables and incident energy, if there is one.
    pub density: Option<DensityInfo>,
    /// How much information each variable carries.
    pub divergence: Divergence,
    /// Correlations of the leading variables, and of the incident energy, with observables.
    pub correlations: Correlations,
    /// Leading variables against observables.
    pub joints: Vec<Joint>,
    /// Showers along the leading variables.
    pub traversals: Vec<Traversal>,
    /// Distributions of the leading variables.
    pub marginals: Vec<Marginal>,
    /// Centre of gravity in depth against incident energy: of the showers encoded, then of generated ones.
    pub cog_z: Vec<Joint>,
    /// The missing values: what could not be computed, and why. The key in files stays `gaps`, so that files already
    /// written can be read.
    pub gaps: Vec<Gap>,
}

/// A trained model at one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Name in titles: by default that of the run's folder.
    pub name: String,
    /// Epoch of the weights.
    pub epoch: u64,
    /// BLAKE3 hash of the weights' file, hexadecimal.
    pub weights_blake3: String,
    /// Latent variables that are encoded.
    pub encoded: usize,
    /// Latent variables in all; the others are noise.
    pub latent: usize,
    /// Weight of the Kullback-Leibler divergence in the run.
    pub beta_kld: Option<f64>,
    /// Whether decoded showers went through the post-processor.
    pub post_processed: bool,
}

/// The showers that were encoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataInfo {
    /// Path as given.
    pub path: String,
    /// BLAKE3 hash of the file's bytes, hexadecimal.
    pub blake3: String,
    /// Part of the file: `train`, `validation`, `test` or `all`.
    pub part: String,
    /// Showers encoded.
    pub n_showers: u64,
    /// Lowest and highest incident energy, GeV.
    pub energy_range_gev: [f64; 2],
}

/// A kernel density of latent variables and incident energy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DensityInfo {
    /// Path of its file, where it came from one.
    pub path: Option<String>,
    /// Kernels.
    pub n_centres: u64,
    /// Bandwidth of each latent variable, in the order of the encoder's output, in the units of the density's scaling.
    pub bandwidths: Vec<f64>,
    /// Bandwidth of the incident energy.
    pub condition_bandwidth: f64,
}

/// Kullback-Leibler divergence of every variable from N(0, 1), by falling divergence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// Numbers of the variables.
    pub variables: Vec<usize>,
    /// Mean over the showers, nats.
    pub nats: Vec<f64>,
    /// Standard errors of these means.
    pub errors: Vec<f64>,
    /// Sums up to and including each, nats.
    pub cumulative_nats: Vec<f64>,
}

/// Pearson correlations of sampled z, and of the incident energy, with observables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correlations {
    /// Numbers of the leading variables by falling divergence; the incident energy comes after them.
    pub variables: Vec<usize>,
    /// Observables, by the papers' names.
    pub observables: Vec<String>,
    /// Coefficients by observable, then variable, then incident energy; absent where one of them does not vary.
    pub coefficients: Vec<Vec<Option<f64>>>,
    /// Their standard errors.
    pub errors: Vec<Vec<Option<f64>>>,
}

/// A histogram in two dimensions, with its correlation and its profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Joint {
    /// Whose it is: `encoded`, `normal` (showers from N(0, 1)) or `density` (showers from the density).
    pub sample: String,
    /// Number of the latent variable along x; absent for the incident energy.
    pub variable: Option<usize>,
    /// Observable along y, by name.
    pub observable: String,
    /// Unit of the observable, empty where it has none.
    pub unit: String,
    /// Edges along x: of the variable, or of the incident energy in GeV.
    pub x_edges: Vec<f64>,
    /// Edges along y.
    pub y_edges: Vec<f64>,
    /// Showers by bin along x, then along y.
    pub counts: Vec<Vec<u64>>,
    /// Showers outside the edges.
    pub n_outside: u64,
    /// Mean of y with its standard error in every bin along x; absent where there are fewer than two showers.
    pub profile: Vec<Option<Estimate>>,
    /// Pearson's correlation, of all showers.
    pub correlation: Option<Estimate>,
}

/// Showers decoded along one variable, all others at zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Traversal {
    /// Number of the variable.
    pub variable: usize,
    /// Incident energy of every shower, GeV.
    pub energy_gev: f64,
    /// One shower for each value.
    pub points: Vec<TraversalPoint>,
}

/// One decoded shower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraversalPoint {
    /// Value of the variable.
    pub z: f64,
    /// Energy of every layer above the cell cut, MeV.
    pub longitudinal_mev: Vec<f64>,
    /// Centre of gravity in depth, layers; absent for a shower without a cell above the cut.
    pub cog_z: Option<f64>,
    /// `[layer, x, y]` of every cell above the cut.
    pub cells: Vec<[u16; 3]>,
    /// Their energies, MeV.
    pub energies_mev: Vec<f32>,
}

/// Distribution of sampled z of one variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Marginal {
    /// Number of the variable.
    pub variable: usize,
    /// Bin edges.
    pub edges: Vec<f64>,
    /// Showers in every bin.
    pub counts: Vec<u64>,
    /// Showers outside the edges.
    pub n_outside: u64,
    /// Mean of z.
    pub mean: Estimate,
    /// Standard deviation of z.
    pub standard_deviation: Estimate,
    /// The density's marginal at the middle of every bin, where there is a density.
    pub density: Option<Vec<f64>>,
}

impl LatentResults {
    /// Rank of `variable` by falling divergence, from 0.
    pub fn rank(&self, variable: usize) -> Option<usize> {
        self.divergence.variables.iter().position(|&ranked| ranked == variable)
    }
}
