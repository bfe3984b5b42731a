//! `cargo xtask bench`: ours and its Python peer on the same input, in the same run, with the same number of threads.
//!
//! Ours is `bench_peers.rs`, `bench_density.rs` and `bench_nn.rs` in `crates/calo-cli/examples`, and `calo` itself, the peers
//! are the scripts in `xtask/peers`.

mod generate;
mod generators;
pub(crate) mod machine;
mod nn;
mod page;
mod peers;
mod resources;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use serde_json::Value;

use crate::flags::{BenchFlags, BenchGroup};
use crate::process::{cargo, command, line, read, root, run as run_command, target_dir};
use crate::setup;
use page::{Row, Section};
use peers::Peers;

/// How much work is done.
struct Size {
    /// Showers that are read and written.
    io_showers: usize,
    /// Showers whose observables are computed, on each side of a comparison.
    showers: usize,
    /// Kernels of a density.
    points: usize,
    repetitions: usize,
}

const FULL: Size = Size { io_showers: 5000, showers: 10_000, points: 20_000, repetitions: 5 };
const QUICK: Size = Size { io_showers: 500, showers: 500, points: 2000, repetitions: 2 };

/// Runs the named groups, or all.
pub(crate) fn run(flags: &BenchFlags) -> Result<()> {
    setup::ensure()?;
    let groups: Vec<BenchGroup> = BenchGroup::value_variants()
        .iter()
        .copied()
        .filter(|group| flags.groups.is_empty() || flags.groups.contains(group))
        .collect();
    // These bring a PyTorch where there is one, and do without.
    let with_torch = |group: &BenchGroup| [BenchGroup::Nn, BenchGroup::Generate].contains(group);
    let (networks, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(with_torch);

    let mut sections = Vec::new();
    if !others.is_empty() {
        let peers = Peers::find(flags.python.as_deref(), &others)?;
        let bench = Bench::prepare(if flags.quick { QUICK } else { FULL }, peers)?;
        let machine = page::wrapped(&machine::describe(&bench.peers));
        for group in others {
            let (heading, rows) = match group {
                BenchGroup::Data => ("data", bench.data()?),
                BenchGroup::Metrics => ("metrics", bench.metrics()?),
                BenchGroup::Latent => ("latent", bench.latent()?),
                BenchGroup::Nn | BenchGroup::Generate => continue,
            };
            let table = page::table(&rows);
            println!("\n{table}");
            sections.push(Section { heading, text: format!("{machine}\n\n{table}") });
        }
    }
    for group in networks {
        sections.push(match group {
            BenchGroup::Generate => generate::run(flags)?,
            _ => nn::run(flags)?,
        });
    }
    if flags.quick {
        println!("docs/performance.md stays as it is: --quick measures too little to be written down");
        return Ok(());
    }
    page::update(&root().join("docs/performance.md"), &sections)
}

/// Everything the measurements share.
struct Bench {
    size: Size,
    peers: Peers,
    folder: PathBuf,
    release: PathBuf,
    threads: usize,
}

impl Bench {
    fn prepare(size: Size, peers: Peers) -> Result<Self> {
        run_command(cargo().args(["build", "--release", "--package", "calo-cli"]).args([
            "--bin",
            "calo",
            "--example",
            "bench_peers",
            "--example",
            "bench_density",
        ]))?;
        let target = target_dir()?;
        let folder = target.join("bench");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { size, peers, folder, release: target.join("release"), threads })
    }

    /// Reading and writing showers as gzip-compressed HDF5.
    fn data(&self) -> Result<Vec<Row>> {
        let n = self.size.io_showers;
        let repetitions = self.size.repetitions.to_string();
        let mut rows = Vec::new();
        // The level that `calo` and most producers write. At 9, h5py alone would take ten minutes.
        let gzip = "4";
        let file = self.showers(n, gzip, 1)?;
        let scratch = self.path("written.hdf5");
        let peer = self.peer(
            "hdf5.py",
            &[&file, "--gzip", gzip, "--repetitions", &repetitions, "--scratch", &scratch],
        )?;
        let what = |verb: &str| format!("{verb} {n} photon showers, gzip {gzip} + shuffle");
        for threads in [self.threads, 1] {
            let ours = self.ours(threads, &["read", &file, &repetitions])?;
            rows.push(
                Row::new(what("read"), threads, median(&ours, "read_s")?)
                    .against("h5py, 1 thread", median(&peer, "read_s")?)
                    .wanted((threads > 1).then_some(1.3)),
            );
        }
        let ours = self.ours(self.threads, &["write", &file, &scratch, gzip, &repetitions])?;
        rows.push(
            Row::new(what("write"), self.threads, median(&ours, "write_s")?)
                .against("h5py, 1 thread", median(&peer, "write_s")?)
                .wanted(Some(1.0)),
        );
        Ok(rows)
    }

    /// Observables and histograms, FPD, and the whole evaluation.
    fn metrics(&self) -> Result<Vec<Row>> {
        let n = self.size.showers;
        let repetitions = self.size.repetitions.to_string();
        let (reference, candidate) = (self.showers(n, "4", 1)?, self.showers(n, "4", 2)?);
        let mut rows = Vec::new();

        let peer = self.peer("observables.py", &[&reference, "--repetitions", &repetitions])?;
        for threads in [self.threads, 1] {
            let ours = self.ours(threads, &["observables", &reference, &repetitions])?;
            agree(&ours, &peer, "visible_energy_mean_mev")?;
            agree(&ours, &peer, "n_hits_mean")?;
            let what = format!("observables and six histograms of {n} photon showers in memory");
            rows.push(
                Row::new(what, threads, median(&ours, "observables_s")?)
                    .against("NumPy", median(&peer, "observables_s")?)
                    .wanted((threads > 1).then_some(5.0)),
            );
        }

        let features = self.path("features.f64");
        let ours = self.ours(self.threads, &["fpd", &reference, &candidate, &features, &repetitions])?;
        let number = |name: &str| ours[name].as_u64().map_or_else(String::new, |value| value.to_string());
        let peer = self.peer(
            "fpd.py",
            &[
                &features,
                "--showers",
                &number("n_showers"),
                "--features",
                &number("n_features"),
                "--repetitions",
                &repetitions,
                "--min-samples",
                &number("min_samples"),
                "--max-samples",
                &number("max_samples"),
            ],
        )?;
        rows.push(
            Row::new(format!("FPD of {n} against {n} showers"), self.threads, median(&ours, "fpd_s")?)
                .against("JetNet", median(&peer, "fpd_s")?)
                .wanted(Some(1.0)),
        );

        rows.push(self.evaluate(n, &reference, &candidate)?);
        Ok(rows)
    }

    /// Densities of latent variables: evaluated, sampled, and the search of their bandwidth.
    fn latent(&self) -> Result<Vec<Row>> {
        let n = self.size.points;
        let n_search = (n / 4).max(1000);
        let (points, repetitions) = (self.path("points.f64"), self.size.repetitions.to_string());
        let search = n_search.to_string();
        let mut example = command(self.release.join("examples/bench_density"));
        example.args([&points, &n.to_string(), &search, &repetitions]);
        let ours = json(example.env("RAYON_NUM_THREADS", self.threads.to_string()))?;
        let peer = self.peer("kde.py", &[&points, "--search", &search, "--repetitions", &repetitions])?;
        agree(&ours, &peer, "mean_log_density")?;
        let evaluated = format!("log density of 1000 points, {n} kernels in 25 dimensions");
        let [tried, steps] = ["n_tried", "n_steps"].map(|name| ours[name].as_u64().unwrap_or_default());
        Ok(vec![
            Row::new(evaluated.clone(), self.threads, median(&ours, "evaluate_s")?)
                .against("scikit-learn, 1 thread", median(&peer, "evaluate_s")?)
                .wanted(Some(1.0)),
            Row::new(evaluated, self.threads, median(&ours, "evaluate_s")?)
                .against("SciPy, 1 thread", median(&peer, "scipy_evaluate_s")?)
                .wanted(Some(1.0)),
            // Ours takes a random stream for each sample, so that sample i is the same in any range.
            Row::new(format!("100,000 samples of {n} kernels"), self.threads, median(&ours, "sample_s")?)
                .against("scikit-learn, 1 thread", median(&peer, "sample_s")?),
            Row::new(
                format!(
                    "bandwidths of {n_search} points, 5 folds, {tried} pairs tried; the peer one bandwidth"
                ),
                self.threads,
                median(&ours, "search_s")?,
            )
            .against("scikit-learn, 1 thread", median(&peer, "one_bandwidth_s")?),
            Row::new(
                format!(
                    "a bandwidth for each column of {n_search} points, {steps} steps; the peer one value of the likelihood"
                ),
                self.threads,
                median(&ours, "search_each_s")?,
            )
            .against("statsmodels, 1 thread", median(&peer, "one_likelihood_s")?),
        ])
    }

    /// `calo evaluate` as a user starts it: reading, hashing and writing included.
    fn evaluate(&self, n: usize, reference: &str, candidate: &str) -> Result<Row> {
        let out = self.path("evaluation");
        let mut calo = command(self.release.join("calo"));
        calo.args(["evaluate", "--reference", reference, "--candidate", candidate]);
        calo.args(["--detector", "ild-ecal", "--out", &out]);
        announce(&calo);
        let usage = resources::run(&mut calo)?;
        let what = format!(
            "`calo evaluate` of {n} against {n} photon showers, files read included; peak memory {} MiB",
            usage.max_rss_bytes >> 20
        );
        Ok(Row::new(what, self.threads, usage.wall.as_secs_f64()))
    }

    /// A file of `n` distinct showers, made once.
    fn showers(&self, n: usize, gzip: &str, seed: u32) -> Result<String> {
        let file = self.folder.join(format!("photons-{n}-gzip{gzip}-{seed}.hdf5"));
        if !file.is_file() {
            let making = file.with_extension("making");
            let (n, seed) = (n.to_string(), seed.to_string());
            let mut python = self.peers.script("make_showers.py");
            python.arg("data/photons.hdf5").arg(&making);
            read(python.args(["--showers", &n, "--gzip", gzip, "--seed", &seed]))?;
            fs::rename(&making, &file).with_context(|| format!("cannot rename {}", making.display()))?;
        }
        Ok(file.display().to_string())
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn ours(&self, threads: usize, args: &[&str]) -> Result<Value> {
        let mut example = command(self.release.join("examples/bench_peers"));
        json(example.args(args).env("RAYON_NUM_THREADS", threads.to_string()))
    }

    fn peer(&self, script: &str, args: &[&str]) -> Result<Value> {
        let mut python = self.peers.script(script);
        let threads = self.threads.to_string();
        json(limit_threads(&mut python, &threads).args(args))
    }
}

/// Holds what NumPy and PyTorch compute with to as many threads as ours.
fn limit_threads<'a>(python: &'a mut std::process::Command, threads: &str) -> &'a mut std::process::Command {
    for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] {
        python.env(variable, threads);
    }
    python
}

/// Runs `command`, whose last line is JSON.
fn json(command: &mut std::process::Command) -> Result<Value> {
    announce(command);
    let text = read(command)?;
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("`{}` did not end with a line of JSON", line(command)))
}

fn announce(command: &std::process::Command) {
    println!("    {}", line(command));
}

/// Median of a list of seconds.
fn median(results: &Value, name: &str) -> Result<f64> {
    let seconds = results[name].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    middle(seconds).with_context(|| format!("no times called `{name}` were measured"))
}

/// Median of some seconds.
fn middle(mut seconds: Vec<f64>) -> Option<f64> {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}

/// A comparison of speeds means something only where both computed the same.
fn agree(ours: &Value, peer: &Value, name: &str) -> Result<()> {
    let (a, b) = (ours[name].as_f64(), peer[name].as_f64());
    match (a, b) {
        (Some(a), Some(b)) if (a - b).abs() <= 1e-4 * b.abs() => Ok(()),
        _ => anyhow::bail!("{name}: ours is {a:?}, the peer's {b:?}; expected the same to 1e-4"),
    }
}

fn is_python(path: &Path) -> bool {
    read(command(path).args(["-c", "import sys; assert sys.version_info >= (3, 8)"])).is_ok()
}
