//! `calo evaluate`: candidates against a reference, with every metric, the showers of each file streamed once.

mod assemble;
mod sample;
mod table;
mod units;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use calo_core::Detector;
use calo_core::detector::{Binning, Scale};
use calo_metrics::results::{
    DetectorInfo, Divisors, SCHEMA_VERSION, SHOWERS_SCHEMA_VERSION, ShowerImages, version1,
};
use calo_metrics::{Axis, SampleSettings, Splits, binned_observables, split_size};
use calo_report::selection;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::args::{FixedEnergyFile, NamedFile};
use crate::files::{InputOptions, write_json};
use crate::model::detector_info;
use crate::{UsageError, interrupt, output};
use sample::{Sample, SampleFiles};

/// Compare generated showers with reference showers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Reference showers, full spectrum
    #[arg(long, value_name = "[NAME=]FILE")]
    reference: NamedFile,
    /// Reference showers of one energy in GeV; may be given again
    #[arg(long, value_name = "ENERGY=FILE")]
    reference_at: Vec<FixedEnergyFile>,
    /// Candidate showers, full spectrum; may be given again
    #[arg(long, value_name = "[NAME=]FILE", required = true)]
    candidate: Vec<NamedFile>,
    /// Candidate showers of one energy; NAME tells candidates apart where there are several
    #[arg(long, value_name = "[NAME:]ENERGY=FILE")]
    candidate_at: Vec<FixedEnergyFile>,
    /// Folder for results.json and showers.json
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Divisors of S_JSD, from the results.json of another evaluation or the selection.json of `calo select`
    #[arg(long, value_name = "FILE")]
    divisors: Option<PathBuf>,
    /// Bootstrap replicas behind the errors of histogram distances
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(2..=1000))]
    replicas: u16,
    /// Random splits over which distance and floor at the same number of showers are averaged; 0 for none
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = splits)]
    splits: u8,
    /// Seed of halves, replicas, splits and resampling
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    from: InputOptions,
}

/// Energies at which observables of fixed energies are compared, GeV.
pub(crate) const COMPARED_AT_GEV: [f64; 3] = [20.0, 50.0, 80.0];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let files = sample_files(args)?;
    let Some(detector) = args.from.detector()? else {
        return Err(usage("evaluate: no detector; expected --detector NAME or PATH"));
    };
    ensure!(!args.out.is_file(), "{}: is a file; expected a folder to write into", args.out.display());
    let given_divisors = args.divisors.as_deref().map(|path| read_divisors(path, &detector)).transpose()?;
    let settings = Arc::new(sample_settings(&detector, usize::from(args.replicas), args.seed)?);
    let split_sizes = split_sizes(args, &files)?;
    let mut samples: Vec<Sample> = Vec::new();
    for (index, files) in files.into_iter().enumerate() {
        let splits = split_sizes.map(|n| (usize::from(args.splits), [n, if index == 0 { n } else { 0 }]));
        let sample = sample::read(&files, index, &args.from, &settings, splits)?;
        if let Some(reference) = samples.first() {
            units::check_against(&reference.response, &sample.response)?;
        }
        samples.push(sample);
    }
    let images = ShowerImages {
        schema_version: SHOWERS_SCHEMA_VERSION,
        samples: samples.iter_mut().map(Sample::take_images).collect(),
    };
    let results = assemble::results(&samples, &detector, args.seed, given_divisors)?;
    interrupt::check()?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot create the folder", args.out.display()))?;
    write_json(&args.out.join("showers.json"), &images)?;
    write_json(&args.out.join("results.json"), &results)?;
    output::print(&table::render(&results))
}

/// Showers on each side of a split: as many as the full-spectrum files allow; none where no splits are asked for, or
/// where the reference has a single shower.
fn split_sizes(args: &Args, files: &[SampleFiles]) -> anyhow::Result<Option<usize>> {
    if args.splits == 0 {
        return Ok(None);
    }
    let options = args.from.read_options()?;
    let mut counts = Vec::new();
    for sample in files {
        counts.push(crate::files::open(&sample.full, &options)?.n_showers());
    }
    let n = split_size(counts[0], counts[1..].iter().copied());
    Ok(usize::try_from(n).ok().filter(|&n| n > 0))
}

/// 0, or 2 to 64.
fn splits(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(k) if k != 1 && usize::from(k) <= Splits::MAX => Ok(k),
        _ => Err(format!("expected 0, or 2 to {} splits", Splits::MAX)),
    }
}

/// The reference's files, then each candidate's.
fn sample_files(args: &Args) -> anyhow::Result<Vec<SampleFiles>> {
    let mut samples = vec![SampleFiles::new(&args.reference)];
    samples.extend(args.candidate.iter().map(SampleFiles::new));
    for file in &args.reference_at {
        if let Some(name) = &file.sample {
            return Err(usage(format!("--reference-at: a name, `{name}`; expected ENERGY=FILE")));
        }
        samples[0].fixed.push((file.energy_gev, file.path.clone()));
    }
    for file in &args.candidate_at {
        let candidate = match &file.sample {
            None if args.candidate.len() == 1 => Some(0),
            None => return Err(usage("--candidate-at: several candidates; expected NAME:ENERGY=FILE")),
            Some(name) => args.candidate.iter().position(|candidate| candidate.name == *name),
        };
        let names = || args.candidate.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        let Some(candidate) = candidate else {
            let name = file.sample.as_deref().unwrap_or_default();
            return Err(usage(format!("--candidate-at: no candidate `{name}`; expected one of {}", names())));
        };
        samples[candidate + 1].fixed.push((file.energy_gev, file.path.clone()));
    }
    for sample in &mut samples {
        sample.fixed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let twice = sample.fixed.windows(2).find(|pair| pair[0].0.total_cmp(&pair[1].0).is_eq());
        if let Some(pair) = twice {
            let problem =
                format!("{}: two files at {} GeV; expected one for each energy", sample.name, pair[0].0);
            return Err(usage(problem));
        }
    }
    tell_apart(&mut samples);
    Ok(samples)
}

fn usage(problem: impl Into<String>) -> anyhow::Error {
    UsageError(problem.into()).into()
}

/// Samples of the same name get a number, so that tables and legends can be read.
fn tell_apart(samples: &mut [SampleFiles]) {
    for i in 1..samples.len() {
        let name = samples[i].name.clone();
        let taken = |name: &str, samples: &[SampleFiles]| samples[..i].iter().any(|s| s.name == name);
        let mut candidate = name.clone();
        let mut number = 2;
        while taken(&candidate, samples) {
            candidate = format!("{name} ({number})");
            number += 1;
        }
        samples[i].name = candidate;
    }
}

/// What is gathered of showers of `detector`.
///
/// # Errors
/// A binning that cannot be.
pub(crate) fn sample_settings(
    detector: &Detector,
    replicas: usize,
    seed: u64,
) -> anyhow::Result<SampleSettings> {
    let axis = |binning: Binning| match binning.scale {
        Scale::Linear => Axis::linear(binning.bins, binning.low, binning.high),
        Scale::Log => Axis::log(binning.bins, binning.low, binning.high),
    };
    let histograms = binned_observables(|key| detector.binning.get(key).map(axis))?;
    let readout = &detector.readout;
    Ok(SampleSettings {
        energies_gev: COMPARED_AT_GEV.to_vec(),
        replicas,
        seed,
        ..SampleSettings::new(detector.grid.shape(), readout.cell_cut_mev, readout.mip_mev, histograms)
    })
}

/// What the results of an evaluation and a selection of epochs both say of their divisors.
#[derive(Debug, Deserialize)]
struct DivisorsFile {
    schema_version: u32,
    detector: DetectorInfo,
    divisors: Option<Divisors>,
    /// What only a selection has.
    runs: Option<IgnoredAny>,
}

/// The divisors in another evaluation's `results.json`, or in a `selection.json`.
fn read_divisors(path: &Path, detector: &Detector) -> anyhow::Result<Divisors> {
    let place = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{place}: cannot read the divisors"))?;
    let file: DivisorsFile = serde_json::from_str(&text).with_context(|| {
        format!("{place}: not the results.json of an evaluation or the selection.json of calo select")
    })?;
    let results_versions = version1::VERSION..=SCHEMA_VERSION;
    let versions = if file.runs.is_some() { selection::READ_VERSIONS } else { results_versions };
    ensure!(
        versions.contains(&file.schema_version),
        "{place}: schema version {}; expected {} to {}",
        file.schema_version,
        versions.start(),
        versions.end()
    );
    let (theirs, ours) = (&file.detector, detector_info(detector));
    ensure!(
        *theirs == ours,
        "{place}: divisors of detector {} with other readout settings; expected those of {}",
        theirs.name,
        ours.name
    );
    let mut divisors = file
        .divisors
        .with_context(|| format!("{place}: holds no divisors; expected an evaluation of several"))?;
    divisors.n_comparisons = 0;
    Ok(divisors)
}
