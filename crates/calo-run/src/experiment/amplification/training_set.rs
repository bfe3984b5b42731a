//! One training set: its runs, their showers, and what these are worth.

use std::path::PathBuf;

use calo_report::amplification::{Amplification, read_amplification};
use serde::Serialize;

use super::data::Data;
use super::pipeline::Pipeline;
use crate::Result;
use crate::amplification::{AmplificationRequest, NamedFiles, ObservableSet};
use crate::error::Context as _;
use crate::experiment::data::single;
use crate::experiment::seeds::NEXT_RUN;
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::files::{StorageOptions, create_folder};
use crate::generate::GenerateRequest;
use crate::model::{ModelChoice, ModelSource};
use crate::run_folder::{EpochChoice, RunFolder, best_epoch};
use crate::train::TrainRequest;

/// A training set and its runs.
pub(super) struct TrainingSet {
    pub(super) number: u64,
    folder: PathBuf,
    /// Images.
    showers: PathBuf,
    /// Folders of the runs.
    runs: Vec<PathBuf>,
}

/// What is behind the numbers of a training set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetRecord {
    /// Its number.
    pub set: u64,
    /// Its runs.
    pub runs: Vec<ChosenEpoch>,
    /// Its folder.
    pub folder: String,
}

/// The epoch of a run that showers were generated with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChosenEpoch {
    /// Seed of the run.
    pub seed: u64,
    /// Its epoch.
    pub epoch: u32,
    /// Its step.
    pub step: u64,
    /// Mean divergence from the training showers by which it was chosen; none where the configuration chooses otherwise.
    pub mean_divergence: Option<f64>,
}

impl TrainingSet {
    /// Finds or makes the showers of a set.
    pub(super) fn new(pipeline: &mut Pipeline<'_>, data: &Data, number: u64) -> Result<Self> {
        let folder = pipeline.out.join(format!("set-{number}"));
        create_folder(&folder)?;
        let showers = data.training(pipeline, number, &folder)?;
        let runs = (1..=pipeline.n_runs).map(|run| folder.join(format!("run-{run}"))).collect();
        Ok(Self { number, folder, showers, runs })
    }

    fn seed(&self, run: usize) -> u64 {
        self.number + run as u64 * NEXT_RUN
    }

    /// Name of a stage.
    fn name(&self, what: &str) -> String {
        format!("set-{}: {what}", self.number)
    }

    /// The stages of its runs.
    pub(super) fn train(&self, pipeline: &Pipeline<'_>) -> Vec<Stage<Step>> {
        let stage = |(run, out): (usize, &PathBuf)| {
            let request = pipeline.request;
            let mut overrides = pipeline.profile.overrides.clone();
            overrides.extend(request.overrides.iter().cloned());
            // The epoch is chosen with the training showers, as in the paper.
            overrides.extend(["data.split=[1.0, 0.0, 0.0]".to_owned(), format!("seed={}", self.seed(run))]);
            let folder = RunFolder::new(out);
            Stage {
                name: self.name(&format!("train run {}", run + 1)),
                inputs: vec![pipeline.config_file.clone(), self.showers.clone()],
                outputs: vec![folder.config(), folder.validation(), folder.last()],
                unfinished: vec![out.clone()],
                steps: vec![Step::Train(TrainRequest {
                    config: pipeline.config_file.clone(),
                    overrides,
                    data: self.showers.clone(),
                    out: out.clone(),
                    // Begun or not: what a kill left is resumed.
                    resume: true,
                    from: None,
                    validation: Some(self.showers.clone()),
                    validation_at: vec![],
                    compute: request.compute.clone(),
                })],
            }
        };
        self.runs.iter().enumerate().map(stage).collect()
    }

    /// The best epoch of each run.
    pub(super) fn chosen(&self) -> Result<Vec<ChosenEpoch>> {
        let chosen = |(run, folder): (usize, &PathBuf)| {
            let validated = RunFolder::new(folder).validated()?;
            let best = best_epoch(&validated).with_context(|| {
                format!("{}: no validated epoch; expected some with their weights", folder.display())
            })?;
            Ok(ChosenEpoch {
                seed: self.seed(run),
                epoch: best.epoch,
                step: best.step,
                mean_divergence: best.mean_divergence,
            })
        };
        self.runs.iter().enumerate().map(chosen).collect()
    }

    /// Observables of the showers of all runs, in equal parts.
    fn generate(&self, pipeline: &mut Pipeline<'_>, chosen: &[ChosenEpoch]) -> Result<Vec<PathBuf>> {
        let n_all = pipeline.profile.n_generated;
        let n_runs = self.runs.len() as u64;
        let mut files = Vec::new();
        for ((run, folder), ChosenEpoch { epoch, .. }) in (0..).zip(&self.runs).zip(chosen) {
            // Parts differ by one shower at most, and no two of them have the same noise.
            let [first, end] = [run, run + 1].map(|run| n_all * run / n_runs);
            let out = self.folder.join(format!("generated-{}.hdf5", run + 1));
            let generate = GenerateRequest {
                model: ModelChoice {
                    source: ModelSource::Run(folder.clone()),
                    epoch: EpochChoice::Number(*epoch),
                    compute: pipeline.request.compute.clone(),
                },
                latent: None,
                density: None,
                energies: single(pipeline.experiment.data.energy_gev).into(),
                n_showers: end - first,
                seed: self.number,
                first,
                no_post_processor: false,
                observables: true,
                out: out.clone(),
                storage: StorageOptions::default(),
            };
            pipeline.runner.stage(Stage {
                name: self.name(&format!("generate with run {}", run + 1)),
                steps: vec![Step::Generate(generate)],
                inputs: vec![RunFolder::new(folder).weights(*epoch)],
                outputs: vec![out.clone()],
                unfinished: vec![],
            })?;
            files.push(out);
        }
        Ok(files)
    }

    /// Files of the showers that densities are fitted to, by their number.
    fn estimate_from(&self, pipeline: &mut Pipeline<'_>, data: &Data) -> Result<Vec<NamedFiles>> {
        let experiment = pipeline.experiment;
        let named = |n: u64, file: PathBuf| NamedFiles { name: n.to_string(), files: vec![file] };
        let Some(first) = experiment.first_of(self.number) else {
            // Of a set that was simulated for itself there are no more showers than it has.
            return Ok(vec![named(experiment.data.n_train, self.showers.clone())]);
        };
        let mut fitted = Vec::new();
        for &n in &experiment.data.estimate_from {
            let out = self.folder.join(format!("showers-{n}.hdf5"));
            let [first, n_showers] = [first, n].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
            let observe = pipeline.observe(&data.independent, first, Some(n_showers), false, &out);
            pipeline.runner.stage(Stage {
                name: self.name(&format!("observe {n} showers")),
                steps: vec![observe],
                inputs: vec![data.independent.clone()],
                outputs: vec![out.clone()],
                unfinished: vec![],
            })?;
            fitted.push(named(n, out));
        }
        Ok(fitted)
    }

    /// What the showers of the runs are worth.
    pub(super) fn compare(
        &self,
        pipeline: &mut Pipeline<'_>,
        data: &Data,
    ) -> Result<(Amplification, SetRecord)> {
        let chosen = self.chosen()?;
        let generated = self.generate(pipeline, &chosen)?;
        let estimate_from = self.estimate_from(pipeline, data)?;
        let out = self.folder.join("amplification");
        let mut inputs = vec![data.truth.clone(), data.independent.clone(), self.showers.clone()];
        inputs.extend(generated.iter().cloned());
        inputs.extend(estimate_from.iter().flat_map(|fitted| fitted.files.clone()));
        let request = AmplificationRequest {
            reference: data.truth.clone(),
            independent: Some(data.independent.clone()),
            holdout: 0.0,
            training: self.showers.clone(),
            candidates: vec![NamedFiles { name: pipeline.model_name.clone(), files: generated }],
            n_estimated: pipeline.profile.n_estimated,
            estimate_from,
            observables: ObservableSet::of_paper(),
            from: pipeline.input_options(),
            seed: self.number,
            out: out.clone(),
        };
        let json = out.join("amplification.json");
        pipeline.runner.stage(Stage {
            name: self.name("compare"),
            steps: vec![Step::Amplify(request)],
            inputs,
            outputs: vec![json.clone(), out.join("amplification.html")],
            unfinished: vec![],
        })?;
        let folder = self.folder.display().to_string();
        Ok((read_amplification(&json)?, SetRecord { set: self.number, runs: chosen, folder }))
    }
}
