//! Where and with what was measured.

use std::fs;

use super::peers::Peers;
use crate::process::{cargo, command, read};

/// One sentence: CPU, cores, memory, date, versions.
pub(crate) fn describe(peers: &Peers) -> String {
    format!(
        "{}; {}.",
        hardware(),
        peers.versions(&["h5py", "numpy", "scipy", "scikit-learn", "statsmodels", "jetnet"])
    )
}

/// The same without the peers, and without the full stop.
pub(crate) fn hardware() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let first = |text: String| text.lines().next().unwrap_or_default().trim().to_owned();
    let date = read(command("date").args(["-u", "+%Y-%m-%d"])).map(first).unwrap_or_default();
    let cargo = read(cargo().arg("--version")).map(first).unwrap_or_default();
    format!("{}, {cores} cores, {}; {date}; {cargo}", processor(), memory())
}

fn processor() -> String {
    field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn memory() -> String {
    let kib = field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kib.map_or_else(
        || "unknown memory".to_owned(),
        |kib| format!("{} GiB of memory", (kib + (1 << 19)) >> 20),
    )
}

/// Value of the first line `name : value`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
