//! Damaged ROOT files end in an error: never a panic, a crash, an endless loop or an exhausted machine.
//!
//! The mutations run in a child process, so that even an abort would be seen. `CALO_ROOT_MUTATIONS` sets their number.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use calo_core::random::{Purpose, stream};
use calo_data::{HitBatch, HitReader, TreeName};
use rand::Rng;

const MUTATION: Purpose = Purpose::new("mutation");
const FIXTURES: [&str; 5] = [
    "tests/fixtures/hits_none.root",
    "tests/fixtures/hits_zlib.root",
    "tests/fixtures/hits_lz4.root",
    "tests/fixtures/hits_zstd.root",
    "../../data/photon_hits.root",
];

/// Some bytes changed, a number blown up, a piece repeated or moved, or the end cut off.
fn mutate(original: &[u8], index: u64) -> Vec<u8> {
    let mut rng = stream(1, MUTATION, index);
    let mut bytes = original.to_vec();
    let n = bytes.len();
    match rng.random_range(0..6) {
        0 => bytes.truncate(rng.random_range(0..n)),
        1 => {
            // The header alone, where every byte matters.
            let at = rng.random_range(0..300);
            bytes[at] = rng.random();
        }
        2 => {
            let at = rng.random_range(0..n - 8);
            let value: u32 =
                [u32::MAX, 0x7fff_ffff, 0x8000_0000, 0x4fff_ffff, 0, 1, n as u32][rng.random_range(0..7)];
            bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        3 => {
            let (from, to) = (rng.random_range(0..n - 64), rng.random_range(0..n - 64));
            let piece = bytes[from..from + 64].to_vec();
            bytes[to..to + 64].copy_from_slice(&piece);
        }
        _ => {
            for _ in 0..rng.random_range(1..40) {
                let at = rng.random_range(0..n);
                bytes[at] ^= 1 << rng.random_range(0..8);
            }
        }
    }
    bytes
}

fn read_everything(path: &Path) -> Result<u64, calo_core::Error> {
    let mut reader = HitReader::open(path, TreeName::OrTheOnlyOne("photonSIM"))?;
    let (mut batch, mut n) = (HitBatch::default(), 0);
    while reader.next_batch(16, &mut batch)? {
        n += batch.len() as u64;
    }
    Ok(n)
}

/// Peak memory of this process, bytes, if the system reports it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The child's part; a test of its own only by name.
#[test]
#[ignore = "run by `damage_is_an_error` in a process of its own"]
fn child() {
    let n: u64 = std::env::var("CALO_ROOT_MUTATIONS").map_or(400, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutated.root");
    let originals =
        FIXTURES.map(|name| std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap());
    let (mut n_refused, mut slowest) = (0, Duration::ZERO);
    for i in 0..n {
        std::fs::write(&path, mutate(&originals[i as usize % originals.len()], i)).unwrap();
        let start = Instant::now();
        // Named before it is tried, so that a crash can be repeated.
        println!("mutation {i}");
        if let Err(error) = read_everything(&path) {
            n_refused += 1;
            let message = error.to_string();
            assert!(!message.contains('\n'), "{message}");
        }
        slowest = slowest.max(start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(10), "mutation {i} took {:?}", start.elapsed());
    }
    let peak = peak_memory();
    assert!(peak.is_none_or(|peak| peak < 1 << 30), "peak memory {peak:?}");
    println!("{n} mutations, {n_refused} refused, slowest {slowest:?}, peak memory {peak:?}");
}

#[test]
fn damage_is_an_error() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    let status = child.wait().unwrap();
    let last = output.lines().rfind(|line| line.contains("mutation")).unwrap_or_default();
    assert!(status.success(), "{status} at {last}");
    println!("{last}");
}
