//! What was measured, as Markdown.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// One side of one case.
#[derive(Debug)]
pub(super) struct Measured {
    /// Seconds of each repetition.
    wall_s: Vec<f64>,
    /// CPU seconds of all threads, mean of the repetitions.
    cpu_s: Option<f64>,
    /// Peak minus what was in use once the weights were loaded.
    memory_bytes: Option<f64>,
    /// Of convolutions and products in one repetition; only PyTorch counts them, for CUDA.
    flops: Option<f64>,
    pub(super) n_weights: u64,
    pub(super) device: String,
}

impl Measured {
    pub(super) fn new(result: &Value) -> Result<Self> {
        let seconds = |name: &str| -> Vec<f64> {
            let list = result[name].as_array().into_iter().flatten();
            list.filter_map(Value::as_f64).filter(|seconds| seconds.is_finite()).collect()
        };
        let (mut wall_s, cpu_s) = (seconds("wall_s"), seconds("cpu_s"));
        wall_s.sort_by(f64::total_cmp);
        wall_s.first().context("no times were measured")?;
        Ok(Self {
            wall_s,
            cpu_s: (!cpu_s.is_empty()).then(|| cpu_s.iter().sum::<f64>() / cpu_s.len() as f64),
            memory_bytes: result["memory_bytes"].as_f64(),
            flops: result["flops"].as_f64(),
            n_weights: result["n_weights"].as_u64().context("no number of weights")?,
            device: result["device"].as_str().unwrap_or_default().to_owned(),
        })
    }

    fn median_s(&self) -> f64 {
        self.wall_s.get(self.wall_s.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn best_s(&self) -> f64 {
        self.wall_s.first().copied().unwrap_or(f64::NAN)
    }
}

/// One case on both sides.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) batch: usize,
    pub(super) wanted: f64,
    pub(super) ours: Measured,
    pub(super) peer: Option<Measured>,
}

impl Row {
    /// The peer's median over ours.
    fn ratio(&self) -> Option<f64> {
        Some(self.peer.as_ref()?.median_s() / self.ours.median_s())
    }

    fn best_ratio(&self) -> Option<f64> {
        Some(self.peer.as_ref()?.best_s() / self.ours.best_s())
    }

    fn per_shower_ms(&self, seconds: f64) -> f64 {
        1e3 * seconds / self.batch as f64
    }

    /// `12.3 | 45.6`: wall and CPU milliseconds per shower.
    fn times(&self, side: Option<&Measured>) -> String {
        let number = |seconds: Option<f64>| show(seconds.map(|s| self.per_shower_ms(s)), 2);
        format!("{} | {}", number(side.map(Measured::median_s)), number(side.and_then(|side| side.cpu_s)))
    }
}

/// `met`, `missed`, or nothing to compare with.
fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "-",
    }
}

fn show(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// Times and memory on the CPU.
pub(super) fn cpu(rows: &[Row]) -> String {
    let mut text = String::from(
        "Milliseconds per shower; CPU counts all threads.\n\n\
         | what | batch | ours | ours, CPU | PyTorch | PyTorch, CPU | ratio | of the bests | at least | |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let (ratio, met) = (row.ratio(), verdict(row.ratio().map(|ratio| ratio >= row.wanted)));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {:.1} | {met} |",
            row.what,
            row.batch,
            row.times(Some(&row.ours)),
            row.times(row.peer.as_ref()),
            show(ratio, 2),
            show(row.best_ratio(), 2),
            row.wanted,
        );
    }
    text.push_str(
        "\nMemory beyond interpreter, inputs and weights, MiB: peak resident size minus the size once all is loaded. The \
         limit\nis PyTorch's.\n\n| what | batch | ours | PyTorch | ratio | |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let (ours, peer) = (row.ours.memory_bytes, row.peer.as_ref().and_then(|peer| peer.memory_bytes));
        let both = ours.zip(peer);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            row.what,
            row.batch,
            show(ours.map(mib), 0),
            show(peer.map(mib), 0),
            show(both.map(|(ours, peer)| peer / ours), 2),
            verdict(both.map(|(ours, peer)| ours <= peer)),
        );
    }
    text
}

/// Times and the share of the GPU's peak on CUDA.
pub(super) fn cuda(rows: &[Row], gpu: &str, peak_tflops: Option<f64>) -> String {
    let peak = peak_tflops.map_or_else(
        || "its peak is not known here (`--peak-tflops`)".to_owned(),
        |peak| format!("peak {peak:.0} TFLOP/s of TF32 products"),
    );
    let mut text = format!(
        "{gpu}: {peak}.\nMilliseconds per shower; FLOPs of convolutions and products as PyTorch counts them.\n\n\
         | what | batch | ours | PyTorch | ratio | of the bests | at least | | ours, TFLOP/s | share of peak |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let rate = row.peer.as_ref().and_then(|peer| peer.flops).map(|n| n / row.ours.median_s() / 1e12);
        let share = rate.zip(peak_tflops).map(|(rate, peak)| 100.0 * rate / peak);
        let milliseconds = |side: &Measured| row.per_shower_ms(side.median_s());
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {:.1} | {} | {} | {} |",
            row.what,
            row.batch,
            show(Some(milliseconds(&row.ours)), 3),
            show(row.peer.as_ref().map(milliseconds), 3),
            show(row.ratio(), 2),
            show(row.best_ratio(), 2),
            row.wanted,
            verdict(row.ratio().map(|ratio| ratio >= row.wanted)),
            show(rate, 1),
            share.map_or_else(|| "-".to_owned(), |share| format!("{share:.0} %")),
        );
    }
    text
}

/// TF32 without sparsity, from the makers' data sheets.
pub(super) fn peak_tflops(gpu: &str) -> Option<f64> {
    let known = [
        ("H200", 494.7),
        ("H100 PCIe", 378.0),
        ("H100 NVL", 417.5),
        ("H100", 494.7),
        ("A100", 156.0),
        ("L40S", 183.0),
    ];
    known.into_iter().find(|(name, _)| gpu.contains(name)).map(|(_, peak)| peak)
}

fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn measured(scale: f64) -> Measured {
        let result = json!({
            "wall_s": [3.0 * scale, 1.0 * scale, 2.0 * scale], "cpu_s": [4.0 * scale], "n_weights": 1,
            "memory_bytes": scale * f64::from(1 << 20), "flops": 1e12, "device": "NVIDIA H200",
        });
        Measured::new(&result).unwrap()
    }

    fn row(peer: Option<Measured>) -> Row {
        Row { what: "encoder", batch: 8, wanted: 3.0, ours: measured(0.4), peer }
    }

    #[test]
    fn ratios_are_of_medians_and_say_whether_they_will_do() {
        let text = cpu(&[row(Some(measured(1.6)))]);
        assert!(
            text.contains("| encoder | 8 | 100.00 | 200.00 | 400.00 | 800.00 | 4.00 | 4.00 | 3.0 | met |"),
            "{text}"
        );
        assert!(text.contains("| encoder | 8 | 0 | 2 | 4.00 | met |"), "{text}");
        let text = cpu(&[row(Some(measured(0.2)))]);
        assert!(
            text.contains("| 0.50 | 0.50 | 3.0 | **missed** |") && text.contains("| 0.50 | **missed** |"),
            "{text}"
        );
    }

    #[test]
    fn without_a_peer_ours_stands_alone() {
        assert!(cpu(&[row(None)]).contains("| encoder | 8 | 100.00 | 200.00 | - | - | - | - | 3.0 | - |"));
    }

    #[test]
    fn share_of_peak_needs_a_known_gpu() {
        let rows = [row(Some(measured(1.6)))];
        // 1 TFLOP in 0.8 s.
        assert!(cuda(&rows, "NVIDIA H200", Some(5.0)).contains("| met | 1.2 | 25 % |"));
        assert!(cuda(&rows, "GPU", None).contains("| met | 1.2 | - |"));
        assert_eq!(peak_tflops("NVIDIA H100 PCIe"), Some(378.0));
        assert_eq!(peak_tflops("another"), None);
    }

    #[test]
    fn a_side_that_measured_nothing_is_an_error() {
        assert!(Measured::new(&json!({ "wall_s": [], "n_weights": 1 })).is_err());
    }
}
