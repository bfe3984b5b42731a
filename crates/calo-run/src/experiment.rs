//! Experiments as data: a table or figure of a paper, from nothing to the page.
//!
//! Each is one TOML file ([`AnyExperiment`]). An [`Experiment`] of scores names showers, runs, candidates, pages of latent
//! spaces and published numbers.
//! [`reproduce`] simulates the showers (or takes them from files), trains, chooses epochs, estimates densities, generates,
//! scores all candidates against showers that nothing was trained or chosen with, and writes the table and a page. What is
//! complete is not done again; a stage is known by its settings, its inputs and the program that made it.

mod amplification;
mod any;
mod base_config;
mod built_in;
mod check;
mod data;
mod description;
mod estimate;
mod markdown;
mod page;
mod pipeline;
mod plan;
mod profile;
mod program;
mod request;
mod run_configs;
mod runner;
mod scan;
mod schedule;
mod seed;
mod seeds;
mod source;
mod stages;
mod step;
mod table;

use std::path::PathBuf;

pub use amplification::{
    AmplificationData, AmplificationExperiment, AmplificationProfile, AmplificationRecord,
    AmplificationReproduceRequest, ChosenEpoch, Published, ReproducedAmplification, SetRecord,
    reproduce_amplification,
};
pub use any::AnyExperiment;
pub use description::Experiment;
pub use estimate::estimate;
pub use plan::{
    Candidate, Claim, ClaimedQuantity, DataPlan, DensityBandwidth, DensityPlan, EpochRule, Figures, FilePlan,
    Kernel, LatentComparisonPlan, LatentPage, Pooling, RunPlan, Sampling, Scan,
};
pub use profile::{Profile, ProfileRun};
pub use program::Program;
pub use request::ReproduceRequest;
pub use source::Kind;
pub use stages::{Request, StageRecord};
pub use table::{Column, LatentRow, Offset, SeedRow, Table};

use calo_core::Detector;

use crate::error::{Context as _, ensure};
use crate::monitor::Monitor;
use crate::{Error, Result};
use pipeline::Pipeline;
use runner::Runner;
use stages::{Opening, Stages};

/// What came out.
#[derive(Debug, Clone)]
pub struct Reproduced {
    /// All numbers, as in the JSON file.
    pub table: Table,
    /// The page, Markdown.
    pub page: String,
    /// File of the numbers.
    pub json: PathBuf,
    /// File of the page.
    pub markdown: PathBuf,
}

/// Makes everything that is not complete yet, and writes the table and the page.
///
/// # Errors
/// A request, an experiment or fields of a configuration that contradict themselves; a folder that holds something else or
/// another request; those of any stage; an interruption. The same request resumes from there.
pub fn reproduce(request: &ReproduceRequest, monitor: &dyn Monitor) -> Result<Reproduced> {
    // Runs of other profiles are no part of it.
    let own = request.experiment.in_profile(&request.profile)?;
    let own = if request.pretrained {
        let models = own.models(own.profile(&request.profile)?)?;
        let own = own.with_shipped(&models);
        ensure!(!own.candidates.is_empty(), "{}: holds no run of {}", models.display(), own.name());
        own
    } else {
        own
    };
    let request = &ReproduceRequest { experiment: own, ..request.clone() };
    let experiment = &request.experiment;
    let profile = experiment.profile(&request.profile)?;
    if request.data.is_none() && !request.data_at.is_empty() {
        return Err(Error::Usage("--data-at: showers of one energy go with --data".to_owned()));
    }
    let given = request.data.iter().chain(request.data_at.iter().map(|file| &file.path));
    for file in given {
        ensure!(file.is_file(), "{}: no such file; expected showers", file.display());
    }
    seeds::check(request)?;
    // All that can be wrong with a configuration is said before anything is simulated.
    experiment.check_folders(request.n_runs)?;
    let configs = run_configs::all(request, profile)?;
    let detector = run_configs::detector(request, profile, &configs)?;
    let out = std::path::absolute(&request.out).context("--out")?;
    let asked = request.asked();
    let stages = Stages::open(Opening {
        detectors: detectors(experiment, &detector)?,
        out: &out,
        program: request.program.clone(),
        request: asked.clone(),
        resume: request.resume,
        keep: request.keep_stages,
        monitor,
    })?;
    let configs = configs
        .into_iter()
        .map(|config| {
            let file = config.file_in(&out)?;
            Ok((config, file))
        })
        .collect::<Result<_>>()?;
    let mut pipeline = Pipeline {
        request,
        experiment,
        profile,
        configs,
        detector: detector.clone(),
        out: out.clone(),
        runner: Runner { stages, monitor, compute: &request.compute },
    };
    let mut rows = Vec::new();
    for index in 0..request.n_seeds {
        rows.push(SeedRow::new(&seed::run(&mut pipeline, index)?, experiment));
    }
    let table = Table::new(detector, asked, rows, pipeline.runner.stages.finished(), request.build_seconds);
    let page = page::page(&table, experiment);
    let [json, markdown] = ["json", "md"].map(|kind| out.join(format!("{}.{kind}", experiment.name())));
    stages::write_json(&json, &table)?;
    calo_core::write_atomically(&markdown, page.as_bytes())?;
    Ok(Reproduced { table, page, json, markdown })
}

/// The descriptions of all detectors that showers are made for or taken from, one after another.
///
/// # Errors
/// A detector that is not there, or a damaged file of one.
fn detectors(experiment: &Experiment, detector: &str) -> Result<String> {
    let pooled = experiment.data.files.pooled.iter().filter(|pooling| pooling.detector == detector);
    let names = std::iter::once(detector).chain(pooled.map(|pooling| pooling.from.as_str()));
    names.map(|name| Ok(Detector::load(name)?.to_toml()?)).collect()
}
