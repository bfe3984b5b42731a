//! How many independent showers a model's sample is worth, from training sets to the page.
//!
//! An [`AmplificationExperiment`] names a truth, independent showers of the same origin, training sets among these, runs on
//! each set, and published numbers. [`reproduce_amplification`] takes the showers that come with the program or simulates
//! them, trains the runs of all sets, generates with each in equal parts, compares with the truth, and averages over sets.
//!
//! # Reference
//! calomplification (arXiv 2202.07352).

mod data;
mod description;
mod over_sets;
mod page;
mod pipeline;
mod request;
mod training_set;

use std::path::PathBuf;

use calo_core::Detector;
use calo_report::amplification::Amplification;
use serde::Serialize;

pub use description::{AmplificationData, AmplificationExperiment, AmplificationProfile, Published};
pub use request::AmplificationReproduceRequest;
pub use training_set::{ChosenEpoch, SetRecord};

use super::run_configs::refuse_fields;
use super::runner::Runner;
use super::seeds::check_runs;
use super::stages::{Opening, Request, StageRecord, Stages, write_json};
use crate::config::ValidationConfig;
use crate::error::Context as _;
use crate::files::create_folder;
use crate::monitor::Monitor;
use crate::provenance::VERSION;
use crate::{Error, Result};
use data::Data;
use over_sets::over_sets;
use pipeline::Pipeline;
use training_set::TrainingSet;

/// Version of the JSON file.
const SCHEMA_VERSION: u32 = 1;

/// Fields that every run gets from the experiment.
const OWN_FIELDS: [&str; 2] = ["data.split", "seed"];

/// What `NAME.json` holds, beside `amplification/amplification.json`, where the numbers are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AmplificationRecord {
    schema_version: u32,
    /// The program and its version.
    pub calo: String,
    /// Name of the detector.
    pub detector: String,
    /// What was asked for.
    pub request: Request,
    /// Generated showers by which epochs were chosen.
    pub n_validated: usize,
    /// The training sets.
    pub sets: Vec<SetRecord>,
    /// Seconds of the build, which no stage counts, where there was one.
    pub build_seconds: Option<f64>,
    /// The stages, in order.
    pub stages: Vec<StageRecord>,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct ReproducedAmplification {
    /// The numbers, over all training sets.
    pub amplification: Amplification,
    /// Where they come from.
    pub record: AmplificationRecord,
    /// The page, Markdown.
    pub page: String,
    /// File of the record.
    pub json: PathBuf,
    /// File of the page.
    pub markdown: PathBuf,
    /// Page with the figures.
    pub html: PathBuf,
}

/// Makes everything that is not complete yet, and writes numbers, figures and the page.
///
/// # Errors
/// A request or fields of a configuration that contradict themselves; no showers where some should come with the program; a
/// folder that holds something else or another request; those of any stage; an interruption. The same request resumes from
/// there.
pub fn reproduce_amplification(
    request: &AmplificationReproduceRequest,
    monitor: &dyn Monitor,
) -> Result<ReproducedAmplification> {
    let experiment = &request.experiment;
    let profile = experiment.profile(&request.profile)?;
    let n_sets = request.n_sets.unwrap_or(profile.n_sets);
    let n_runs = request.n_runs.unwrap_or(profile.n_runs);
    if request.first_set == 0 {
        return Err(Error::Usage("--seed 0: expected the number of a training set, 1 or more".to_owned()));
    }
    check_runs(request.first_set, n_sets, n_runs)?;
    let base = experiment.config(profile)?;
    refuse_fields(&request.overrides, &OWN_FIELDS, None)?;
    let config = base.with(&[&profile.overrides[..], &request.overrides].concat())?;
    check_sizes(experiment, profile, [n_sets, n_runs], config.recipe.optim.batch_showers)?;
    let detector = config.detector.clone();
    let out = std::path::absolute(&request.out).context("--out")?;
    let asked = request.asked(n_sets, n_runs);
    let stages = Stages::open(Opening {
        detectors: Detector::load(&detector)?.to_toml()?,
        out: &out,
        program: request.program.clone(),
        request: asked.clone(),
        resume: request.resume,
        keep: request.keep_stages,
        monitor,
    })?;
    let mut pipeline = Pipeline {
        request,
        experiment,
        profile,
        n_runs,
        model_name: config.name,
        config_file: base.file_in(&out)?,
        detector,
        out: out.clone(),
        runner: Runner { stages, monitor, compute: &request.compute },
    };
    let data = Data::new(&mut pipeline)?;
    let numbers = request.first_set..request.first_set.saturating_add(n_sets);
    let sets = numbers.map(|set| TrainingSet::new(&mut pipeline, &data, set)).collect::<Result<Vec<_>>>()?;
    // All at once, so that no core waits for the last run of a set.
    let runs: Vec<_> = sets.iter().flat_map(|set| set.train(&pipeline)).collect();
    pipeline.runner.stages_together(&runs)?;
    let (mut found, mut records) = (Vec::new(), Vec::new());
    for set in &sets {
        let (amplification, record) = set.compare(&mut pipeline, &data)?;
        found.push(amplification);
        records.push(record);
    }
    let numbers: Vec<u64> = sets.iter().map(|set| set.number).collect();
    let amplification = over_sets(&numbers, &found)?;
    let record = AmplificationRecord {
        schema_version: SCHEMA_VERSION,
        calo: VERSION.to_owned(),
        detector: pipeline.detector,
        request: asked,
        n_validated: n_validated(&config.validation, experiment.data.n_train),
        sets: records,
        build_seconds: request.build_seconds,
        stages: pipeline.runner.stages.finished(),
    };
    let page = page::page(&amplification, &record, experiment);
    let figures = out.join("amplification");
    create_folder(&figures)?;
    crate::files::write_json(&figures.join("amplification.json"), &amplification)?;
    let html = calo_report::render_amplification(&figures)?.html;
    let [json, markdown] = ["json", "md"].map(|kind| out.join(format!("{}.{kind}", experiment.name())));
    write_json(&json, &record)?;
    calo_core::write_atomically(&markdown, page.as_bytes())?;
    Ok(ReproducedAmplification { amplification, record, page, json, markdown, html })
}

/// # Errors
/// No set or no run, fewer training showers than a batch, or fewer generated ones than runs.
fn check_sizes(
    experiment: &AmplificationExperiment,
    profile: &AmplificationProfile,
    [n_sets, n_runs]: [u64; 2],
    batch: usize,
) -> Result<()> {
    let (n_train, n_generated) = (experiment.data.n_train, profile.n_generated);
    if n_train < batch as u64 {
        let problem = format!("{n_train}; expected at least {batch}, a batch of profile {}", profile.name);
        return Err(experiment.source.wrong("data.n_train", &problem));
    }
    if n_sets == 0 || n_runs == 0 {
        let problem = format!("{n_sets} training sets of {n_runs} runs; expected at least one of each");
        return Err(Error::Usage(problem));
    }
    if n_generated < n_runs {
        let problem = format!("{n_generated} of {n_runs} runs; expected at least one of each");
        return Err(experiment.source.wrong("profile.n_generated", &problem));
    }
    Ok(())
}

/// Showers that a model generates for a validation: as many as validate it, unless the configuration gives a number.
fn n_validated(validation: &ValidationConfig, n_train: u64) -> usize {
    let showers = usize::try_from(n_train).unwrap_or(usize::MAX).min(validation.max_showers);
    validation.n_generated.unwrap_or(showers)
}
