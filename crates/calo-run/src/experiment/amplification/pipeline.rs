//! What every stage of an experiment of this kind needs.

use std::path::PathBuf;

use super::description::{AmplificationExperiment, AmplificationProfile};
use super::request::AmplificationReproduceRequest;
use crate::experiment::runner::Runner;

/// What every stage needs.
pub(super) struct Pipeline<'a> {
    pub(super) request: &'a AmplificationReproduceRequest,
    pub(super) experiment: &'a AmplificationExperiment,
    pub(super) profile: &'a AmplificationProfile,
    pub(super) n_runs: u64,
    /// What the model is called in tables.
    pub(super) model_name: String,
    pub(super) config_file: PathBuf,
    pub(super) detector: String,
    pub(super) out: PathBuf,
    pub(super) runner: Runner<'a>,
}
