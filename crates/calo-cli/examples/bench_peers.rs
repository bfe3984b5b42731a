//! Our side of `cargo xtask bench`: does one piece of work several times and prints its seconds as a line of JSON.
//!
//! ```text
//! bench_peers read FILE REPETITIONS
//! bench_peers write FILE OUT GZIP REPETITIONS
//! bench_peers observables FILE REPETITIONS
//! bench_peers fpd REFERENCE CANDIDATE FEATURES REPETITIONS
//! ```
//! The peers are the scripts in `xtask/peers`. Files hold photon showers for `ild-ecal`; `fpd` writes the features of
//! both samples to FEATURES, so that the peer works on the same numbers.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use calo_core::detector::{Binning, Scale};
use calo_core::{Detector, ShowerBatch};
use calo_data::{Compression, ReadOptions, ShowerReader, ShowerWriter, WriteOptions};
use calo_metrics::{
    Axis, Column, Draw, FileKind, FrechetSettings, SampleAccumulator, SampleSettings, binned_observables,
    fpd, two_sample_features,
};
use ndarray::{ArrayView2, s};
use serde_json::{Value, json};

/// Showers in a batch, as in the peers.
const BATCH: usize = 500;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let results = match words[..] {
        ["read", file, repetitions] => read(file.as_ref(), repetitions.parse()?)?,
        ["write", file, out, gzip, repetitions] => {
            write(file.as_ref(), out.as_ref(), gzip.parse()?, repetitions.parse()?)?
        }
        ["observables", file, repetitions] => observables(file.as_ref(), repetitions.parse()?)?,
        ["fpd", reference, candidate, features, repetitions] => {
            frechet(reference.as_ref(), candidate.as_ref(), features.as_ref(), repetitions.parse()?)?
        }
        _ => bail!(
            "expected read, write, observables or fpd and their arguments; see the head of this example"
        ),
    };
    println!("{results}");
    Ok(())
}

/// Seconds of each repetition of `work`, after one that is not counted.
fn timed(repetitions: usize, mut work: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    for _ in 0..=repetitions {
        let start = Instant::now();
        work()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(seconds.split_off(1))
}

fn read(file: &Path, repetitions: usize) -> Result<Value> {
    let mut n_showers = 0;
    let seconds = timed(repetitions, || {
        n_showers = 0;
        let mut reader = ShowerReader::open(file, &ReadOptions::default())?;
        let mut batch = ShowerBatch::<f32>::empty(reader.grid());
        while reader.read_batch(BATCH, &mut batch)? {
            n_showers += batch.len();
        }
        Ok(())
    })?;
    Ok(json!({ "read_s": seconds, "n_showers": n_showers }))
}

fn write(file: &Path, out: &Path, gzip: u8, repetitions: usize) -> Result<Value> {
    let batches = load(file)?;
    let grid = batches.first().context("no showers")?.grid();
    let options = WriteOptions {
        compression: Compression { level: gzip, shuffle: true },
        chunk_showers: Some(100),
        ..WriteOptions::new(grid)
    };
    let seconds = timed(repetitions, || {
        let mut writer = ShowerWriter::create(out, &options)?;
        for batch in &batches {
            writer.write(batch)?;
        }
        Ok(writer.finish()?)
    })?;
    Ok(json!({ "write_s": seconds, "bytes": fs::metadata(out)?.len() }))
}

fn observables(file: &Path, repetitions: usize) -> Result<Value> {
    let batches = load(file)?;
    let settings = settings()?;
    let mut sums = json!(null);
    let seconds = timed(repetitions, || {
        let sample = accumulate(&settings, &batches)?;
        let mean = |column| {
            let values = sample.table().column(column);
            values.iter().sum::<f64>() / values.len() as f64
        };
        sums = json!([mean(Column::VisibleEnergyMev), mean(Column::NHits)]);
        Ok(())
    })?;
    Ok(json!({ "observables_s": seconds, "visible_energy_mean_mev": sums[0], "n_hits_mean": sums[1] }))
}

fn frechet(reference: &Path, candidate: &Path, features: &Path, repetitions: usize) -> Result<Value> {
    let settings = settings()?;
    let tables =
        [reference, candidate].map(|file| anyhow::Ok(accumulate(&settings, &load(file)?)?.table().clone()));
    let [reference, candidate] = tables;
    let both = two_sample_features(&reference?, &candidate?)?;
    let n_showers = both.reference.nrows().min(both.candidate.nrows());
    let samples = [&both.reference, &both.candidate].map(|sample| sample.slice(s![..n_showers, ..]));
    save(features, samples)?;

    // JetNet draws with replacement.
    let settings = FrechetSettings {
        draw: Draw::WithReplacement,
        ..FrechetSettings::for_sizes(n_showers, n_showers, 1)
    };
    let mut distance = None;
    let seconds = timed(repetitions, || {
        distance = Some(fpd(samples[0], samples[1], &settings)?);
        Ok(())
    })?;
    Ok(json!({
        "fpd_s": seconds,
        "fpd": distance.map(|estimate| estimate.value),
        "n_showers": n_showers,
        "n_features": both.reference.ncols(),
        "min_samples": settings.min_samples,
        "max_samples": settings.max_samples,
    }))
}

fn load(file: &Path) -> Result<Vec<ShowerBatch<f32>>> {
    let mut reader = ShowerReader::open(file, &ReadOptions::default())?;
    let mut batches = Vec::new();
    loop {
        let mut batch = ShowerBatch::empty(reader.grid());
        if !reader.read_batch(BATCH, &mut batch)? {
            return Ok(batches);
        }
        batches.push(batch);
    }
}

fn accumulate(settings: &Arc<SampleSettings>, batches: &[ShowerBatch<f32>]) -> Result<SampleAccumulator> {
    let mut sample = SampleAccumulator::new(Arc::clone(settings), FileKind::FullSpectrum, 0)?;
    for batch in batches {
        sample.fill(batch.view(), &batch.energies_gev, batch.first_shower)?;
    }
    Ok(sample)
}

/// The six histograms of the full spectrum and no more: the peer makes no replicas and no energy windows.
fn settings() -> Result<Arc<SampleSettings>> {
    let detector = Detector::load("ild-ecal")?;
    let histograms = binned_observables(|key| detector.binning.get(key).map(|binning| axis(&binning)))?;
    let readout = &detector.readout;
    let shape = detector.grid.shape();
    let mut settings = SampleSettings::new(shape, readout.cell_cut_mev, readout.mip_mev, histograms);
    settings.energies_gev.clear();
    settings.replicas = 0;
    Ok(Arc::new(settings))
}

fn axis(binning: &Binning) -> Result<Axis> {
    Ok(match binning.scale {
        Scale::Linear => Axis::linear(binning.bins, binning.low, binning.high)?,
        Scale::Log => Axis::log(binning.bins, binning.low, binning.high)?,
    })
}

/// Both samples one after the other, little-endian f64.
fn save(path: &Path, samples: [ArrayView2<'_, f64>; 2]) -> Result<()> {
    let bytes: Vec<u8> =
        samples.iter().flat_map(|sample| sample.iter().flat_map(|value| value.to_le_bytes())).collect();
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
