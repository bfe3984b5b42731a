//! `calo generate` as a user starts it, next to the published networks in PyTorch: seconds per thousand showers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::page::{Row, Section, table, wrapped};
use super::peers::Peers;
use super::{announce, generators, json, limit_threads, machine, median, middle, resources};
use crate::build;
use crate::flags::BenchFlags;
use crate::process::{command, target_dir};

/// Showers that PyTorch makes at a time; it is slower with 32, which ours takes.
const BATCH: &str = "8";

/// Measures, prints, and returns the table.
pub(super) fn run(flags: &BenchFlags) -> Result<Section> {
    let peers = Peers::with_torch(flags.python.as_deref())
        .inspect_err(|error| println!("bench: without PyTorch, ours alone is measured: {error:#}"))
        .ok();
    let calo = build::release(false)?;
    let (n_showers, repetitions) = if flags.quick { (64, 2) } else { (1000, 3) };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let folder = target_dir()?.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let bench = Bench { calo, folder, n_showers, repetitions };

    let peer_s = peers.as_ref().map(|peers| peer_seconds(peers, threads, n_showers)).transpose()?;
    let published = bench.published_networks()?;
    let mut rows = Vec::new();
    for (what, run, wanted) in [
        ("published widths, random weights", Some(published.as_path()), Some(3.0)),
        ("the built-in model, latent variables from its density", None, None),
    ] {
        let (seconds, peak_mib) = bench.ours(run)?;
        let what = format!("{n_showers} showers of {what}; peak memory {peak_mib} MiB");
        let mut row = Row::new(what, threads, seconds).wanted(wanted);
        if let Some(peer_s) = peer_s {
            row = row.against("PyTorch, published widths", peer_s);
        }
        rows.push(row);
    }
    let networks = table(&generators::rows(flags)?);
    let table = table(&rows);
    println!("\n{table}\n{networks}");
    let versions = peers.map_or_else(
        || "no PyTorch to compare with".to_owned(),
        |peers| peers.versions(&["torch", "onnxruntime", "numpy"]),
    );
    let method = format!(
        "`calo generate` on 30x30x30 cells with post-processor. The time includes start, sampling and the compressed file; \
         median of {repetitions} runs. PyTorch: decoder and post-processor alone, in batches of {BATCH}, scaled to as many \
         showers. Seconds per thousand showers are milliseconds per shower."
    );
    Ok(Section {
        heading: "generate",
        text: format!(
            "{}\n\n{}\n\n{table}\n{}\n\n{networks}",
            wrapped(&format!("{}; {versions}.", machine::hardware())),
            wrapped(&method),
            wrapped(generators::METHOD)
        ),
    })
}

struct Bench {
    calo: PathBuf,
    folder: PathBuf,
    n_showers: usize,
    repetitions: usize,
}

impl Bench {
    /// Seconds and peak memory of making showers with a run, or with the built-in model.
    fn ours(&self, run: Option<&Path>) -> Result<(f64, u64)> {
        let (mut seconds, mut peak_bytes) = (Vec::new(), 0);
        for _ in 0..self.repetitions {
            let mut calo = command(&self.calo);
            calo.args(["generate", "--energy", "10..100", "-n", &self.n_showers.to_string()]);
            if let Some(run) = run {
                calo.arg("--run").arg(run).args(["--epoch", "1"]);
            }
            calo.arg("--out").arg(self.folder.join("generated.hdf5"));
            announce(&calo);
            let usage = resources::run(&mut calo)?;
            seconds.push(usage.wall.as_secs_f64());
            peak_bytes = peak_bytes.max(usage.max_rss_bytes);
        }
        Ok((middle(seconds).context("no repetition")?, peak_bytes >> 20))
    }

    /// A run of the published networks that has learned next to nothing: speed does not depend on the weights.
    fn published_networks(&self) -> Result<PathBuf> {
        let run = self.folder.join("published-networks");
        if !run.join("epochs/epoch-0001.safetensors").is_file() {
            let mut calo = command(&self.calo);
            calo.args(["train", "configs/experiments/bib-ae-paper.toml", "--data", "data/photons.hdf5"]);
            for value in [
                "optim.epochs=1",
                "optim.batch_showers=2",
                "schedule.n_critic=1",
                "data.split=[0.01, 0.01, 0.98]",
                "validation.every_epochs=0",
            ] {
                calo.args(["--set", value]);
            }
            calo.arg("--resume").arg("--out").arg(&run);
            announce(&calo);
            crate::process::run(&mut calo)?;
        }
        Ok(run)
    }
}

/// Seconds that PyTorch takes for as many showers.
fn peer_seconds(peers: &Peers, threads: usize, n_showers: usize) -> Result<f64> {
    let threads = threads.to_string();
    let mut python = peers.script("nn.py");
    limit_threads(&mut python, &threads);
    python.args(["decoder+post-processor", "--batch", BATCH, "--threads", &threads, "--device", "cpu"]);
    let result = json(python.args(["--warm-up", "1", "--repetitions", "3"]))?;
    let batch: f64 = BATCH.parse().context("a number of showers")?;
    Ok(median(&result, "wall_s")? / batch * n_showers as f64)
}
