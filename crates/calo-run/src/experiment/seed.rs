//! One seed: runs, the best epochs, densities, generated showers, and how they compare.

use std::path::{Path, PathBuf};

use calo_data::Part;
use calo_latent::Scaling;
use calo_metrics::results::Results;
use calo_report::latent::{LatentResults, read_latent};
use calo_report::selection::{SelectedRun, read_selection};

use super::Pipeline;
use super::data::{Data, FIRST, Showers, single};
use super::description::{EpochRule, LatentPage, RunPlan, Sampling, file_stem};
use super::stages::Stage;
use super::step::Step;
use crate::Result;
use crate::density::{BandwidthRule, DensityRequest, SEARCH_POINTS};
use crate::encode::EncodeRequest;
use crate::error::Context as _;
use crate::evaluate::{EvaluateRequest, SampleFiles};
use crate::files::{InputOptions, StorageOptions, create_folder};
use crate::generate::{GenerateRequest, LatentChoice};
use crate::latent::LatentRequest;
use crate::model::ModelChoice;
use crate::parts::PartChoice;
use crate::run_folder::{EpochChoice, RunFolder};
use crate::select::{NamedRun, SelectRequest};
use crate::train::TrainRequest;

/// Seeds of repeated runs are this far apart.
const NEXT_RUN: u64 = 1_000_000;

/// What one seed gave.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) seed: u64,
    pub(super) results: Results,
    /// Of the first page.
    pub(super) latent: Option<LatentResults>,
    /// S_JSD of the best epoch of each run of the plan that is repeated.
    pub(super) repeated_s_jsd: Vec<f64>,
    /// The run behind each candidate.
    pub(super) chosen: Vec<SelectedRun>,
    pub(super) folder: PathBuf,
}

/// What stages of one seed share.
struct Seed<'a, 'b> {
    pipeline: &'a mut Pipeline<'b>,
    data: &'a Data,
    seed: u64,
    folder: PathBuf,
}

/// A run of the plan, as it was made.
struct Made {
    /// Place in the plan.
    plan: usize,
    folder: PathBuf,
}

/// The run that is used for one of the plan, at its best epoch.
struct Chosen {
    run: SelectedRun,
    folder: PathBuf,
    /// S_JSD of all runs that it was chosen from.
    s_jsd: Vec<f64>,
    /// Density of its latent variables, where something is sampled from it.
    density: Option<PathBuf>,
}

impl Chosen {
    fn weights(&self) -> PathBuf {
        RunFolder::new(&self.folder).weights(self.run.best_epoch)
    }

    fn density_for(&self, sampling: Sampling) -> Option<PathBuf> {
        self.density.clone().filter(|_| sampling == Sampling::Kde)
    }
}

/// All stages of one seed.
pub(super) fn run(pipeline: &mut Pipeline<'_>, data: &Data, seed: u64) -> Result<Outcome> {
    let folder = pipeline.out.join(format!("seed-{seed}"));
    create_folder(&folder)?;
    Seed { pipeline, data, seed, folder }.run()
}

impl Seed<'_, '_> {
    fn run(mut self) -> Result<Outcome> {
        let experiment = self.pipeline.experiment;
        let made = if self.pipeline.request.pretrained {
            let models = self.pipeline.profile.models(experiment)?;
            let made = |(plan, run): (usize, &RunPlan)| Made { plan, folder: models.join(&run.name) };
            experiment.runs.iter().enumerate().map(made).collect()
        } else {
            self.train_all()?
        };
        let mut chosen = self.select(&made)?;
        self.estimate_all(&mut chosen)?;
        let of_run = |name: &str| {
            let index = experiment.run_index(name).with_context(|| format!("{name}: no such run"))?;
            chosen.get(index).with_context(|| format!("{name}: was not made"))
        };
        let mut candidates = Vec::new();
        for candidate in &experiment.candidates {
            let EpochRule::Best = candidate.epoch;
            let run = of_run(&candidate.run)?;
            let density = run.density_for(candidate.sampling);
            candidates.push((candidate.name.clone(), self.generate(&candidate.name, run, density)?));
        }
        let results = self.evaluate(&candidates)?;
        let mut latent = None;
        for page in &experiment.latent_pages {
            let folder = self.latent(page, of_run(&page.run)?)?;
            if latent.is_none() {
                latent = Some(read_latent(&folder)?);
            }
        }
        let repeated = experiment.runs.iter().position(|run| run.repeated);
        let behind = experiment.candidates.iter().map(|candidate| Ok(of_run(&candidate.run)?.run.clone()));
        Ok(Outcome {
            seed: self.seed,
            results,
            latent,
            repeated_s_jsd: repeated.map(|index| chosen[index].s_jsd.clone()).unwrap_or_default(),
            chosen: behind.collect::<Result<_>>()?,
            folder: self.folder,
        })
    }

    fn name(&self, what: &str) -> String {
        format!("seed-{}: {what}", self.seed)
    }

    /// The runs of the plan, the repeated one as often as was asked for.
    fn train_all(&mut self) -> Result<Vec<Made>> {
        let (mut made, mut stages) = (Vec::new(), Vec::new());
        for (plan, run) in self.pipeline.experiment.runs.iter().enumerate() {
            let n = if run.repeated { self.pipeline.request.n_runs } else { 1 };
            for repetition in 0..n {
                let name = match repetition {
                    0 => run.name.clone(),
                    n => format!("{}-{}", run.name, n + 1),
                };
                let folder = self.folder.join(&name);
                stages.push(self.train(run, &name, self.seed + repetition * NEXT_RUN)?);
                made.push(Made { plan, folder });
            }
        }
        self.pipeline.stages_together(&stages)?;
        Ok(made)
    }

    /// The stage of one run.
    fn train(&self, plan: &RunPlan, name: &str, seed: u64) -> Result<Stage<Step>> {
        let Self { pipeline, data, .. } = self;
        let (request, profile) = (pipeline.request, pipeline.profile);
        let (out, config) = (self.folder.join(name), &pipeline.config_file);
        let mut overrides = profile.overrides.clone();
        if request.from.is_some() {
            overrides.extend(profile.tuning.iter().cloned());
        } else {
            overrides.extend(pipeline.config.schedule_for(profile, data.n_train)?);
        }
        overrides.extend(request.overrides.iter().cloned());
        // Validation showers are a file of their own, as many of them as the reference has.
        overrides.push("data.split=[1.0, 0.0, 0.0]".to_owned());
        overrides.push(format!("validation.max_showers={}", profile.n_full));
        overrides.extend(plan.overrides.iter().cloned());
        overrides.push(format!("seed={seed}"));
        let mut inputs = vec![config.clone(), data.train.clone()];
        inputs.extend(data.validation.files().cloned());
        let mut from = None;
        if let Some(folder) = &request.from {
            let run = std::path::absolute(folder).context("--from")?.join(&plan.name);
            // What training reads: of a run its last state, of an exported model what names its weights.
            let begun = RunFolder::new(&run);
            inputs.push(if begun.last().exists() { begun.last() } else { begun.description() });
            from = Some(run);
        }
        let folder = RunFolder::new(&out);
        Ok(Stage {
            name: self.name(&format!("train {name}")),
            inputs,
            outputs: vec![folder.config(), folder.validation(), folder.last()],
            unfinished: vec![out.clone()],
            steps: vec![Step::Train(TrainRequest {
                config: config.clone(),
                overrides,
                data: data.train.clone(),
                out,
                // Begun or not: what a kill left is gone on with.
                resume: true,
                from,
                validation: Some(data.validation.full.clone()),
                validation_at: data.validation.fixed.clone(),
                compute: request.compute.clone(),
            })],
        })
    }

    /// The best epoch of every run, judged together; for each of the plan the best run.
    fn select(&mut self, made: &[Made]) -> Result<Vec<Chosen>> {
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
                density: None,
            });
        }
        Ok(chosen)
    }

    /// Densities of the runs that something is sampled from.
    fn estimate_all(&mut self, chosen: &mut [Chosen]) -> Result<()> {
        let experiment = self.pipeline.experiment;
        let candidates = experiment.candidates.iter().map(|candidate| (&candidate.run, candidate.sampling));
        let pages = experiment.latent_pages.iter().map(|page| (&page.run, page.sampling));
        let sampled: Vec<&String> = candidates
            .chain(pages)
            .filter(|(_, sampling)| *sampling == Sampling::Kde)
            .map(|(run, _)| run)
            .collect();
        let mut n_made = 0;
        for (plan, chosen) in experiment.runs.iter().zip(chosen) {
            if !sampled.contains(&&plan.name) {
                continue;
            }
            let density = if self.pipeline.request.pretrained {
                RunFolder::new(&chosen.folder).density()
            } else {
                // Most experiments have one.
                let suffix = if n_made == 0 { String::new() } else { format!("-{}", plan.name) };
                self.estimate(chosen, &suffix)?
            };
            n_made += 1;
            chosen.density = Some(density);
        }
        Ok(())
    }

    /// The density of latent variables and energy of the training showers.
    fn estimate(&mut self, chosen: &Chosen, suffix: &str) -> Result<PathBuf> {
        let latent = self.folder.join(format!("latent{suffix}.hdf5"));
        let density = self.folder.join(format!("density{suffix}.safetensors"));
        let encode = EncodeRequest {
            model: self.model(chosen),
            data: self.data.train.clone(),
            part: Some(PartChoice::Part(Part::Train)),
            seed: self.seed,
            out: latent.clone(),
            from: InputOptions::default(),
        };
        let estimate = DensityRequest {
            latent: latent.clone(),
            out: density.clone(),
            bandwidth: BandwidthRule::EachVariable,
            energy_bandwidth: None,
            scaling: Scaling::Regressed,
            n_search_points: SEARCH_POINTS,
            max_centres: None,
            seed: self.seed,
        };
        self.pipeline.stage(Stage {
            name: self.name(&format!("encode, density{}", suffix.replacen('-', " of ", 1))),
            steps: vec![Step::Encode(encode), Step::Estimate(estimate)],
            inputs: vec![self.data.train.clone(), chosen.weights()],
            outputs: vec![latent, density.clone()],
            unfinished: vec![],
        })?;
        Ok(density)
    }

    fn model(&self, chosen: &Chosen) -> ModelChoice {
        ModelChoice {
            run: Some(chosen.folder.clone()),
            epoch: EpochChoice::Number(chosen.run.best_epoch),
            compute: self.pipeline.request.compute.clone(),
        }
    }

    /// As many showers as the reference has, of the full spectrum and of each fixed energy.
    ///
    /// Energies without a reference file are cut from the full spectrum by the evaluation.
    fn generate(&mut self, name: &str, chosen: &Chosen, density: Option<PathBuf>) -> Result<Showers> {
        let out = self.folder.join("generated");
        create_folder(&out)?;
        let stem = file_stem(name);
        let file = |suffix: &str| out.join(format!("{stem}{suffix}.hdf5"));
        let (experiment, reference) = (self.pipeline.experiment, &self.data.reference);
        let mut showers = Showers { full: file(""), fixed: vec![] };
        let mut samples = vec![(experiment.spectrum()?, 0, &reference.full, showers.full.clone())];
        let fixed_gev = &experiment.data.fixed_gev;
        for theirs in &reference.fixed {
            let same = |energy: &f64| energy.total_cmp(&theirs.energy_gev).is_eq();
            let place = fixed_gev.iter().position(same).unwrap_or(fixed_gev.len());
            let mut ours = theirs.clone();
            ours.path = file(&format!("_{}", theirs.energy_gev));
            let first = (place as u64 + 1) * FIRST;
            samples.push((single(theirs.energy_gev), first, &theirs.path, ours.path.clone()));
            showers.fixed.push(ours);
        }
        let mut steps = Vec::new();
        for (energies, first, reference, out) in samples {
            let n_showers = *self.data.n_reference.get(reference).context("the reference was not counted")?;
            let latent = if density.is_some() { LatentChoice::Kde } else { LatentChoice::Normal };
            steps.push(Step::Generate(GenerateRequest {
                model: self.model(chosen),
                latent: Some(latent),
                density: density.clone(),
                energies,
                n_showers,
                seed: self.seed,
                first,
                no_post_processor: false,
                out,
                storage: StorageOptions::default(),
            }));
        }
        let mut inputs = vec![chosen.weights()];
        inputs.extend(reference.files().cloned());
        inputs.extend(density);
        let outputs = showers.files().cloned().collect();
        let name = self.name(&format!("generate {name}"));
        self.pipeline.stage(Stage { name, steps, inputs, outputs, unfinished: vec![] })?;
        Ok(showers)
    }

    /// All candidates against the reference, with the divisors of all epochs; the report beside it.
    fn evaluate(&mut self, candidates: &[(String, Showers)]) -> Result<Results> {
        let (out, selection) = (self.folder.join("evaluation"), self.folder.join("selection/selection.json"));
        let sample = |name: &str, showers: &Showers| SampleFiles {
            name: name.to_owned(),
            full: showers.full.clone(),
            fixed: showers.fixed.clone(),
        };
        let from = InputOptions { detector: Some(self.pipeline.detector.clone()), ..InputOptions::default() };
        let request = EvaluateRequest {
            reference: sample(self.data.origin, &self.data.reference),
            candidates: candidates.iter().map(|(name, showers)| sample(name, showers)).collect(),
            out: out.clone(),
            divisors: Some(selection.clone()),
            n_replicas: 50,
            n_splits: 0,
            seed: self.seed,
            from,
        };
        let mut inputs = vec![selection];
        inputs.extend(self.data.reference.files().cloned());
        inputs.extend(candidates.iter().flat_map(|(_, showers)| showers.files()).cloned());
        self.pipeline.stage(Stage {
            name: self.name("evaluate"),
            steps: vec![Step::Evaluate(request), Step::Report(out.clone())],
            inputs,
            outputs: vec![out.join("results.json"), out.join("report.html")],
            unfinished: vec![],
        })?;
        Ok(calo_report::read_results(&out)?)
    }

    /// The figures of one model's latent space, from validation showers; their folder.
    fn latent(&mut self, page: &LatentPage, chosen: &Chosen) -> Result<PathBuf> {
        let name = &chosen.run.name;
        let out = self.folder.join(format!("latent-{name}"));
        let density = chosen.density_for(page.sampling);
        let request = LatentRequest {
            model: self.model(chosen),
            data: self.data.validation.full.clone(),
            part: Some(PartChoice::All),
            out: out.clone(),
            density: density.clone(),
            n_generated: 1000,
            energy_gev: 50.0,
            no_post_processor: false,
            seed: self.seed,
            from: InputOptions::default(),
        };
        let mut inputs = vec![self.data.validation.full.clone(), chosen.weights()];
        inputs.extend(density);
        self.pipeline.stage(Stage {
            name: self.name(&format!("latent space of {name}")),
            steps: vec![Step::Latent(request)],
            inputs,
            outputs: vec![out.join("latent.json"), out.join("latent.html")],
            unfinished: vec![],
        })?;
        Ok(out)
    }
}

fn file_name(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
