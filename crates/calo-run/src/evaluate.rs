//! Candidates against a reference, with every metric, the showers of each file streamed once; layers of voxels, whose
//! reference gives the axes, twice.

mod assemble;
mod challenge;
mod detector;
mod divisors;
mod request;
mod sample;
mod units;

use std::sync::Arc;

use calo_core::Detector;
use calo_core::detector::AnyDetector;
use calo_metrics::results::challenge::ChallengeResults;
use calo_metrics::results::{Results, SHOWERS_SCHEMA_VERSION, ShowerImages};
use calo_metrics::{LayerFeatureSettings, split_size};

use crate::error::ensure;
use crate::files::{self, FixedEnergyFile, create_folder, write_json};
use crate::measures::sample_settings;
use crate::monitor::Caller;
use crate::{Error, Result};
use sample::{Sample, SplitPlan};

pub use request::{Classifiers, EvaluateRequest, SampleFiles};

/// What an evaluation found, by the kind of its detector.
#[derive(Debug)]
pub enum Evaluation {
    /// On a rectangular grid, by the papers' observables.
    Grid(Box<Results>),
    /// On layers of voxels, by the features of the CaloChallenge.
    Challenge(Box<ChallengeResults>),
}

/// Compares candidates with a reference and writes results.json; on a rectangular grid also showers.json.
///
/// # Errors
/// No detector, unless the voxels of the reference tell it; files that cannot be read, are of another grid or seem to have
/// other units; two files of one sample at one energy; a full disk, an interruption.
pub fn evaluate(request: &EvaluateRequest, caller: Caller<'_>) -> Result<Evaluation> {
    let out = &request.out;
    ensure!(!out.is_file(), "{}: is a file; expected a folder to write into", out.display());
    let files = sample_files(request)?;
    Ok(match detector::of(request, caller)? {
        AnyDetector::Grid(detector) => {
            Evaluation::Grid(Box::new(evaluate_grid(request, files, &detector, caller)?))
        }
        AnyDetector::Layered(detector) => {
            Evaluation::Challenge(Box::new(challenge::evaluate(request, &files, &detector, caller)?))
        }
    })
}

fn evaluate_grid(
    request: &EvaluateRequest,
    files: Vec<SampleFiles>,
    detector: &Detector,
    caller: Caller<'_>,
) -> Result<Results> {
    if let Some(sample) = files.iter().find(|sample| !sample.more.is_empty()) {
        let problem = "several files; expected one (data sets of the CaloChallenge may have several)";
        return Err(usage(format!("{}: {problem}", sample.name)));
    }
    let out = &request.out;
    let given_divisors =
        request.divisors.as_deref().map(|path| divisors::read(path, detector)).transpose()?;
    let settings = Arc::new(sample_settings(detector, request.n_replicas, request.seed)?);
    let readout = &detector.readout;
    let layer_features =
        LayerFeatureSettings { cell_cut_mev: readout.cell_cut_mev, mip_mev: readout.mip_mev };
    let split_size = split_sizes(request, &files, caller)?;
    let mut samples: Vec<Sample> = Vec::new();
    for (index, files) in files.into_iter().enumerate() {
        let splits = split_size
            .map(|n| SplitPlan { n_splits: request.n_splits, sizes: [n, if index == 0 { n } else { 0 }] });
        let n_for_trees = request.classifiers.n_showers();
        let from = &request.from;
        let reader =
            sample::Reader { from, settings: &settings, layer_features, splits, n_for_trees, caller };
        let sample = reader.read(&files, index)?;
        if let Some(reference) = samples.first() {
            units::check_against(&reference.response, &sample.response)?;
        }
        samples.push(sample);
    }
    let images = ShowerImages {
        schema_version: SHOWERS_SCHEMA_VERSION,
        samples: samples.iter_mut().map(Sample::take_images).collect(),
    };
    let results = assemble::results(&samples, detector, request.seed, given_divisors, caller)?;
    caller.check()?;
    create_folder(out)?;
    write_json(&out.join("showers.json"), &images)?;
    write_json(&out.join("results.json"), &results)?;
    Ok(results)
}

/// Showers on each side of a split: as many as the full-spectrum files allow; none where no splits are asked for, or
/// where the reference has a single shower.
fn split_sizes(
    request: &EvaluateRequest,
    files: &[SampleFiles],
    caller: Caller<'_>,
) -> Result<Option<usize>> {
    if request.n_splits == 0 {
        return Ok(None);
    }
    let options = request.from.read_options()?;
    let mut counts = Vec::new();
    for sample in files {
        counts.push(files::open(&sample.full, &options, caller)?.n_showers());
    }
    let n = split_size(counts[0], counts[1..].iter().copied());
    Ok(usize::try_from(n).ok().filter(|&n| n > 0))
}

/// The reference's files, then each candidate's, energies in order, names all different.
fn sample_files(request: &EvaluateRequest) -> Result<Vec<SampleFiles>> {
    let mut samples = vec![request.reference.clone()];
    samples.extend(request.candidates.iter().cloned());
    for sample in &mut samples {
        sample.fixed.sort_by(|a, b| a.energy_gev.total_cmp(&b.energy_gev));
        let same = |pair: &[FixedEnergyFile]| pair[0].energy_gev.total_cmp(&pair[1].energy_gev).is_eq();
        if let Some(pair) = sample.fixed.windows(2).find(|pair| same(pair)) {
            let energy_gev = pair[0].energy_gev;
            let problem = format!("two files at {energy_gev} GeV; expected one for each energy");
            return Err(usage(format!("{}: {problem}", sample.name)));
        }
    }
    tell_apart(&mut samples);
    Ok(samples)
}

fn usage(problem: impl Into<String>) -> Error {
    Error::Usage(problem.into())
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
