//! The BIB-AE at its published widths: ours (`crates/calo-cli/examples/bench_nn.rs`) against PyTorch
//! (`xtask/peers/nn.py`), every case in a process of its own on either side.

mod table;

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::page::{Section, wrapped};
use super::peers::Peers;
use super::{json, limit_threads, machine};
use crate::flags::{BenchDevice, BenchFlags};
use crate::process::{cargo, command, run as run_command, target_dir};
use table::{Measured, Row};

/// One piece of work, and the least ratio of PyTorch's time to ours that we are content with on the CPU.
struct Case {
    name: &'static str,
    what: &'static str,
    wanted: f64,
}

const CASES: [Case; 7] = [
    Case { name: "encoder", what: "encoder", wanted: 1.5 },
    Case { name: "decoder", what: "decoder", wanted: 1.5 },
    Case { name: "post-processor", what: "post-processor", wanted: 1.5 },
    Case { name: "decoder+post-processor", what: "decoder and post-processor", wanted: 3.0 },
    Case { name: "critic", what: "critic, forward", wanted: 1.5 },
    Case { name: "critic-step", what: "critic step with gradient penalty", wanted: 1.5 },
    Case { name: "training-step", what: "training step", wanted: 1.5 },
];

/// How often, after how many that do not count, on how many showers at once.
struct Plan {
    batches: &'static [usize],
    warm_up: usize,
    repetitions: usize,
}

impl Plan {
    fn new(flags: &BenchFlags) -> Self {
        let batches: &[usize] = match (flags.device, flags.quick) {
            (_, true) => &[2],
            (BenchDevice::Cpu, false) => &[8],
            (BenchDevice::Cuda, false) => &[32, 256],
        };
        let (warm_up, repetitions) = if flags.quick { (1, 2) } else { (2, 5) };
        Self { batches, warm_up, repetitions }
    }
}

/// Builds ours, measures both sides and prints the table.
pub(super) fn run(flags: &BenchFlags) -> Result<Section> {
    let bench = Bench::prepare(flags)?;
    let mut rows = Vec::new();
    for &batch in bench.plan.batches {
        for case in &CASES {
            rows.push(bench.case(case, batch)?);
        }
    }
    let (heading, tables) = match flags.device {
        BenchDevice::Cpu => ("nn", table::cpu(&rows)),
        BenchDevice::Cuda => {
            // Candle does not tell the name of a GPU.
            let peer = rows.first().and_then(|row| row.peer.as_ref());
            let gpu = peer.map_or("An NVIDIA GPU", |peer| peer.device.as_str());
            ("nn-cuda", table::cuda(&rows, gpu, flags.peak_tflops.or_else(|| table::peak_tflops(gpu))))
        }
    };
    println!("\n{tables}");
    Ok(Section {
        heading,
        text: format!("{}\n\n{}\n\n{tables}", wrapped(&bench.machine()), wrapped(&bench.method())),
    })
}

struct Bench {
    plan: Plan,
    device: BenchDevice,
    threads: usize,
    ours: std::path::PathBuf,
    peer: Option<Peers>,
}

impl Bench {
    fn prepare(flags: &BenchFlags) -> Result<Self> {
        let peer = Peers::with_torch(flags.python.as_deref())
            .inspect_err(|error| println!("bench: without PyTorch, ours alone is measured: {error:#}"))
            .ok();
        let mut build = cargo();
        build.args(["build", "--release", "--package", "calo-cli", "--example", "bench_nn"]);
        if flags.device == BenchDevice::Cuda {
            build.args(["--features", "cuda"]);
        }
        run_command(&mut build)?;
        Ok(Self {
            plan: Plan::new(flags),
            device: flags.device,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            ours: target_dir()?.join("release/examples/bench_nn"),
            peer,
        })
    }

    fn case(&self, case: &Case, batch: usize) -> Result<Row> {
        let threads = self.threads.to_string();
        let mut ours = command(&self.ours);
        // The gradient penalty needs the second; `cargo run` would set it.
        ours.env("RAYON_NUM_THREADS", &threads).env("CANDLE_GRAD_DO_NOT_DETACH", "1");
        let ours = self.measure(&mut ours, case, batch)?;
        let peer = match &self.peer {
            Some(peers) => {
                let mut python = peers.script("nn.py");
                Some(self.measure(limit_threads(&mut python, &threads), case, batch)?)
            }
            None => None,
        };
        if let Some(peer) = &peer {
            // A comparison of speeds means something only where both computed the same.
            ensure!(
                ours.n_weights == peer.n_weights,
                "{}: our networks have {} weights, PyTorch's {}",
                case.name,
                ours.n_weights,
                peer.n_weights
            );
        }
        let wanted = match self.device {
            BenchDevice::Cpu => case.wanted,
            BenchDevice::Cuda => 1.0,
        };
        Ok(Row { what: case.what, batch, wanted, ours, peer })
    }

    fn measure(&self, program: &mut Command, case: &Case, batch: usize) -> Result<Measured> {
        let Plan { warm_up, repetitions, .. } = self.plan;
        let device = match self.device {
            BenchDevice::Cpu => "cpu",
            BenchDevice::Cuda => "cuda",
        };
        program.args([case.name, "--batch", &batch.to_string(), "--threads", &self.threads.to_string()]);
        program.args(["--warm-up", &warm_up.to_string(), "--repetitions", &repetitions.to_string()]);
        let result: Value = json(program.args(["--device", device]))?;
        Measured::new(&result).with_context(|| format!("case {}", case.name))
    }

    fn machine(&self) -> String {
        let versions = self.peer.as_ref().map(|peers| peers.versions(&["torch", "numpy"]));
        format!("{}; {}.", machine::hardware(), versions.as_deref().unwrap_or("no PyTorch to compare with"))
    }

    /// What was done, for readers of the table.
    fn method(&self) -> String {
        let Plan { warm_up, repetitions, .. } = self.plan;
        let place = match self.device {
            BenchDevice::Cpu => format!("{} threads", self.threads),
            BenchDevice::Cuda => "TF32 on".to_owned(),
        };
        format!(
            "BIB-AE for photons at its published widths (f = 8, m = 128, post-processor 128), 30x30x30 cells, f32, \
             {place} on both sides; PyTorch eager. Our bench allocates as `calo` does: from mimalloc, which keeps freed \
             memory, with pages of 2 MiB for the last two rows alone. Every case runs in a process of its own: {warm_up} \
             warm-up runs, then the median of {repetitions}. The first five rows compute no gradients. A critic step is \
             the scores of real and fake pairs, the gradient penalty, backward and Adam. A training step begins with \
             five times a reconstruction, a step of the critic and one of the latent critic. One step of encoder and \
             decoder (both critics, KLD, MMD) and one of the post-processor (5 * sorted-kernel MMD + MSE) follow."
        )
    }
}
