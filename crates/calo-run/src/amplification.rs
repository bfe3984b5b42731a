//! How many independent showers a generated sample is worth.
//!
//! # Reference
//! calomplification (arXiv 2202.07352), sections 3 and 4.

mod compare;
mod distributions;
mod estimators;
mod file;
mod observable_set;
mod observe;
mod observed;
mod request;

use calo_report::ReportFiles;
use calo_report::amplification::{Amplification, AmplifiedSample, SCHEMA_VERSION};

use crate::error::{Context as _, ensure};
use crate::files::{create_folder, write_json};
use crate::measures::detector_info;
use crate::monitor::Caller;
use crate::provenance::VERSION;
use crate::{Error, Result};
use compare::{Compared, Comparison, Found, Part};

pub(crate) use file::DETECTOR;
pub use observable_set::ObservableSet;
pub use observe::{OBSERVED, ObserveRequest, observe};
pub use observed::ObservedShowers;
pub use request::{AmplificationRequest, NamedFiles};

/// Compares samples with a large reference and writes amplification.json, amplification.html and figures/.
///
/// # Errors
/// No detector; files that cannot be read; a reference that is too small, or smaller than the training set; a full disk,
/// an interruption.
pub fn amplification(
    request: &AmplificationRequest,
    caller: Caller<'_>,
) -> Result<(Amplification, ReportFiles)> {
    let Some(detector) = request.from.detector()? else {
        return Err(Error::Usage("amplification: no detector; expected --detector NAME or PATH".to_owned()));
    };
    let out = &request.out;
    ensure!(!out.is_file(), "{}: is a file; expected a folder to write into", out.display());
    let read = |files: &[std::path::PathBuf]| {
        let mut all = ObservedShowers::default();
        files.iter().try_for_each(|file| all.read(file, &request.from, &detector, caller)).map(|()| all)
    };
    let reference = read(std::slice::from_ref(&request.reference))?;
    let (truth, independent) = match &request.independent {
        Some(file) => (reference, read(std::slice::from_ref(file))?),
        None => {
            let parts = reference.split(request.holdout);
            let (mut truth, independent) = parts.with_context(|| request.reference.display().to_string())?;
            // What is drawn, but not judged: cells of both.
            truth.cell_counts = reference.cell_counts;
            (truth, independent)
        }
    };
    let training = read(std::slice::from_ref(&request.training))?;
    let n_train = training.len();
    ensure!(
        n_train <= truth.len(),
        "{}: {n_train} showers to train with; expected no more than the {} of the reference",
        request.training.display(),
        truth.len()
    );
    let mut samples = vec![Compared::training(&training)];
    for candidate in &request.candidates {
        let (mut showers, mut parts) = (ObservedShowers::default(), Vec::new());
        for file in &candidate.files {
            let of_file = read(std::slice::from_ref(file))?;
            parts.push(Part { n_showers: of_file.len(), cell_counts: of_file.cell_counts.clone() });
            showers.append(of_file).with_context(|| file.display().to_string())?;
        }
        samples.push(Compared::generated(&candidate.name, showers, parts, &training));
    }
    if request.n_estimated > 0 {
        for fitted in &request.estimate_from {
            samples.extend(Compared::estimated(Some(&fitted.name), read(&fitted.files)?));
        }
        if request.estimate_from.is_empty() {
            samples.extend(Compared::estimated(None, training.clone()));
        }
    }
    let comparison = Comparison {
        detector: &detector,
        truth: &truth,
        independent: &independent,
        training: &training,
        samples: &samples,
        n_estimated: request.n_estimated,
        seed: request.seed,
        caller,
    };
    let Found { observables, distributions, gaps } = comparison.observables(&request.observables)?;
    let described = samples.iter().map(|sample| AmplifiedSample {
        name: sample.name.clone(),
        kind: sample.kind,
        n_showers: sample.observed().map_or(request.n_estimated, ObservedShowers::len),
        n_train: sample.n_fitted(n_train),
        n_copies: sample.n_copies,
    });
    let amplification = Amplification {
        schema_version: SCHEMA_VERSION,
        calo_version: VERSION.trim_start_matches("calo ").to_owned(),
        detector: detector_info(&detector),
        n_truth: Some(truth.len()),
        n_independent: independent.len(),
        n_sets: 1,
        samples: described.collect(),
        observables,
        distributions,
        gaps,
    };
    caller.check()?;
    create_folder(out)?;
    write_json(&out.join("amplification.json"), &amplification)?;
    let files = calo_report::render_amplification(out)?;
    Ok((amplification, files))
}
