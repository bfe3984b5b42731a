//! What is compared with what.

use std::path::PathBuf;
use std::str::FromStr;

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
    /// How thoroughly trees look for differences.
    pub classifiers: Classifiers,
    /// How the showers are found, with the detector that all are of.
    pub from: InputOptions,
}

/// How thoroughly classifiers look for differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Classifiers {
    /// Trees on at most 5,000 showers of each sample: within a minute for 3,000.
    #[default]
    Fast,
    /// Trees on at most 50,000 showers of each sample.
    Full,
}

impl Classifiers {
    /// Showers of a sample that trees are grown with, at most.
    pub fn n_showers(self) -> usize {
        match self {
            Self::Fast => 5000,
            Self::Full => 50_000,
        }
    }
}

impl FromStr for Classifiers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fast" => Ok(Self::Fast),
            "full" => Ok(Self::Full),
            _ => Err(format!("`{text}`; expected fast or full")),
        }
    }
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
