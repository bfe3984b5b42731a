//! The files of the model that comes with the program: photon showers in `ild-ecal`, exported to `data/models`.

/// What it is called.
pub const NAME: &str = "built-in photons";

/// Weights; exporting another epoch changes this line.
pub(super) const WEIGHTS: &[u8] =
    include_bytes!("../../../../data/models/photons/beta-0.05/epochs/epoch-0008.safetensors");
/// The density of its latent variables.
pub(super) const DENSITY: &[u8] =
    include_bytes!("../../../../data/models/photons/beta-0.05/density.safetensors");
/// What was trained, on what.
pub(super) const DESCRIPTION: &str = include_str!("../../../../data/models/photons/beta-0.05/run.json");
/// The detector of its showers.
pub(super) const DETECTOR: &str = include_str!("../../../../data/models/photons/beta-0.05/detector.toml");
