//! The generators of all families at their published widths, one shower at a time and a hundred, beside PyTorch and ONNX Runtime.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::page::Row;
use super::peers::Peers;
use super::{json, limit_threads, median};
use crate::flags::BenchFlags;
use crate::process::{cargo, command, run as run_command, target_dir};

const CASES: [(&str, &str); 4] = [
    ("gan", "GAN, photons"),
    ("wgan", "WGAN, photons"),
    ("decoder+post-processor", "BIB-AE with post-processor, photons"),
    ("wgan-pions", "WGAN, pions"),
];

/// What is computed, for readers of the table.
pub(super) const METHOD: &str = "Networks alone, at their published widths with random weights: noise and incident energies in \
    memory to showers in memory, f32, every case in a process of its own. PyTorch eager; ONNX Runtime with the network that \
    PyTorch exported, checked to compute the same.";

/// Measures all, beside whatever peers there are.
pub(super) fn rows(flags: &BenchFlags) -> Result<Vec<Row>> {
    let peers = Peers::with_onnx(flags.python.as_deref())
        .inspect_err(|error| println!("bench: without ONNX Runtime, ours alone is measured: {error:#}"))
        .ok();
    run_command(cargo().args(["build", "--release", "--package", "calo-cli", "--example", "bench_nn"]))?;
    let ours = target_dir()?.join("release/examples/bench_nn");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let batches: &[usize] = if flags.quick { &[2] } else { &[1, 100] };
    let mut rows = Vec::new();
    for (case, what) in CASES {
        for &batch in batches {
            let repetitions = match (flags.quick, batch) {
                (true, _) => "2",
                (false, 1) => "20",
                (false, _) => "5",
            };
            let words = [case, "--batch", &batch.to_string(), "--threads", &threads.to_string()];
            let more = ["--warm-up", "2", "--repetitions", repetitions, "--device", "cpu"];
            let mut calo = command(&ours);
            let calo = json(calo.env("RAYON_NUM_THREADS", threads.to_string()).args(words).args(more))?;
            let ours_s = median(&calo, "wall_s")?;
            let what = format!("{what}, {batch} at a time");
            let Some(peers) = &peers else {
                rows.push(Row::new(what, threads, ours_s));
                continue;
            };
            for (runtime, name, wanted) in [("torch", "PyTorch", 3.0), ("onnx", "ONNX Runtime", 2.0)] {
                let mut python = peers.script("nn.py");
                limit_threads(&mut python, &threads.to_string());
                let peer = json(python.args(words).args(more).args(["--runtime", runtime]))?;
                check_weights(case, &calo, &peer)?;
                let row = Row::new(what.clone(), threads, ours_s);
                rows.push(row.against(name, median(&peer, "wall_s")?).wanted(Some(wanted)));
            }
        }
    }
    Ok(rows)
}

/// A comparison of speeds means something only where both computed the same.
fn check_weights(case: &str, ours: &Value, peer: &Value) -> Result<()> {
    let [ours, peer] = [ours, peer].map(|result| result["n_weights"].as_u64());
    ensure!(
        ours.is_some() && ours == peer,
        "{case}: our networks have {ours:?} weights, the peer's {peer:?}"
    );
    Ok(())
}
