//! The best run of each of the plan, and the epoch of it that is used.

use std::path::{Path, PathBuf};

use calo_report::selection::{SelectedRun, read_selection};

use super::context::{Made, Seed};
use crate::Result;
use crate::error::Context as _;
use crate::experiment::plan::EpochRule;
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::run_folder::RunFolder;
use crate::select::{NamedRun, SelectRequest};

/// The run that is used for one of the plan.
pub(super) struct Chosen {
    pub(super) run: SelectedRun,
    pub(super) folder: PathBuf,
    /// S_JSD of all runs that it was chosen from.
    pub(super) s_jsd: Vec<f64>,
}

impl Chosen {
    /// The epoch that `rule` means.
    ///
    /// # Errors
    /// A run none of whose validated epochs was kept.
    pub(super) fn epoch(&self, rule: EpochRule) -> Result<u32> {
        match rule {
            EpochRule::Best => Ok(self.run.best_epoch),
            EpochRule::Last => {
                let last = self.run.epochs.iter().rfind(|epoch| epoch.kept).map(|epoch| epoch.epoch);
                last.with_context(|| {
                    format!("{}: no weights of a validated epoch; expected some kept", self.folder.display())
                })
            }
        }
    }

    pub(super) fn weights(&self, epoch: u32) -> PathBuf {
        RunFolder::new(&self.folder).weights(epoch)
    }
}

impl Seed<'_, '_> {
    /// The best epoch of every run, judged together; for each of the plan the best run.
    pub(super) fn select(&mut self, made: &[Made]) -> Result<Vec<Chosen>> {
        let out = self.folder.join("selection");
        let path = out.join("selection.json");
        let named = |made: &Made| NamedRun { name: file_name(&made.folder), folder: made.folder.clone() };
        let request = SelectRequest { runs: made.iter().map(named).collect(), out };
        self.pipeline.stage(Stage {
            name: self.name("choose epochs"),
            steps: vec![Step::Select(request)],
            inputs: made.iter().map(|made| RunFolder::new(&made.folder).validation()).collect(),
            outputs: vec![path.clone()],
            unfinished: vec![],
        })?;
        let selected = read_selection(&path)?.runs;
        let mut chosen = Vec::new();
        for (plan, run) in self.pipeline.experiment.runs.iter().enumerate() {
            let of_plan = || made.iter().zip(&selected).filter(|(made, _)| made.plan == plan);
            let best = of_plan().min_by(|(_, a), (_, b)| a.best_s_jsd.total_cmp(&b.best_s_jsd));
            let (made, best) = best.with_context(|| format!("{}: no run of {}", path.display(), run.name))?;
            chosen.push(Chosen {
                run: best.clone(),
                folder: made.folder.clone(),
                s_jsd: of_plan().map(|(_, selected)| selected.best_s_jsd).collect(),
            });
        }
        Ok(chosen)
    }
}

fn file_name(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
