//! Peak memory does not depend on a file's length: measured in processes of their own, which are this program.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in tests, a failed expectation is the report")]
#![expect(clippy::disallowed_methods, reason = "libhdf5 itself writes the files to be read")]

use std::path::Path;
use std::process::Command;

use calo_core::{Grid, ShowerBatch};
use calo_data::{
    Part, ReadOptions, ShowerReader, ShowerWriter, ShuffleSettings, ShuffledShowers, Split, WriteOptions,
};
use ndarray::Array4;

const GRID: Grid = Grid { layers: 30, nx: 20, ny: 20 };
const SHORT: usize = 700;
/// Showers shuffled together.
const GROUP: usize = 4000;

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A file whose first showers were written; the rest are chunks that take no room and read as zeros.
fn sparse_file(path: &Path, n: usize) {
    let file = hdf5::File::create(path).unwrap();
    let group = file.create_group("30x30").unwrap();
    let energies = ndarray::Array2::from_elem((n, 1), 50.0_f32);
    group
        .new_dataset_builder()
        .chunk((1000.min(n), 1))
        .deflate(1)
        .with_data(&energies)
        .create("energy")
        .unwrap();
    let layers = group.new_dataset::<f32>().chunk((100, 30, 20, 20)).shuffle().deflate(1);
    let layers = layers.shape((n, 30, 20, 20)).create("layers").unwrap();
    let written = Array4::from_shape_fn((SHORT, 30, 20, 20), |(i, l, x, y)| ((i + l + x * y) % 7) as f32);
    layers.write_slice(&written, (0..SHORT, .., .., ..)).unwrap();
}

#[test]
#[ignore = "run by `memory_does_not_grow_with_the_file`, in a process of its own"]
fn child() {
    let Ok(path) = std::env::var("CALO_MEMORY_FILE") else { return };
    let mut reader = ShowerReader::open(Path::new(&path), &ReadOptions::default()).unwrap();
    let out = format!("{path}.out");
    let mut writer = ShowerWriter::create(Path::new(&out), &WriteOptions::new(GRID)).unwrap();
    let mut batch = ShowerBatch::<f32>::empty(GRID);
    let n_before = reader.n_showers();
    // Writing all of a long file would take a while: its beginning, which is still several times the short one.
    let write = std::env::var("CALO_MEMORY_WRITE").unwrap().parse::<u64>().unwrap();
    while reader.read_batch(100, &mut batch).unwrap() {
        if batch.first_shower < write {
            writer.write(&batch).unwrap();
        }
    }
    assert_eq!(writer.n_showers(), write.min(n_before));
    writer.finish().unwrap();
    println!("\npeak_kb {}", peak_kb());
}

#[test]
#[ignore = "run by `memory_of_shuffling_is_that_of_a_group`, in a process of its own"]
fn shuffling_child() {
    let Ok(path) = std::env::var("CALO_MEMORY_FILE") else { return };
    let reader = ShowerReader::open(Path::new(&path), &ReadOptions::default()).unwrap();
    let split = Split::new(1, [0.8, 0.1, 0.1], reader.n_showers()).unwrap();
    let settings = ShuffleSettings { seed: 1, batch_size: 50, group_showers: GROUP };
    let mut showers = ShuffledShowers::new(reader, &split, Part::Train, settings).unwrap();
    let mut batch = ShowerBatch::<f32>::empty(GRID);
    for batch_idx in 0..showers.batches_per_epoch() {
        showers.read(0, batch_idx, &mut batch).unwrap();
    }
    println!("\npeak_kb {}", peak_kb());
}

/// Peak memory of a test of this program, run alone.
fn peak_of(child: &str, path: &Path, write: usize) -> u64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("CALO_MEMORY_FILE", path).env("CALO_MEMORY_WRITE", write.to_string());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.strip_prefix("peak_kb ")).unwrap();
    line.parse().unwrap()
}

#[test]
fn memory_of_shuffling_is_that_of_a_group() {
    let folder = tempfile::tempdir().unwrap();
    let peak = |n: usize| {
        let path = folder.path().join(format!("{n}.hdf5"));
        sparse_file(&path, n);
        peak_of("shuffling_child", &path, 0)
    };
    let (short, long) = (peak(8 * SHORT), peak(30 * SHORT));
    println!("{} showers: {short} kB, {} showers: {long} kB", 8 * SHORT, 30 * SHORT);
    let group_kb = (GROUP * GRID.n_cells() * size_of::<f32>() / 1024) as u64;
    // The 100 MB that `ShuffledShowers` promises besides its group, and the program itself.
    assert!(short.max(long) < group_kb + 140_000, "{short} and {long} kB, {group_kb} of them the group");
    assert!(long as f64 <= 1.1 * short as f64, "{short} kB became {long} kB");
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let peak = |n: usize, write: usize| -> u64 {
        let path = folder.path().join(format!("{n}.hdf5"));
        sparse_file(&path, n);
        peak_of("child", &path, write)
    };
    let (short, long) = (peak(SHORT, SHORT), peak(100 * SHORT, 4 * SHORT));
    println!("{SHORT} showers: {short} kB, {} showers: {long} kB", 100 * SHORT);
    assert!(long as f64 <= 1.1 * short as f64, "{short} kB became {long} kB");
    assert!(long < 1 << 20, "{long} kB");
}
