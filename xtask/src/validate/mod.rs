//! `cargo xtask validate-sim`: the embedded simulator against Geant4, every requirement with its limit.
//!
//! Simulates what Geant4's files hold, compares with `calo evaluate`, writes the table and figures of
//! `docs/simulation.md`. Geant4's files are too large for the sources and are given on the command line.

mod beams;
mod entries;
mod measure;
mod mip;
mod page;
mod row;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::build;
use crate::flags::ValidateSimFlags;
use crate::process::{command, line, read, root, target_dir};
use beams::{BEAMS, Beam};
use measure::{Outcome, Speed};

/// Random splits that distances and floors are averaged over.
const SPLITS: &str = "20";
/// Showers of the full spectrum with `--quick`: enough to see where things go.
const QUICK_SHOWERS: u64 = 600;

/// Measures and compares with every limit; an error where one is not met.
pub(crate) fn run(flags: &ValidateSimFlags) -> Result<()> {
    let validation = Validation::prepare(flags)?;
    let mut outcomes = Vec::new();
    for (index, beam) in BEAMS.iter().enumerate() {
        if !flags.only.is_empty() && !flags.only.iter().any(|name| name == beam.name) {
            continue;
        }
        let outcome = validation.beam(beam, flags.seed + 100 * index as u64)?;
        println!("\n{}", page::beam(&outcome));
        outcomes.push(outcome);
    }
    ensure!(!outcomes.is_empty(), "--only: expected photons or pions");
    let writes = !flags.quick && flags.n.is_none() && flags.only.is_empty() && flags.simulated.is_none();
    if writes {
        page::update(&root().join("docs/simulation.md"), &outcomes)?;
        validation.copy_figures(&outcomes)?;
    } else {
        println!("docs/simulation.md stays as it is: it holds full runs of all beams only");
    }
    let missed: Vec<String> = outcomes.iter().flat_map(Outcome::missed).collect();
    println!("{} of {} limits met", n_limits(&outcomes) - missed.len(), n_limits(&outcomes));
    if missed.is_empty() || flags.report_only {
        return Ok(());
    }
    bail!("not met: {}", missed.join("; "))
}

fn n_limits(outcomes: &[Outcome]) -> usize {
    outcomes.iter().map(Outcome::n_limits).sum()
}

/// Folders and programs of one run.
struct Validation<'a> {
    flags: &'a ValidateSimFlags,
    calo: PathBuf,
    geant4: PathBuf,
    out: PathBuf,
}

impl<'a> Validation<'a> {
    fn prepare(flags: &'a ValidateSimFlags) -> Result<Self> {
        let Some(geant4) = flags.geant4.clone().or_else(|| env::var_os("CALO_GEANT4").map(PathBuf::from))
        else {
            bail!(
                "no Geant4 showers: --geant4 DIR or CALO_GEANT4 must name the folder of {}",
                BEAMS[0].spectrum.file
            );
        };
        // Commands run in the root of the workspace: paths given from elsewhere must not depend on it.
        let geant4 = std::path::absolute(&geant4).context("--geant4")?;
        for file in BEAMS.iter().flat_map(Beam::files) {
            let path = geant4.join(file.file);
            ensure!(path.is_file(), "{}: no such file; expected Geant4's showers there", path.display());
        }
        let out = match &flags.out {
            Some(out) => std::path::absolute(out).context("--out")?,
            None => target_dir()?.join("validate-sim"),
        };
        fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
        let calo = match &flags.calo {
            Some(calo) => std::path::absolute(calo).context("--calo")?,
            None => build::release(false)?,
        };
        Ok(Self { flags, calo, geant4, out })
    }

    fn beam(&self, beam: &'static Beam, seed: u64) -> Result<Outcome> {
        println!("\n==> {}", beam.name);
        let folder = match &self.flags.simulated {
            Some(folder) => std::path::absolute(folder).context("--simulated")?,
            None => self.out.join("showers"),
        };
        let mut speed = None;
        if self.flags.simulated.is_none() {
            fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
            for (index, showers) in beam.files().enumerate() {
                let n = match self.n() {
                    None => showers.n,
                    Some(n) if index == 0 => n,
                    Some(n) => n.div_ceil(4),
                };
                let out = folder.join(showers.file);
                let measured = self.simulate(beam, showers.energy, n, seed + index as u64, &out)?;
                speed.get_or_insert(measured);
            }
        }
        let results = self.evaluate(beam, &folder)?;
        Ok(Outcome::new(beam, &results, speed))
    }

    /// Showers of a full spectrum, where that was told.
    fn n(&self) -> Option<u64> {
        self.flags.n.or(self.flags.quick.then_some(QUICK_SHOWERS))
    }

    /// One run of `calo simulate`, as a user starts it: start, simulation and file.
    fn simulate(&self, beam: &Beam, energy: &str, n: u64, seed: u64, out: &Path) -> Result<Speed> {
        let mut calo = command(&self.calo);
        calo.args(["simulate", "--detector", beam.detector, "--particle", beam.particle]);
        calo.args(["--energy", energy, "-n", &n.to_string(), "--seed", &seed.to_string(), "--out"]).arg(out);
        let threads = threads();
        // What an interrupted run left would be resumed, and the time would be wrong.
        calo.args(["--threads", &threads.to_string(), "--restart"]);
        println!("    {}", line(&calo));
        let start = Instant::now();
        read(&mut calo)?;
        Ok(Speed { n_showers: n, wall_s: start.elapsed().as_secs_f64(), threads })
    }

    /// `calo evaluate` against Geant4, and the report beside it.
    fn evaluate(&self, beam: &Beam, simulated: &Path) -> Result<Value> {
        let out = self.out.join(beam.name);
        let mut calo = command(&self.calo);
        calo.args(["evaluate", "--detector", beam.detector, "--splits", SPLITS, "--out"]).arg(&out);
        let named = |name: &str, folder: &Path, file: &str| format!("{name}={}", folder.join(file).display());
        calo.args(["--reference", &named("Geant4", &self.geant4, beam.spectrum.file)]);
        calo.args(["--candidate", &named("calo-sim", simulated, beam.spectrum.file)]);
        for showers in beam.fixed {
            calo.args(["--reference-at", &named(showers.energy, &self.geant4, showers.file)]);
            calo.args(["--candidate-at", &named(showers.energy, simulated, showers.file)]);
        }
        println!("    {}", line(&calo));
        read(&mut calo)?;
        if !self.flags.quick {
            let mut report = command(&self.calo);
            report.arg("report").arg(&out);
            println!("    {}", line(&report));
            read(&mut report)?;
        }
        let path = out.join("results.json");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))
    }

    /// The figures of the page, from the reports into `docs/figures/simulation`.
    fn copy_figures(&self, outcomes: &[Outcome]) -> Result<()> {
        let to = root().join("docs/figures/simulation");
        fs::create_dir_all(&to).with_context(|| format!("cannot create {}", to.display()))?;
        for outcome in outcomes {
            for figure in page::FIGURES {
                let from = self.out.join(outcome.beam.name).join(format!("figures/{figure}.svg"));
                let copy = to.join(format!("{}_{figure}.svg", outcome.beam.name));
                fs::copy(&from, &copy)
                    .with_context(|| format!("cannot copy {} to {}", from.display(), copy.display()))?;
            }
        }
        println!("wrote {}", to.display());
        Ok(())
    }
}

/// The limits on speed hold for two cores.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(2)
}
