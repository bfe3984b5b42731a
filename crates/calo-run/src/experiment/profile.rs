//! How large an experiment is: configuration of its runs and number of showers.

use std::path::PathBuf;

use serde::Deserialize;

/// A size of the whole. Validation and reference have as many showers as each other.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it is called.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub about: String,
    /// Configuration of the runs: a file beside the experiment's, or one that is built in.
    pub config: String,
    /// Folder of trained models, one folder a run: relative to the experiment's file, the current folder or the program,
    /// or to a folder above one of them.
    pub models: Option<PathBuf>,
    /// Fields of the configuration that it sets.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// Those that it sets too where runs begin with trained weights.
    #[serde(default)]
    pub tuning: Vec<String>,
    /// Whether a run on fewer showers than it is made for has more epochs, so that the number of steps stays the same.
    #[serde(default)]
    pub keeps_steps: bool,
    /// Simulated showers to train with.
    pub n_train: u64,
    /// Simulated showers of the full spectrum, in validation and reference each.
    pub n_full: u64,
    /// At each fixed energy, in validation and reference each.
    pub n_fixed: u64,
    /// Shares of a file of showers that train, validate and are the reference.
    pub fractions: [f64; 3],
}
