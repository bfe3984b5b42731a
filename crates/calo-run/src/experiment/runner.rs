//! How stages run: one after another, or on a CPU beside each other.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::stages::{Stage, Stages};
use super::step::Step;
use crate::Result;
use crate::model::Compute;
use crate::monitor::{Interrupted, Monitor, Pass, Progress};

/// Runs the stages of a pipeline.
pub(super) struct Runner<'a> {
    pub(super) stages: Stages<'a>,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) compute: &'a Compute,
}

impl Runner<'_> {
    pub(super) fn stage(&mut self, stage: Stage<Step>) -> Result<()> {
        let (monitor, n_threads) = (self.monitor, rayon::current_num_threads());
        self.stages.run(&[stage], 1, |_, step, _| step.run(n_threads, monitor))
    }

    /// Stages that do not need each other: on a CPU at the same time, for one of them does not fill the cores as well as one
    /// on each.
    pub(super) fn stages_together(&mut self, stages: &[Stage<Step>]) -> Result<()> {
        let n_threads = rayon::current_num_threads();
        let n_at_once = if self.compute.device == "cpu" { n_threads.min(stages.len()) } else { 1 };
        if n_at_once < 2 {
            return stages.iter().try_for_each(|stage| self.stage(stage.clone()));
        }
        let monitor = self.monitor;
        self.stages.run(stages, n_at_once, |name, step, stop| {
            step.run(n_threads / n_at_once, &Beside { name, monitor, stop })
        })
    }
}

/// The monitor of a stage beside others: what it hears comes with the stage's name, and `stop` ends it like an interruption.
struct Beside<'a> {
    name: &'a str,
    monitor: &'a dyn Monitor,
    stop: &'a AtomicBool,
}

impl Monitor for Beside<'_> {
    fn begin(&self, pass: &Pass) -> Box<dyn Progress> {
        self.monitor.begin(&Pass { name: format!("{}: {}", self.name, pass.name), ..pass.clone() })
    }

    fn message(&self, line: &str) {
        self.monitor.message(&format!("{} | {}", self.name, line.trim_start()));
    }

    fn working_on(&self, path: &Path) {
        self.monitor.working_on(path);
    }

    fn check(&self) -> Result<(), Interrupted> {
        if self.stop.load(Ordering::Relaxed) { Err(Interrupted) } else { self.monitor.check() }
    }
}
