//! Damaged files end in an error of one line, without a crash, a hang or a flood of memory.
//!
//! libhdf5 may crash on what it is given, so the files are read in child processes: this program itself.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use calo_core::{Grid, ShowerBatch};
use calo_data::{PointBatch, PointReader, ReadOptions, ShowerReader};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CASES_PER_FILE: u64 = 60;
const LIMIT: Duration = Duration::from_secs(10);
const FILES: [&str; 10] = [
    "gzip_shuffle.hdf5",
    "lzf_shuffle.hdf5",
    "contiguous_f32.hdf5",
    "chunks_across_axes.hdf5",
    "fletcher32.hdf5",
    "sparse_latest.hdf5",
    "calo_challenge.hdf5",
    "hcal_only.hdf5",
    "clouds.h5",
    "clouds_batched.h5",
];

fn foreign(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name)
}

/// `bytes` damaged in a way that `case` determines.
fn damaged(bytes: &[u8], case: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(case);
    let mut bytes = bytes.to_vec();
    if rng.random_bool(0.1) {
        bytes.truncate(rng.random_range(0..bytes.len()));
        return bytes;
    }
    // Structure, not data, is what breaks readers: half of the damage goes to bytes that are not zero.
    let used: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] != 0).collect();
    for _ in 0..rng.random_range(1..=8) {
        let at = if rng.random_bool(0.5) {
            used[rng.random_range(0..used.len())]
        } else {
            rng.random_range(0..bytes.len())
        };
        match rng.random_range(0..4) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = 0xff,
            2 => bytes[at] = rng.random(),
            _ => {
                let end = (at + 8).min(bytes.len());
                let value = [0, u64::MAX, 1 << 40, rng.random()][rng.random_range(0..4)];
                bytes[at..end].copy_from_slice(&u64::to_le_bytes(value)[..end - at]);
            }
        }
    }
    bytes
}

/// Reads all of a file in every way; errors are fine.
fn read(path: &Path, inspect: bool) -> Result<u64, calo_core::Error> {
    let grid = Some(Grid { layers: 4, nx: 3, ny: 5 }).filter(|_| path.ends_with("calo_challenge.hdf5"));
    let options = ReadOptions { grid, inspect, ..ReadOptions::default() };
    let mut n = 0;
    if path.extension().is_some_and(|extension| extension == "h5") {
        let mut reader = PointReader::open(path, &options)?;
        let mut batch = PointBatch::empty(4);
        while reader.read_batch(2, &mut batch)? {
            n += batch.points.len() as u64;
        }
    } else {
        let mut reader = ShowerReader::open(path, &options)?;
        let mut batch = ShowerBatch::<f32>::empty(reader.grid());
        while reader.read_batch(64, &mut batch)? {
            n += batch.len() as u64;
        }
    }
    Ok(n)
}

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// What runs in the child: all cases of one file, each announced before it is tried.
#[test]
#[ignore = "run by `damaged_files_are_refused_in_one_line`, in a process of its own"]
fn child() {
    let (Ok(name), Ok(from)) = (std::env::var("CALO_DAMAGE_FILE"), std::env::var("CALO_DAMAGE_FROM")) else {
        return;
    };
    let bytes = std::fs::read(foreign(&name)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(&name);
    let n_cases = std::env::var("CALO_DAMAGE_CASES").map_or(CASES_PER_FILE, |n| n.parse().unwrap());
    for case in from.parse::<u64>().unwrap()..n_cases {
        println!("\ncase {case}");
        std::fs::write(&path, damaged(&bytes, case)).unwrap();
        for inspect in [false, true] {
            let start = Instant::now();
            let result = read(&path, inspect);
            if let Err(e) = &result {
                let message = e.to_string();
                assert!(!message.chars().any(char::is_control), "case {case}: {message:?}");
                assert!(message.contains(&name), "case {case}: {message}");
            }
            assert!(start.elapsed() < LIMIT, "case {case}: {:?}", start.elapsed());
            assert!(peak_kb() < 1 << 20, "case {case}: {} kB", peak_kb());
        }
    }
}

#[test]
fn damaged_files_are_refused_in_one_line() {
    let program = std::env::current_exe().unwrap();
    let mut failures = String::new();
    for name in FILES {
        let mut from = 0_u64;
        loop {
            let mut command = Command::new(&program);
            command.args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"]);
            let output = command
                .env("CALO_DAMAGE_FILE", name)
                .env("CALO_DAMAGE_FROM", from.to_string())
                .output()
                .unwrap();
            let stdout = String::from_utf8_lossy(&output.stdout);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(!stderr.contains("HDF5-DIAG"), "{name}: libhdf5 printed its error stack");
            if output.status.success() {
                break;
            }
            let last = stdout.lines().filter_map(|line| line.strip_prefix("case ")).next_back();
            let last: u64 = last.expect("the child announces its cases").parse().unwrap();
            let why = stderr.lines().find(|line| line.contains("case ")).unwrap_or("crashed");
            writeln!(failures, "{name} case {last}: {} ({why})", output.status).unwrap();
            from = last + 1; // go on behind it, to report every case
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
