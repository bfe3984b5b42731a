//! One seed: runs, the best epochs, densities, generated showers, and how they compare.

mod choose;
mod compare;
mod context;
mod densities;
mod judge;
mod sample;
mod train;

use std::path::{Path, PathBuf};

use calo_metrics::results::Results;
use calo_report::latent::{LatentResults, read_latent};
use calo_report::selection::SelectedRun;

use super::data::{self, Place};
use super::pipeline::Pipeline;
use super::plan::RunPlan;
use crate::Result;
use crate::config::RunConfig;
use crate::error::ensure;
use crate::files::create_folder;
use crate::run_folder::RunFolder;

pub(super) use choose::{DivisorsOrigin, ValidatedRun};
use compare::Compared;
use context::{Made, Seed};
use sample::Wanted;

/// What one seed gave.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) seed: u64,
    pub(super) results: Results,
    /// Latent spaces, in the order of their pages.
    pub(super) latent: Vec<LatentSpace>,
    /// S_JSD of the best epoch of each run of the plan that is repeated.
    pub(super) repeated_s_jsd: Vec<f64>,
    /// What is behind each candidate; none where its run did not recover.
    pub(super) used: Vec<Option<UsedEpoch>>,
    /// Names of runs that did not recover, and why.
    pub(super) died: Vec<(String, String)>,
    /// Where the divisors of S_JSD are from.
    pub(super) divisors: DivisorsOrigin,
    pub(super) folder: PathBuf,
}

/// What is known of the latent space of a run.
#[derive(Debug, Clone)]
pub(super) struct LatentSpace {
    /// Name of the run on the page.
    pub(super) label: String,
    pub(super) folder: PathBuf,
    pub(super) results: LatentResults,
    /// Whether its variables were activated one after another.
    pub(super) is_staged: bool,
}

/// A run and its epoch that showers were generated with.
#[derive(Debug)]
pub(super) struct UsedEpoch {
    pub(super) run: SelectedRun,
    pub(super) epoch: u32,
}

/// All stages of the seed at place `index`, with showers of its own: what numbers of several seeds differ by is the
/// fluctuation of data, reference and training.
pub(super) fn run(pipeline: &mut Pipeline<'_>, index: u64) -> Result<Outcome> {
    let [seed, data_seed] = [pipeline.request.seed, pipeline.request.data_seed].map(|first| first + index);
    let folder = pipeline.out.join(format!("seed-{seed}"));
    create_folder(&folder)?;
    let data = data::make(pipeline, &Place { seed, data_seed, folder: folder.join("data") })?;
    Seed { pipeline, data: &data, seed, folder }.run()
}

impl Seed<'_, '_> {
    fn run(mut self) -> Result<Outcome> {
        let experiment = self.pipeline.experiment;
        let made = self.make_all()?;
        let (chosen, divisors) = self.select(&made)?;
        let mut densities = self.estimate_all(&chosen)?;
        let (mut candidates, mut used) = (Vec::new(), Vec::new());
        for candidate in &experiment.candidates {
            let Some(model) = Wanted::from(candidate).model(experiment, &chosen, &densities)? else {
                used.push(None);
                continue;
            };
            candidates.push((candidate.name.clone(), self.generate(&candidate.name, &model)?));
            used.push(Some(UsedEpoch { run: model.chosen.run.clone(), epoch: model.epoch }));
        }
        ensure!(!candidates.is_empty(), "{}: no run of a candidate recovered", self.folder.display());
        let results = self.evaluate(&candidates)?;
        let mut latent = Vec::new();
        for page in &experiment.latent_pages {
            let Some(model) = Wanted::from(page).model(experiment, &chosen, &densities)? else { continue };
            let folder = self.latent(page, &model)?;
            let label = experiment.run_index(&page.run).map(|index| experiment.runs[index].label.clone());
            latent.push(LatentSpace {
                label: label.unwrap_or_default(),
                results: read_latent(&folder)?,
                is_staged: is_staged(&model.chosen.folder)?,
                folder,
            });
        }
        if let Some(plan) = experiment.latent_comparison.as_ref().filter(|_| !latent.is_empty()) {
            let densities = &mut densities;
            self.compare_latent(Compared { plan, spaces: &latent, chosen: &chosen, densities })?;
        }
        let repeated = experiment.runs.iter().position(|run| run.repeated);
        let repeated = repeated.and_then(|index| chosen[index].as_ref());
        Ok(Outcome {
            seed: self.seed,
            results,
            latent,
            repeated_s_jsd: repeated.map(|chosen| chosen.s_jsd.clone()).unwrap_or_default(),
            used,
            divisors,
            died: made.iter().filter_map(|made| made.death(experiment)).collect(),
            folder: self.folder,
        })
    }

    /// The runs of the plan: trained, or trained already.
    fn make_all(&mut self) -> Result<Vec<Made>> {
        if !self.pipeline.request.pretrained {
            return self.train_all();
        }
        let experiment = self.pipeline.experiment;
        let models = experiment.models(self.pipeline.profile)?;
        let made = |(plan, run): (usize, &RunPlan)| Made { plan, folder: models.join(&run.name), died: None };
        Ok(experiment.runs.iter().enumerate().map(made).collect())
    }
}

/// Whether the configuration of a run activates latent variables one after another.
fn is_staged(run: &Path) -> Result<bool> {
    let config = RunConfig::read_table(&RunFolder::new(run).config())?;
    Ok(config.get("losses").is_some_and(|losses| losses.get("staged_activation").is_some()))
}
