//! What is trained, and the result of a run.

use std::path::PathBuf;

use serde::Serialize;

use crate::files::FixedEnergyFile;
use crate::model::Compute;
use crate::run_folder::Validated;

/// What is trained, on which showers, and where.
#[derive(Debug, Clone, Serialize)]
pub struct TrainRequest {
    /// Description of the run, TOML.
    pub config: PathBuf,
    /// Other values for fields of it, as `losses.kld=0.4`; an empty value is the field's default.
    pub overrides: Vec<String>,
    /// Showers; a part of them is trained on, others validate.
    pub data: PathBuf,
    /// Folder of the run.
    pub out: PathBuf,
    /// Resume the run in this folder, or begin it.
    pub resume: bool,
    /// Begin with the weights of another run of the same networks: its folder, or the weights file of an epoch.
    pub from: Option<PathBuf>,
    /// Showers to validate with, full spectrum, instead of the validation part of the data.
    pub validation: Option<PathBuf>,
    /// Showers of one energy to validate with.
    pub validation_at: Vec<FixedEnergyFile>,
    /// Where to compute.
    pub compute: Compute,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Whether it was complete before it was asked for.
    pub had_finished: bool,
    /// Epochs.
    pub n_epochs: u32,
    /// Training steps.
    pub n_steps: u64,
    /// Trained numbers.
    pub n_weights: usize,
    /// The best of the validated epochs.
    pub best: Option<Validated>,
}
