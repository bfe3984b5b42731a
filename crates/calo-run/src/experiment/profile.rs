//! How large an experiment is: configuration of its runs and number of showers.

use std::collections::BTreeMap;
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
    /// Configuration of the runs: a file beside the experiment's, or one that is built in. Left out where each run has one of
    /// its own.
    pub config: Option<String>,
    /// What single runs have of their own, by their names; a scanned run is meant by its name with the value.
    #[serde(rename = "run", default)]
    pub of_run: BTreeMap<String, ProfileRun>,
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
    /// Seeds, unless told otherwise; one where this is left out.
    pub seeds: Option<u64>,
    /// Kernels of a density at most: training showers that are drawn for it; all of them unless told.
    pub max_kernels: Option<usize>,
    /// Encoded training showers at most whose sampled z is drawn; all of them unless told.
    pub max_encoded: Option<usize>,
    /// Shares of a file of showers that train, validate and are the reference.
    pub fractions: [f64; 3],
}

/// What a run has of its own in a profile.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileRun {
    /// Its configuration, instead of that of the profile.
    pub config: Option<String>,
    /// Fields of the configuration that it sets, beside those of the profile.
    pub overrides: Vec<String>,
}

impl Profile {
    /// The configuration of a run, where there is one.
    pub(super) fn config_of(&self, run: &str) -> Option<&str> {
        let own = self.of_run.get(run).and_then(|own| own.config.as_ref());
        own.or(self.config.as_ref()).map(String::as_str)
    }

    /// Fields of the configuration that the profile sets for a run.
    pub(super) fn overrides_of(&self, run: &str) -> Vec<String> {
        let own = self.of_run.get(run).map(|own| &own.overrides[..]).unwrap_or_default();
        [&self.overrides, own].concat()
    }
}
