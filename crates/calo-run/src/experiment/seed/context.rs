//! What the stages of one seed share.

use std::path::PathBuf;

use crate::experiment::data::Data;
use crate::experiment::description::Experiment;
use crate::experiment::pipeline::Pipeline;

/// What stages of one seed share.
pub(super) struct Seed<'a, 'b> {
    pub(super) pipeline: &'a mut Pipeline<'b>,
    pub(super) data: &'a Data,
    pub(super) seed: u64,
    pub(super) folder: PathBuf,
}

/// A run of the plan, as it was made.
pub(super) struct Made {
    /// Place in the plan.
    pub(super) plan: usize,
    pub(super) folder: PathBuf,
    /// Why it did not recover, where that is a result.
    pub(super) died: Option<String>,
}

impl Made {
    /// What it is called and why it did not recover.
    pub(super) fn death(&self, experiment: &Experiment) -> Option<(String, String)> {
        Some((experiment.runs[self.plan].label.clone(), self.died.clone()?))
    }
}

impl Seed<'_, '_> {
    /// Name of a stage.
    pub(super) fn name(&self, what: &str) -> String {
        format!("seed-{}: {what}", self.seed)
    }
}
