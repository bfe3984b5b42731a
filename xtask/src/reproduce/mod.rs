//! `cargo xtask reproduce-table2`: from nothing to table 2 of decoding-photons.
//!
//! Simulates (or takes real data), trains for both weights of the divergence, chooses epochs as appendix A does, estimates
//! the density of the latent space, generates the three configurations, scores all of them against showers that nothing was
//! trained or chosen with, and prints the table. Every step is a command of `calo`; complete ones are not run again.

mod child;
mod data;
mod files;
mod page;
mod profile;
mod results;
mod schedule;
mod seed;
mod stages;
mod table;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};

pub(crate) use child::Interrupted;
pub(crate) use files::read_json;

use crate::flags::{F32, ReproduceFlags};
use crate::process::{command, read};
use crate::{build, e2e};
use profile::Profile;
use stages::{Request, Stage, Stages, shown};
use table::{SeedRow, Table2};

/// What every step needs.
struct Pipeline<'a> {
    flags: &'a ReproduceFlags,
    profile: Profile,
    detector: String,
    calo: PathBuf,
    out: PathBuf,
    stages: Stages,
}

impl Pipeline<'_> {
    fn stage(&mut self, stage: &Stage) -> Result<()> {
        self.stages.run(stage, child::run)
    }

    /// Stages that do not need each other: on a CPU at the same time, for one process does not fill the cores as well as
    /// one on each.
    fn stages_together(&mut self, stages: &[Stage]) -> Result<()> {
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
        let n_at_once = if self.flags.device == "cpu" { n_cores.min(stages.len()) } else { 1 };
        if n_at_once < 2 {
            return stages.iter().try_for_each(|stage| self.stage(stage));
        }
        // Not among the words of the stage: results are the same for any number.
        let n_threads = (n_cores / n_at_once).to_string();
        self.stages.run_together(stages, n_at_once, |name, command, stop| {
            child::run_named(name, command.args(["--threads", &n_threads]), stop)
        })
    }

    /// The options of commands that compute with networks.
    fn device(&self) -> Vec<String> {
        let mut words = vec!["--device".to_owned(), self.flags.device.clone()];
        words.extend(precision(self.flags).into_iter().flat_map(|name| ["--precision".to_owned(), name]));
        words
    }
}

/// Everything.
pub(crate) fn run(flags: &ReproduceFlags) -> Result<()> {
    let profile = Profile::of(flags.profile);
    if flags.pretrained {
        // Said before anything is built or simulated.
        profile.models()?;
    }
    let detector = profile.detector()?;
    let out = match &flags.out {
        Some(out) => std::path::absolute(out).context("--out")?,
        None => e2e::target_dir()?.join("table2").join(profile.name),
    };
    let (calo, build_seconds) = match &flags.calo {
        Some(calo) => (std::path::absolute(calo).context("--calo")?, None),
        None => {
            let start = Instant::now();
            let calo = build::release(flags.device != "cpu")?;
            let seconds = start.elapsed().as_secs_f64();
            println!("build: {}", shown(seconds));
            (calo, Some(seconds))
        }
    };
    let version = read(command(&calo).arg("--version"))?.trim().to_owned();
    let request = request(flags, &profile);
    let stages = Stages::open(&out, &calo, &version, request.clone(), flags.resume)?;
    child::listen()?;
    let mut pipeline = Pipeline { flags, profile, detector: detector.clone(), calo, out, stages };
    let data = match &flags.data {
        Some(data) => data::take_real(&mut pipeline, &std::path::absolute(data).context("--data")?)?,
        None => data::simulate(&mut pipeline)?,
    };
    let mut rows = Vec::new();
    for seed in flags.seed..flags.seed.saturating_add(flags.seeds) {
        rows.push(SeedRow::new(&seed::run(&mut pipeline, &data, seed)?));
    }
    let finished = pipeline.stages.finished();
    let table = Table2::new(version, detector, request, rows, finished, build_seconds);
    let page = page::page(&table);
    let [json, markdown] = ["table2.json", "table2.md"].map(|name| pipeline.out.join(name));
    files::write_json(&json, &table)?;
    files::write(&markdown, &page)?;
    println!("\n{page}\n{}\n{}", json.display(), markdown.display());
    Ok(())
}

/// The precision that was asked for, where it is not the usual one.
fn precision(flags: &ReproduceFlags) -> Option<String> {
    Some(flags.precision.clone()).filter(|name| name != F32)
}

/// All that the result depends on.
fn request(flags: &ReproduceFlags, profile: &Profile) -> Request {
    let data_at = flags.data_at.iter().map(|file| format!("{}={}", file.energy_gev, file.path.display()));
    let values = [
        ("profile", profile.name.to_owned()),
        ("data", flags.data.as_ref().map_or_else(String::new, |path| path.display().to_string())),
        ("data-at", data_at.collect::<Vec<_>>().join(" ")),
        ("data-seed", flags.data_seed.to_string()),
        ("seed", flags.seed.to_string()),
        ("seeds", flags.seeds.to_string()),
        ("trainings", flags.trainings.to_string()),
        ("set", flags.overrides.join(" ")),
        ("device", flags.device.clone()),
    ];
    // Named where they are asked for alone: folders of before these options go on.
    let from = flags.from.as_ref().map(|path| ("from", path.display().to_string()));
    let pretrained = flags.pretrained.then(|| ("pretrained", "true".to_owned()));
    let precision = precision(flags).map(|name| ("precision", name));
    let values = values.into_iter().chain(from).chain(pretrained).chain(precision);
    values.map(|(name, value)| (name.to_owned(), value)).collect()
}
