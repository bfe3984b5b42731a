//! The model that comes with the program: photon showers in `ild-ecal`, from the exported model in `data/models`.

use std::path::Path;

use calo_core::Detector;
use calo_latent::Kde;
use calo_nn::candle::{DType, Device};
use calo_nn::engine::ShowerModel;
use calo_nn::families;

use super::{LoadedModel, Place};
use crate::error::Context as _;
use crate::provenance::{Input, hash_bytes};
use crate::run_folder::RunDescription;
use crate::{Result, density};

/// What it is called.
pub const NAME: &str = "built-in photons";

/// Exporting another epoch changes this line.
const WEIGHTS: &[u8] =
    include_bytes!("../../../../data/models/photons/beta-0.05/epochs/epoch-0008.safetensors");
const DENSITY: &[u8] = include_bytes!("../../../../data/models/photons/beta-0.05/density.safetensors");
const DESCRIPTION: &str = include_str!("../../../../data/models/photons/beta-0.05/run.json");
const DETECTOR: &str = include_str!("../../../../data/models/photons/beta-0.05/detector.toml");

/// The networks, on `device`.
///
/// # Errors
/// Candle's.
pub(super) fn load(device: &Device, dtype: DType) -> Result<LoadedModel> {
    let description: RunDescription =
        serde_json::from_str(DESCRIPTION).with_context(|| format!("{NAME}: run.json"))?;
    let epoch = description.exported.as_ref().map(|exported| exported.epoch);
    let epoch = epoch.with_context(|| format!("{NAME}: run.json: is not of an exported model"))?;
    let weights_blake3 = hash_bytes(WEIGHTS);
    Ok(LoadedModel {
        place: Place::BuiltIn,
        description,
        detector: Detector::parse(DETECTOR, NAME)?,
        epoch,
        weights: Input::BuiltIn { name: NAME.to_owned(), blake3: weights_blake3.clone() },
        weights_blake3,
        networks: ShowerModel::from_bytes(Path::new(NAME), WEIGHTS, families::ALL, device, dtype)?,
    })
}

/// The density of the latent variables of `model`, which is this one.
///
/// # Errors
/// A density of other weights.
pub(super) fn density(model: &LoadedModel) -> Result<(Kde, Input)> {
    let name = format!("{NAME}, density");
    let place = Path::new(&name);
    let kde = Kde::from_bytes(place, DENSITY)?;
    let kde = density::checked(kde, place, model.encoder()?.n_encoded(), &model.weights_blake3)?;
    Ok((kde, Input::BuiltIn { name: name.clone(), blake3: hash_bytes(DENSITY) }))
}
