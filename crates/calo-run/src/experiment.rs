//! Experiments as data: a table or figure of a paper, from nothing to the page.
//!
//! An [`Experiment`] is one TOML file: showers, runs, candidates, pages of latent spaces, published numbers.
//! [`reproduce`] simulates the showers (or takes them from files), trains, chooses epochs, estimates densities, generates,
//! scores all candidates against showers that nothing was trained or chosen with, and writes the table and a page. What is
//! complete is not done again; a stage is known by its settings, its inputs and the program that made it.

mod base_config;
mod built_in;
mod check;
mod data;
mod description;
mod page;
mod plan;
mod profile;
mod program;
mod scan;
mod schedule;
mod seed;
mod stages;
mod step;
mod table;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub use description::Experiment;
pub use plan::{
    Candidate, DataPlan, EpochRule, Figures, FilePlan, LatentPage, Pooling, RunPlan, Sampling, Scan,
};
pub use profile::Profile;
pub use program::Program;
pub use stages::{Request, StageRecord};
pub use table::{Column, Offset, SeedRow, Table};

use crate::error::{Context as _, ensure};
use crate::files::FixedEnergyFile;
use crate::model::{Compute, Precision};
use crate::monitor::{Interrupted, Monitor, Pass, Progress};
use crate::{Error, Result};
use base_config::BaseConfig;
use stages::{Opening, Stage, Stages};
use step::Step;

/// What is to be reproduced, and how.
#[derive(Debug, Clone)]
pub struct ReproduceRequest {
    /// The experiment.
    pub experiment: Experiment,
    /// Name of the profile: how large.
    pub profile: String,
    /// Showers of the full spectrum, instead of simulated ones.
    pub data: Option<PathBuf>,
    /// Showers of one energy, to go with these.
    pub data_at: Vec<FixedEnergyFile>,
    /// Seed of the simulated showers, or of the split of files.
    pub data_seed: u64,
    /// Seed of runs and generated showers.
    pub seed: u64,
    /// So many seeds from `seed` on.
    pub n_seeds: u64,
    /// How often the repeated run is made; the best is used.
    pub n_runs: u64,
    /// Score the trained models of the profile instead of training.
    pub pretrained: bool,
    /// Begin runs with the weights in folders of their names in this one.
    pub from: Option<PathBuf>,
    /// Other values for fields of the configuration.
    pub overrides: Vec<String>,
    /// Folder for everything.
    pub out: PathBuf,
    /// Keep what is there of another request as far as it is the same.
    pub resume: bool,
    /// Keep stages that another program made.
    pub keep_stages: bool,
    /// What makes the files: [`Program::running`] in a command.
    pub program: Program,
    /// Where networks compute.
    pub compute: Compute,
    /// Seconds of the build, which no stage counts, where there was one.
    pub build_seconds: Option<f64>,
}

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

/// What every stage needs.
struct Pipeline<'a> {
    request: &'a ReproduceRequest,
    experiment: &'a Experiment,
    profile: &'a Profile,
    config: BaseConfig,
    config_file: PathBuf,
    detector: String,
    out: PathBuf,
    monitor: &'a dyn Monitor,
    stages: Stages<'a>,
}

/// Makes everything that is not complete yet, and writes the table and the page.
///
/// # Errors
/// A request, an experiment or fields of a configuration that contradict themselves; a folder that holds something else or
/// another request; those of any stage; an interruption. The same request resumes from there.
pub fn reproduce(request: &ReproduceRequest, monitor: &dyn Monitor) -> Result<Reproduced> {
    let experiment = &request.experiment;
    let profile = experiment.profile(&request.profile)?;
    if request.data.is_none() && !request.data_at.is_empty() {
        return Err(Error::Usage("--data-at: showers of one energy go with --data".to_owned()));
    }
    if request.pretrained {
        experiment.models(profile)?;
    }
    check_seeds(request)?;
    // All that can be wrong with a configuration is said before anything is simulated.
    let config = BaseConfig::of(experiment, profile)?;
    let detector = detector(request, profile, &config)?;
    let out = std::path::absolute(&request.out).context("--out")?;
    let asked = asked(request);
    let stages = Stages::open(Opening {
        out: &out,
        program: request.program.clone(),
        request: asked.clone(),
        resume: request.resume,
        keep: request.keep_stages,
        monitor,
    })?;
    let config_file = config.file_in(&out)?;
    let mut pipeline = Pipeline {
        request,
        experiment,
        profile,
        config,
        config_file,
        detector: detector.clone(),
        out: out.clone(),
        monitor,
        stages,
    };
    let data = match &request.data {
        Some(data) => data::take_files(&mut pipeline, &std::path::absolute(data).context("--data")?)?,
        None => data::simulate(&mut pipeline)?,
    };
    let mut rows = Vec::new();
    for seed in request.seed..request.seed.saturating_add(request.n_seeds) {
        rows.push(SeedRow::new(&seed::run(&mut pipeline, &data, seed)?, experiment));
    }
    let table = Table::new(detector, asked, rows, pipeline.stages.finished(), request.build_seconds);
    let page = page::page(&table, experiment);
    let [json, markdown] = ["json", "md"].map(|kind| out.join(format!("{}.{kind}", experiment.name)));
    stages::write_json(&json, &table)?;
    calo_core::write_atomically(&markdown, page.as_bytes())?;
    Ok(Reproduced { table, page, json, markdown })
}

/// # Errors
/// Seeds so large that those made from them, of samples and repeated runs, have no room.
fn check_seeds(request: &ReproduceRequest) -> Result<()> {
    let ReproduceRequest { data_seed, seed, n_seeds, n_runs, .. } = *request;
    let n_samples = data::N_SAMPLES;
    if data_seed.checked_mul(n_samples).and_then(|seed| seed.checked_add(n_samples)).is_none() {
        let expected = u64::MAX / n_samples - 1;
        return Err(Error::Usage(format!("--data-seed {data_seed}: expected at most {expected}")));
    }
    let largest = n_runs.checked_mul(seed::NEXT_RUN).and_then(|more| more.checked_add(n_seeds));
    if largest.and_then(|more| more.checked_add(seed)).is_none() {
        let problem = format!("--seed {seed} with {n_seeds} seeds of {n_runs} runs: expected a smaller seed");
        return Err(Error::Usage(problem));
    }
    Ok(())
}

/// Name of the detector of all runs, whose fields are checked.
///
/// # Errors
/// Fields or values that cannot be; runs for several detectors, or without latent variables where some are needed.
fn detector(request: &ReproduceRequest, profile: &Profile, config: &BaseConfig) -> Result<String> {
    let experiment = &request.experiment;
    let tuning: &[String] = if request.from.is_some() { &profile.tuning } else { &[] };
    let mut detectors = Vec::new();
    for run in &experiment.runs {
        let of_file = [&profile.overrides[..], tuning, &run.overrides].concat();
        let place = || format!("{}: profile {}, run {}", experiment.place, profile.name, run.name);
        config.with(&of_file).with_context(place)?;
        let all = [&profile.overrides[..], tuning, &request.overrides, &run.overrides].concat();
        let config = config.with(&all)?;
        if !config.recipe.family.has_encoder() {
            experiment.refuse_latent_variables(&run.name, config.recipe.family.family())?;
        }
        detectors.push(config.detector);
    }
    let first = detectors.first().with_context(|| format!("{}: no run", experiment.place))?;
    ensure!(
        detectors.iter().all(|detector| detector == first),
        "{}: runs for the detectors {}; expected one",
        experiment.place,
        detectors.join(", ")
    );
    Ok(first.clone())
}

/// All that the result depends on, by name.
fn asked(request: &ReproduceRequest) -> Request {
    let shown =
        |path: &Option<PathBuf>| path.as_ref().map_or_else(String::new, |path| path.display().to_string());
    let data_at = request.data_at.iter().map(|file| format!("{}={}", file.energy_gev, file.path.display()));
    let values = [
        ("experiment", request.experiment.name.clone()),
        ("profile", request.profile.clone()),
        ("data", shown(&request.data)),
        ("data-at", data_at.collect::<Vec<_>>().join(" ")),
        ("data-seed", request.data_seed.to_string()),
        ("seed", request.seed.to_string()),
        ("seeds", request.n_seeds.to_string()),
        ("runs", request.n_runs.to_string()),
        ("set", request.overrides.join(" ")),
        ("device", request.compute.device.clone()),
    ];
    let from = request.from.is_some().then(|| ("from", shown(&request.from)));
    let pretrained = request.pretrained.then(|| ("pretrained", "true".to_owned()));
    let precision = Some(request.compute.precision).filter(|precision| *precision != Precision::default());
    let precision = precision.map(|precision| ("precision", precision.to_string()));
    let values = values.into_iter().chain(from).chain(pretrained).chain(precision);
    values.map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Pipeline<'_> {
    fn stage(&mut self, stage: Stage<Step>) -> Result<()> {
        let (monitor, n_threads) = (self.monitor, rayon::current_num_threads());
        self.stages.run(&[stage], 1, |_, step, _| step.run(n_threads, monitor))
    }

    /// Stages that do not need each other: on a CPU at the same time, for one of them does not fill the cores as well as one
    /// on each.
    fn stages_together(&mut self, stages: &[Stage<Step>]) -> Result<()> {
        let n_threads = rayon::current_num_threads();
        let n_at_once = if self.request.compute.device == "cpu" { n_threads.min(stages.len()) } else { 1 };
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
