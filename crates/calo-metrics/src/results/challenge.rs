//! The result of an evaluation on layers of voxels of their own, also written to `results.json`.

use serde::{Deserialize, Serialize};

use super::{Gap, SampleInfo, Score};

/// What [`ChallengeResults::kind`] says.
pub const CHALLENGE_KIND: &str = "calo-challenge";

/// Version of the schema of [`ChallengeResults`]; raised when a field changes its meaning or goes.
pub const CHALLENGE_SCHEMA_VERSION: u32 = 1;

/// One evaluation on layers of voxels: a reference, its candidates, and how they compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChallengeResults {
    /// [`CHALLENGE_SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// [`CHALLENGE_KIND`]; results on a rectangular grid have no such field.
    pub kind: String,
    /// Version of the software.
    pub calo_version: String,
    /// Seed of every resampling.
    pub seed: u64,
    /// The detector.
    pub detector: VoxelDetectorInfo,
    /// The reference first, then the candidates in the order given.
    pub samples: Vec<SampleInfo>,
    /// Showers behind the scores that do not use all.
    pub kept: KeptInfo,
    /// Histograms of all samples, in the challenge's order.
    pub histograms: Vec<FeatureHistogram>,
    /// Showers of even against showers of odd number of the reference.
    pub floor: ChallengeComparison,
    /// One for each candidate, in the order of `samples[1..]`.
    pub comparisons: Vec<ChallengeComparison>,
    /// The missing values, and what to know of the others.
    pub gaps: Vec<Gap>,
}

/// What figures need to know of the detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoxelDetectorInfo {
    /// Its name.
    pub name: String,
    /// Voxels of a shower.
    pub n_voxels: usize,
    /// Number of each layer in the experiment, from the front.
    pub layer_ids: Vec<u32>,
    /// Voxels below this were taken as empty, MeV.
    pub cell_cut_mev: f64,
}

/// Showers of a sample that scores use at most, evenly spread over the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptInfo {
    /// FPD and KPD.
    pub distances: usize,
    /// Trees.
    pub trees: usize,
    /// Precision, recall, density, coverage.
    pub neighbours: usize,
}

/// One histogram of every sample on common bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureHistogram {
    /// The challenge's name: `EC Eta layer 1`.
    pub name: String,
    /// What is histogrammed: `EC_eta`; `voxels` for the energies of voxels.
    pub feature: String,
    /// Number of the layer; absent for the whole shower.
    pub layer_id: Option<u32>,
    /// Unit of the axis; empty for ratios.
    pub unit: String,
    /// Bin edges, one more than bins.
    pub edges: Vec<f64>,
    /// Whether the bins are equal in ratio rather than in width.
    pub log_bins: bool,
    /// Entries of each bin, one list for each of [`ChallengeResults::samples`].
    pub counts: Vec<Vec<f64>>,
    /// Entries outside the axis, of each sample.
    pub outside: Vec<f64>,
}

/// One sample against the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChallengeComparison {
    /// Name of the candidate, or of the floor.
    pub name: String,
    /// Showers on either side.
    pub n_showers: [u64; 2],
    /// The scores, in the order of tables; all comparisons have the same.
    pub scores: Vec<Score>,
    /// Separation power of each of [`ChallengeResults::histograms`]; absent where a sample has no entry inside the axis.
    pub separation_powers: Vec<Option<f64>>,
}

impl ChallengeComparison {
    /// The score of that id.
    pub fn score(&self, id: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.id == id)
    }
}
