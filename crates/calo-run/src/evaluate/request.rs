//! What is compared with what.

use std::path::PathBuf;

use serde::Serialize;

use crate::files::{FixedEnergyFile, InputOptions};

/// Which samples are compared, and how.
#[derive(Debug, Clone, Serialize)]
pub struct EvaluateRequest {
    /// Reference showers.
    pub reference: SampleFiles,
    /// Candidates; one at least.
    pub candidates: Vec<SampleFiles>,
    /// Folder for results.json and, on a rectangular grid, showers.json.
    pub out: PathBuf,
    /// Divisors of S_JSD, from the results.json of another evaluation or a selection.json.
    pub divisors: Option<PathBuf>,
    /// Bootstrap replicas behind the errors of histogram distances.
    pub n_replicas: usize,
    /// Random splits over which distance and floor at the same number of showers are averaged; 0 for none.
    pub n_splits: usize,
    /// Seed of halves, replicas, splits and resampling.
    pub seed: u64,
    /// How the showers are found, with the detector that all are of.
    pub from: InputOptions,
}

/// The files of a sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleFiles {
    /// What to call it.
    pub name: String,
    /// Showers of the full spectrum.
    pub full: PathBuf,
    /// Further files of the full spectrum, for layers of voxels: data sets of the CaloChallenge may have several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<PathBuf>,
    /// Showers of one energy each.
    pub fixed: Vec<FixedEnergyFile>,
}
