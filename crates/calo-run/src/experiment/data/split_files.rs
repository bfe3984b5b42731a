//! Showers from files, split into the three samples.

use std::path::{Path, PathBuf};

use super::{Data, Place, Showers, counted, drop_punch_through};
use crate::Result;
use crate::error::{Context as _, ensure};
use crate::experiment::pipeline::Pipeline;
use crate::experiment::plan::normalised;
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::files::{FixedEnergyFile, InputOptions, StorageOptions, create_folder};
use crate::prepare::{PoolRequest, SplitRequest};

/// A file that is split.
struct Whole<'a> {
    /// What is in it, as its stage and folder are called.
    name: String,
    file: &'a Path,
    /// Of training, validation and reference.
    fractions: [f64; 3],
    /// Showers that validation and reference have at most, each.
    at_most: u64,
}

/// Splits files: training, validation and reference of the full spectrum, validation and reference of each energy. Where
/// showers are for a detector of pooled cells, these are pooled first.
///
/// Validation and reference have no more showers than simulated ones would: distances fall with their number, and the
/// divisors of S_JSD come from the one sample and are applied to the other.
pub(super) fn take(pipeline: &mut Pipeline<'_>, place: &Place) -> Result<Data> {
    let (request, profile, plan) = (pipeline.request, pipeline.profile, &pipeline.experiment.data.files);
    let [fractions, fractions_at] = if request.pretrained {
        [plan.fractions_pretrained; 2]
    } else {
        [profile.fractions, plan.fractions_at]
    };
    let data = std::path::absolute(request.data.as_ref().context("--data")?).context("--data")?;
    let name = "full spectrum".to_owned();
    let whole = Whole { name, file: &data, fractions, at_most: profile.n_full };
    let full = split(pipeline, place, &whole)?;
    let [mut validation, mut reference] =
        ["validation", "test"].map(|part| Showers { full: full.join(format!("{part}.hdf5")), fixed: vec![] });
    for file in &request.data_at {
        let energy_gev = file.energy_gev;
        let path = std::path::absolute(&file.path).context("--data-at")?;
        let name = format!("{energy_gev} GeV");
        let whole = Whole { name, file: &path, fractions: fractions_at, at_most: profile.n_fixed };
        let folder = split(pipeline, place, &whole)?;
        let part = |name: &str| FixedEnergyFile { energy_gev, path: folder.join(name) };
        validation.fixed.push(part("validation.hdf5"));
        reference.fixed.push(part("test.hdf5"));
    }
    counted(pipeline, full.join("train.hdf5"), [validation, reference], "reference")
}

/// Splits one file, pooled where needed, and returns the folder of its parts.
fn split(pipeline: &mut Pipeline<'_>, place: &Place, whole: &Whole<'_>) -> Result<PathBuf> {
    let Whole { name, file, fractions, at_most } = whole;
    ensure!(file.is_file(), "{}: no such file; expected showers", file.display());
    let folder = place.folder.join(name.replace(' ', "_"));
    create_folder(&folder)?;
    let (detector, mut steps) = (pipeline.detector.clone(), Vec::new());
    let of = |detector: &str| InputOptions { detector: Some(detector.to_owned()), ..InputOptions::default() };
    let mut input = (*file).to_owned();
    let pooled = &pipeline.experiment.data.files.pooled;
    if let Some(pooling) = pooled.iter().find(|pooling| pooling.detector == detector) {
        let out = folder.join("pooled.hdf5");
        steps.push(Step::Pool(PoolRequest {
            input,
            by: pooling.by,
            out: out.clone(),
            from: of(&pooling.from),
            storage: StorageOptions::default(),
        }));
        input = out;
    }
    if pipeline.experiment.data.drops_punch_through {
        let out = folder.join("filtered.hdf5");
        steps.push(drop_punch_through(&detector, &input, &out));
        input = out;
    }
    steps.push(Step::Split(SplitRequest {
        input,
        out: folder.clone(),
        fractions: normalised(*fractions),
        at_most: Some(*at_most),
        seed: place.data_seed,
        from: of(&detector),
        storage: StorageOptions::default(),
    }));
    let all = ["train", "validation", "test"].into_iter().zip(fractions);
    let parts = all.filter(|(_, share)| **share > 0.0).map(|(part, _)| folder.join(format!("{part}.hdf5")));
    let (inputs, outputs) = (vec![(*file).to_owned()], parts.collect());
    // An empty part has no file; one that another split left would be in the way.
    let unfinished = vec![folder.join("train.hdf5")];
    let name = place.name(&format!("split {name}"));
    pipeline.stage(Stage { name, steps, inputs, outputs, unfinished })?;
    Ok(folder)
}
