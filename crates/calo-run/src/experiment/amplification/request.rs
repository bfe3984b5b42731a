//! What is to be reproduced, and how.

use std::path::PathBuf;

use super::description::AmplificationExperiment;
use crate::experiment::program::Program;
use crate::experiment::stages::Request;
use crate::model::{Compute, Precision};

/// What is to be reproduced, and how.
#[derive(Debug, Clone)]
pub struct AmplificationReproduceRequest {
    /// The experiment.
    pub experiment: AmplificationExperiment,
    /// Name of the profile: how large.
    pub profile: String,
    /// Simulate all showers, also those that come with the program.
    pub truth_from_scratch: bool,
    /// Seed of the simulated showers; for another than 1 all are simulated.
    pub data_seed: u64,
    /// Number of the first training set, which is also the seed of its runs.
    pub first_set: u64,
    /// Number of training sets; that of the profile unless told.
    pub n_sets: Option<u64>,
    /// Number of runs on each; that of the profile unless told.
    pub n_runs: Option<u64>,
    /// Other values for fields of the configuration.
    pub overrides: Vec<String>,
    /// Folder for everything.
    pub out: PathBuf,
    /// Keep what is there of another request as far as it is the same.
    pub resume: bool,
    /// Keep stages that another program made.
    pub keep_stages: bool,
    /// What makes the files: [`Program::running`] in a command.
    pub program: Program,
    /// Where networks compute.
    pub compute: Compute,
    /// Seconds of the build, which no stage counts, where there was one.
    pub build_seconds: Option<f64>,
}

impl AmplificationReproduceRequest {
    /// All that the result depends on, by name.
    pub(super) fn asked(&self, n_sets: u64, n_runs: u64) -> Request {
        let values = [
            ("experiment", self.experiment.name().to_owned()),
            ("profile", self.profile.clone()),
            ("truth-from-scratch", self.truth_from_scratch.to_string()),
            ("data-seed", self.data_seed.to_string()),
            ("seed", self.first_set.to_string()),
            ("seeds", n_sets.to_string()),
            ("runs", n_runs.to_string()),
            ("set", self.overrides.join(" ")),
            ("device", self.compute.device.clone()),
        ];
        let precision = Some(self.compute.precision).filter(|precision| *precision != Precision::default());
        let precision = precision.map(|precision| ("precision", precision.to_string()));
        values.into_iter().chain(precision).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
