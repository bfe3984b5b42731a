//! What is to be reproduced, and how.

use std::path::PathBuf;

use super::description::Experiment;
use super::program::Program;
use super::stages::Request;
use crate::files::FixedEnergyFile;
use crate::model::{Compute, Precision};

/// What is to be reproduced, and how.
#[derive(Debug, Clone)]
pub struct ReproduceRequest {
    /// The experiment.
    pub experiment: Experiment,
    /// Name of the profile: how large.
    pub profile: String,
    /// Showers of the full spectrum, instead of simulated ones.
    pub data: Option<PathBuf>,
    /// Showers of one energy, to go with these.
    pub data_at: Vec<FixedEnergyFile>,
    /// Seed of the simulated showers, or of the split of files, of the first seed; each further one has the next.
    pub data_seed: u64,
    /// Seed of runs and generated showers.
    pub seed: u64,
    /// So many seeds from `seed` on.
    pub n_seeds: u64,
    /// How often the repeated run is made; the best is used.
    pub n_runs: u64,
    /// Score the trained models of the profile instead of training.
    pub pretrained: bool,
    /// Begin runs with the weights in folders of their names in this one.
    pub from: Option<PathBuf>,
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

impl ReproduceRequest {
    /// All that the result depends on, by name.
    pub(super) fn asked(&self) -> Request {
        let shown = |path: &Option<PathBuf>| {
            path.as_ref().map_or_else(String::new, |path| path.display().to_string())
        };
        let data_at = self.data_at.iter().map(|file| format!("{}={}", file.energy_gev, file.path.display()));
        let values = [
            ("experiment", self.experiment.name().to_owned()),
            ("profile", self.profile.clone()),
            ("data", shown(&self.data)),
            ("data-at", data_at.collect::<Vec<_>>().join(" ")),
            ("data-seed", self.data_seed.to_string()),
            ("seed", self.seed.to_string()),
            ("seeds", self.n_seeds.to_string()),
            ("runs", self.n_runs.to_string()),
            ("set", self.overrides.join(" ")),
            ("device", self.compute.device.clone()),
        ];
        let from = self.from.is_some().then(|| ("from", shown(&self.from)));
        let pretrained = self.pretrained.then(|| ("pretrained", "true".to_owned()));
        let precision = Some(self.compute.precision).filter(|precision| *precision != Precision::default());
        let precision = precision.map(|precision| ("precision", precision.to_string()));
        let values = values.into_iter().chain(from).chain(pretrained).chain(precision);
        values.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
