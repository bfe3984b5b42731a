//! Latent variables of showers, beside their observables.

use std::path::PathBuf;

use calo_core::ShowerBatch;
use calo_data::Part;
use calo_metrics::{ObservableTable, observables};
use serde::Serialize;

use crate::Result;
use crate::error::Context as _;
use crate::files::{InputOptions, refuse_input};
use crate::latent_file::{LatentBatch, LatentWriter};
use crate::measures::sample_settings;
use crate::model::{LoadedModel, ModelChoice};
use crate::monitor::{Caller, Pass};
use crate::networks::{self, BATCH};
use crate::parts::{self, ChosenShowers, DataFile, PartChoice};
use crate::provenance::{self, Input};

/// Showers that are read at a time.
const READ: usize = 512;

/// Which showers are encoded, by which model.
#[derive(Debug, Clone, Serialize)]
pub struct EncodeRequest {
    /// The model.
    pub model: ModelChoice,
    /// Shower file.
    pub data: PathBuf,
    /// Part of it; the training part of the run's own file, all of another, unless told.
    pub part: Option<PartChoice>,
    /// Another seed draws other z.
    pub seed: u64,
    /// Latent file to write.
    pub out: PathBuf,
    /// How the showers are found.
    pub from: InputOptions,
}

/// What was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodedFile {
    /// Showers.
    pub n_showers: usize,
    /// Which of the file they are.
    pub part: PartChoice,
    /// Latent variables of each.
    pub n_variables: usize,
    /// Epoch of the weights.
    pub epoch: u32,
}

/// Writes means, variances and samples of the latent variables of showers. Shower i of the file is sampled with noise
/// that depends on the seed and i alone.
///
/// # Errors
/// No model, a part that the file does not have, showers that cannot be read or encoded, a full disk, an interruption.
pub fn encode(request: &EncodeRequest, caller: Caller<'_>) -> Result<EncodedFile> {
    refuse_input(&request.out, &[&request.data])?;
    let model = request.model.load()?;
    model.encoder()?;
    let inputs = [Input::File(request.data.clone()), model.weights.clone()];
    let mut attributes = provenance::attributes_of(&inputs, caller)?;
    let blake3 = provenance::input_hash(&attributes, 0).context("the data's hash is missing")?.to_owned();
    let own = parts::is_own(&model, &blake3);
    let part = request.part.unwrap_or(if own { PartChoice::Part(Part::Train) } else { PartChoice::All });
    let file = DataFile { path: &request.data, blake3: &blake3, from: &request.from };
    let mut showers = parts::open(&model, file, part, caller)?;
    let n_variables = model.encoder()?.n_encoded();
    attributes.extend(
        [
            ("run", model.shown()),
            ("model", model.description.name.clone()),
            ("epoch", model.epoch.to_string()),
            ("weights_blake3", model.weights_blake3.clone()),
            ("part", showers.part.to_string()),
            ("seed", request.seed.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let mut writer = LatentWriter::create(&request.out, n_variables, &attributes)?;
    for_each_encoded(&model, &mut showers, request.seed, caller, |batch| Ok(writer.write(batch)?))?;
    writer.finish()?;
    Ok(EncodedFile { n_showers: showers.indices.len(), part: showers.part, n_variables, epoch: model.epoch })
}

/// Hands the latent variables and observables of every chosen shower to `consume`, a batch at a time.
///
/// # Errors
/// Showers that cannot be read or encoded, an interruption, and those of `consume`.
pub fn for_each_encoded(
    model: &LoadedModel,
    showers: &mut ChosenShowers,
    seed: u64,
    caller: Caller<'_>,
    mut consume: impl FnMut(&LatentBatch<'_>) -> Result<()>,
) -> Result<()> {
    let settings = sample_settings(&model.detector, 0, seed)?.observables;
    let mut progress = caller.begin(&Pass::showers("encoding", Some(showers.indices.len() as u64)));
    let mut batch = ShowerBatch::empty(showers.source.grid());
    let mut n_done = 0;
    while showers.source.next_batch(READ, &mut batch)? {
        for first in (0..batch.len()).step_by(BATCH) {
            caller.check()?;
            let rows = first..(first + BATCH).min(batch.len());
            let cells_mev = batch.cells_mev.slice(ndarray::s![rows.clone(), .., .., ..]);
            let energies_gev = &batch.energies_gev[rows.clone()];
            let numbers = &showers.indices[n_done..n_done + rows.len()];
            let encoded = networks::encode(model, cells_mev, energies_gev, numbers, seed)?;
            let observables: ObservableTable = observables(cells_mev, energies_gev, &settings)?;
            consume(&LatentBatch {
                showers: numbers,
                energies_gev,
                encoded: &encoded,
                observables: &observables,
            })?;
            n_done += rows.len();
            progress.advance(rows.len());
        }
    }
    Ok(())
}
