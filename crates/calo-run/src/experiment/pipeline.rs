//! What every stage of a reproduction needs.

use std::path::PathBuf;

use super::ReproduceRequest;
use super::base_config::BaseConfig;
use super::description::Experiment;
use super::profile::Profile;
use super::runner::Runner;
use super::stages::Stage;
use super::step::Step;
use crate::Result;

/// What every stage needs.
pub(super) struct Pipeline<'a> {
    pub(super) request: &'a ReproduceRequest,
    pub(super) experiment: &'a Experiment,
    pub(super) profile: &'a Profile,
    /// Of each run, and its file.
    pub(super) configs: Vec<(BaseConfig, PathBuf)>,
    pub(super) detector: String,
    pub(super) out: PathBuf,
    pub(super) runner: Runner<'a>,
}

impl Pipeline<'_> {
    pub(super) fn stage(&mut self, stage: Stage<Step>) -> Result<()> {
        self.runner.stage(stage)
    }

    pub(super) fn stages_together(&mut self, stages: &[Stage<Step>]) -> Result<()> {
        self.runner.stages_together(stages)
    }
}
