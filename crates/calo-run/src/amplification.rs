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

use std::fmt::Display;
use std::path::{Path, PathBuf};

use calo_report::ReportFiles;
use calo_report::amplification::{Amplification, AmplifiedInput, AmplifiedSample, SCHEMA_VERSION};

use crate::error::{Context as _, ensure};
use crate::files::{create_folder, write_json};
use crate::measures::detector_info;
use crate::monitor::Caller;
use crate::provenance::{VERSION, hash_file};
use crate::{Error, Result};
use compare::{Compared, Comparison, Found, Part, TRAINING_SET};

pub(crate) use file::DETECTOR;
pub use observable_set::ObservableSet;
pub use observe::{OBSERVED, ObserveRequest, observe};
pub use observed::ObservedShowers;
pub use request::{AmplificationRequest, NamedFiles};

/// Compares samples with a large reference and writes amplification.json, amplification.html and figures/.
///
/// # Errors
/// No detector; names or observables that are there twice; files that cannot be read; a reference that is too small, smaller
/// than the training set, or shares showers with another file; a full disk, an interruption.
pub fn amplification(
    request: &AmplificationRequest,
    caller: Caller<'_>,
) -> Result<(Amplification, ReportFiles)> {
    let Some(detector) = request.from.detector()? else {
        return Err(Error::Usage("amplification: no detector; expected --detector NAME or PATH".to_owned()));
    };
    check_names(request)?;
    let out = &request.out;
    ensure!(!out.is_file(), "{}: is a file; expected a folder to write into", out.display());
    let read = |files: &[PathBuf]| {
        let mut all = ObservedShowers::default();
        files.iter().try_for_each(|file| all.read(file, &request.from, &detector, caller)).map(|()| all)
    };
    let apart = |file: &Path| -> Result<ObservedShowers> {
        let showers = read(&[file.to_owned()])?;
        showers.check_apart().with_context(|| file.display().to_string())?;
        Ok(showers)
    };
    let reference = read(std::slice::from_ref(&request.reference))?;
    let (truth, independent) = match &request.independent {
        Some(file) => (reference, apart(file)?),
        None => {
            let place = request.reference.display();
            reference
                .check_apart()
                .with_context(|| format!("{place}: needs --independent FILE for independent showers"))?;
            let parts = reference.split(request.holdout);
            let (mut truth, independent) = parts.with_context(|| request.reference.display().to_string())?;
            // What is drawn, but not judged: cells of both.
            truth.cell_counts = reference.cell_counts;
            (truth, independent)
        }
    };
    let training = apart(&request.training)?;
    let n_train = training.len();
    let held_out = match &request.independent {
        Some(_) => String::new(),
        None => format!(" that are not held out (--holdout {})", request.holdout),
    };
    ensure!(
        n_train <= truth.len(),
        "{}: {n_train} showers to train with; expected no more than the {} of the reference{held_out}",
        request.training.display(),
        truth.len()
    );
    refuse_shared(request.training.display(), &training, &truth)?;
    if let Some(file) = &request.independent {
        refuse_shared(file.display(), &independent, &truth)?;
    }
    let mut samples = vec![Compared::training(&training)];
    for candidate in &request.candidates {
        let (mut showers, mut parts) = (ObservedShowers::default(), Vec::new());
        for file in &candidate.files {
            let of_file = apart(file)?;
            parts.push(Part { n_showers: of_file.len(), cell_counts: of_file.cell_counts.clone() });
            showers.append(of_file).with_context(|| file.display().to_string())?;
        }
        refuse_shared(&candidate.name, &showers, &truth)?;
        samples.push(Compared::generated(&candidate.name, showers, parts, &training));
    }
    if request.n_estimated > 0 {
        for fitted in &request.estimate_from {
            let showers = read(&fitted.files)?;
            refuse_shared(&fitted.name, &showers, &truth)?;
            samples.extend(Compared::estimated(Some(&fitted.name), showers));
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
        inputs: inputs(request)?,
        seed: Some(request.seed),
        holdout: request.independent.is_none().then_some(request.holdout),
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

/// That samples are called by names that differ, and no observable is asked for twice.
///
/// # Errors
/// One that is there twice.
fn check_names(request: &AmplificationRequest) -> Result<()> {
    let mut names = vec![TRAINING_SET.to_owned()];
    names.extend(request.candidates.iter().map(|candidate| candidate.name.clone()));
    if request.n_estimated > 0 {
        let fitted = request.estimate_from.iter().map(|fitted| Some(&*fitted.name));
        let fitted: Vec<Option<&str>> =
            if request.estimate_from.is_empty() { vec![None] } else { fitted.collect() };
        names.extend(fitted.into_iter().flat_map(Compared::estimated_names));
    }
    let observables = request.observables.iter().map(ToString::to_string).collect();
    for (option, names) in [("--candidate", names), ("--observables", observables)] {
        let twice = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name));
        if let Some((_, name)) = twice {
            return Err(Error::Usage(format!("{option}: `{name}` twice; expected names that differ")));
        }
    }
    Ok(())
}

/// All files, by the samples that they are of.
fn inputs(request: &AmplificationRequest) -> Result<Vec<AmplifiedInput>> {
    let mut files = vec![("reference", &request.reference), (TRAINING_SET, &request.training)];
    files.extend(request.independent.iter().map(|file| ("independent showers", file)));
    let named = request.candidates.iter().chain(&request.estimate_from);
    files.extend(named.flat_map(|named| named.files.iter().map(|file| (&*named.name, file))));
    let input = |(sample, path): (&str, &PathBuf)| {
        Ok(AmplifiedInput {
            sample: sample.to_owned(),
            path: path.display().to_string(),
            blake3: hash_file(path)?,
        })
    };
    files.into_iter().map(input).collect()
}

/// That no shower of `showers`, which `place` names, is in the truth too: it would look closer to it than it is.
///
/// # Errors
/// Some are.
fn refuse_shared(place: impl Display, showers: &ObservedShowers, truth: &ObservedShowers) -> Result<()> {
    let n_shared = showers.n_in(truth);
    ensure!(
        n_shared == 0,
        "{place}: {n_shared} of its {} showers are in the reference too; expected showers that share none with it, for those \
         look closer to the truth than they are",
        showers.len()
    );
    Ok(())
}
