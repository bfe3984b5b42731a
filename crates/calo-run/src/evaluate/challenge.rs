//! Candidates against a reference on layers of voxels, by the features and scores of the CaloChallenge.

mod assemble;
mod layout;
mod sample;
mod units;

use calo_core::detector::LayeredDetector;
use calo_metrics::challenge::{ChallengeHalf, ChallengeSettings, ComparedParts, compare_challenge};
use calo_metrics::results::challenge::ChallengeResults;

use super::request::{EvaluateRequest, SampleFiles};
use super::usage;
use crate::Result;
use crate::error::Context as _;
use crate::files::{create_folder, write_json};
use crate::monitor::Caller;
use sample::Reader;

/// Compares candidates with a reference, the files of which come first, and writes results.json.
///
/// One candidate is in memory at a time.
pub(super) fn evaluate(
    request: &EvaluateRequest,
    files: &[SampleFiles],
    detector: &LayeredDetector,
    caller: Caller<'_>,
) -> Result<ChallengeResults> {
    refuse_options(request, files)?;
    let layout = layout::of(detector)?;
    let settings = ChallengeSettings { tree_showers: request.classifiers.n_showers(), seed: request.seed };
    let reader = Reader { from: &request.from, detector, layout: &layout, caller };
    let place = || files[0].full.display().to_string();
    let largest = reader.largest_energies(&files[0])?;
    let reference = reader.read(&files[0], &largest)?;
    reference.response.check(detector)?;
    let halves = [ChallengeHalf::Even, ChallengeHalf::Odd].map(|half| reference.sample.half(half));
    let name = format!("{}: half / half", files[0].name);
    let floor = compare_challenge(&layout, &name, [&halves[0], &halves[1]], settings).with_context(place)?;
    let (mut samples, mut histograms) =
        (vec![reference.info.clone()], vec![reference.sample.whole()?.histograms]);
    let mut compared: Vec<ComparedParts> = vec![floor];
    for files in &files[1..] {
        caller.check()?;
        let candidate = reader.read(files, &largest)?;
        candidate.response.check(detector)?;
        candidate.response.check_against(&reference.response)?;
        let (whole, part) = (reference.sample.whole()?, candidate.sample.whole()?);
        let found = compare_challenge(&layout, &files.name, [&whole, &part], settings);
        compared.push(found.with_context(|| files.full.display().to_string())?);
        histograms.push(part.histograms);
        samples.push(candidate.info);
    }
    let parts = assemble::Parts { samples, histograms, compared };
    let results = assemble::results(detector, &layout, settings, parts);
    caller.check()?;
    create_folder(&request.out)?;
    write_json(&request.out.join("results.json"), &results)?;
    Ok(results)
}

/// Options that say nothing of layers of voxels.
fn refuse_options(request: &EvaluateRequest, files: &[SampleFiles]) -> Result<()> {
    let given = [
        ("--reference-at and --candidate-at", files.iter().any(|sample| !sample.fixed.is_empty())),
        ("--divisors", request.divisors.is_some()),
        ("--splits", request.n_splits > 0),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => {
            let problem = "the detector has layers of voxels; expected a detector of one rectangular grid";
            Err(usage(format!("{option}: {problem}")))
        }
        None => Ok(()),
    }
}
