//! The best run of each of the plan, and the epoch of it that is used.

use std::path::{Path, PathBuf};

use calo_report::selection::{SelectedRun, Selection, read_selection};
use serde::Serialize;

use super::context::{Made, Seed};
use crate::Result;
use crate::error::{Context as _, ensure};
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

/// What the divisors of S_JSD are means over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DivisorsOrigin {
    /// Comparisons: every validated epoch of every run, at each stage of its networks, latent variables from the prior.
    pub n_comparisons: usize,
    /// Validation showers of the full spectrum in each, and as many of the model; not known of runs of earlier versions.
    pub n_showers: Option<u64>,
    /// The runs.
    pub runs: Vec<ValidatedRun>,
}

/// The validated epochs of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValidatedRun {
    /// Name of the run.
    pub name: String,
    /// In order.
    pub epochs: Vec<u32>,
}

impl DivisorsOrigin {
    fn of(selection: &Selection) -> Self {
        let run = |run: &SelectedRun| ValidatedRun {
            name: run.name.clone(),
            epochs: run.epochs.iter().map(|epoch| epoch.epoch).collect(),
        };
        Self {
            n_comparisons: selection.divisors.n_comparisons,
            n_showers: selection.n_showers,
            runs: selection.runs.iter().map(run).collect(),
        }
    }
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
    /// The best epoch of every run, judged together; for each of the plan the best run, of which one at least recovered.
    pub(super) fn select(&mut self, made: &[Made]) -> Result<(Vec<Option<Chosen>>, DivisorsOrigin)> {
        let made: Vec<&Made> = made.iter().filter(|made| made.died.is_none()).collect();
        ensure!(!made.is_empty(), "{}: no run recovered; expected one at least", self.folder.display());
        let out = self.folder.join("selection");
        let path = out.join("selection.json");
        let named = |made: &&Made| NamedRun { name: file_name(&made.folder), folder: made.folder.clone() };
        let request = SelectRequest { runs: made.iter().map(named).collect(), out };
        self.pipeline.stage(Stage {
            name: self.name("choose epochs"),
            steps: vec![Step::Select(request)],
            inputs: made.iter().map(|made| RunFolder::new(&made.folder).validation()).collect(),
            outputs: vec![path.clone()],
            unfinished: vec![],
        })?;
        let selection = read_selection(&path)?;
        let origin = DivisorsOrigin::of(&selection);
        let selected = selection.runs;
        let mut chosen = Vec::new();
        for plan in 0..self.pipeline.experiment.runs.len() {
            let of_plan = || made.iter().zip(&selected).filter(|(made, _)| made.plan == plan);
            let best = of_plan().min_by(|(_, a), (_, b)| a.best_s_jsd.total_cmp(&b.best_s_jsd));
            chosen.push(best.map(|(made, best)| Chosen {
                run: best.clone(),
                folder: made.folder.clone(),
                s_jsd: of_plan().map(|(_, selected)| selected.best_s_jsd).collect(),
            }));
        }
        Ok((chosen, origin))
    }
}

fn file_name(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
