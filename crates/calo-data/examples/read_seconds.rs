//! Times reading and writing of a shower file, for comparisons with other programs in the same run.
//!
//! ```text
//! read_seconds FILE            median of 5 readings, in seconds, and the sum of every 1009th cell in MeV
//! read_seconds FILE --write    also rewrites it, grid layout at gzip 4: seconds and bytes of the cells
//! read_seconds FILE --shuffled three epochs of 80 % of it in random order, batches of 50: seconds, with all and with a
//!                              sixteenth of it in memory
//! read_seconds FILE --memory   reads it once; the peak memory of this process in kB
//! ```
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::path::Path;
use std::time::Instant;

use calo_core::{Result, ShowerBatch};
use calo_data::{
    BatchPlace, Compression, Part, Prefetch, ReadOptions, ShowerReader, ShowerWriter, ShuffleSettings,
    ShuffledShowers, Split, WriteOptions,
};

const REPEATS: usize = 5;
const BATCH: usize = 500;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(file), mode) = (arguments.first(), arguments.get(1).map(String::as_str)) else {
        println!("usage: read_seconds FILE [--write|--shuffled|--memory]");
        return 2.into();
    };
    let path = Path::new(file);
    let done = match mode {
        None => seconds(path),
        Some("--write") => seconds(path).and_then(|()| write_seconds(path)),
        Some("--shuffled") => shuffled_seconds(path),
        Some("--memory") => {
            read(path).map(|sum| println!("sum_mev {sum:.3}\npeak_kb {}", peak_kb().unwrap_or(0)))
        }
        Some(_) => return 2.into(),
    };
    match done {
        Ok(()) => 0.into(),
        Err(e) => {
            println!("{e}");
            1.into()
        }
    }
}

/// Reads all showers; the sum of every 1009th cell, MeV, to show that they were there.
fn read(path: &Path) -> Result<f64> {
    let mut reader = ShowerReader::open(path, &ReadOptions { inspect: true, ..ReadOptions::default() })?;
    let mut batch = ShowerBatch::<f32>::empty(reader.grid());
    let mut sum = 0.0;
    while reader.read_batch(BATCH, &mut batch)? {
        sum += batch.cells_mev.iter().step_by(1009).map(|cell| f64::from(*cell)).sum::<f64>();
    }
    Ok(sum)
}

fn seconds(path: &Path) -> Result<()> {
    let (seconds, sum) = median(|| read(path))?;
    println!("read_seconds {seconds:.6}\nevery_1009th_cell_mev {sum:.6}");
    Ok(())
}

/// An epoch in random order, read ahead, after another.
fn shuffled_seconds(path: &Path) -> Result<()> {
    for share in [1, 16] {
        let reader = ShowerReader::open(path, &ReadOptions::default())?;
        let n = reader.n_showers();
        let split = Split::new(1, [0.8, 0.1, 0.1], n)?;
        let group_showers = (n as usize).div_ceil(share);
        let settings = ShuffleSettings { seed: 1, batch_size: 50, group_showers };
        let showers = ShuffledShowers::new(reader, &split, Part::Train, settings)?;
        let n_batches = showers.batches_per_epoch();
        let mut batch = ShowerBatch::empty(showers.grid());
        let mut prefetch = Prefetch::start(showers, BatchPlace::default(), 3)?;
        for epoch in 0..3 {
            let started = Instant::now();
            for _ in 0..n_batches {
                prefetch.next(&mut batch)?;
            }
            let seconds = started.elapsed().as_secs_f64();
            println!("group {group_showers} epoch {epoch} batches {n_batches} seconds {seconds:.6}");
        }
    }
    Ok(())
}

fn write_seconds(path: &Path) -> Result<()> {
    let mut reader = ShowerReader::open(path, &ReadOptions::default())?;
    let mut showers = ShowerBatch::<f32>::empty(reader.grid());
    reader.read_batch(usize::MAX, &mut showers)?;
    let target = std::env::temp_dir().join(format!("calo_write_seconds_{}.hdf5", std::process::id()));
    let options = WriteOptions { compression: Compression::default(), ..WriteOptions::new(reader.grid()) };
    let (seconds, ()) = median(|| {
        let mut writer = ShowerWriter::create(&target, &options)?;
        writer.write(&showers)?;
        writer.finish()
    })?;
    let written = ShowerReader::open(&target, &ReadOptions::default())?.info().cells.stored_bytes;
    println!("write_seconds {seconds:.6}\nwritten_bytes {written}");
    let _ = std::fs::remove_file(&target);
    Ok(())
}

/// The median time of [`REPEATS`] runs, and the result of the last one.
fn median<T>(mut run: impl FnMut() -> Result<T>) -> Result<(f64, T)> {
    let mut timed = || {
        let start = Instant::now();
        run().map(|result| (start.elapsed().as_secs_f64(), result))
    };
    let mut runs = (0..REPEATS).map(|_| timed()).collect::<Result<Vec<_>>>()?;
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(runs.swap_remove(REPEATS / 2))
}

/// Peak resident memory of this process, if Linux reports it.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
