//! A trained BIB-AE: showers in MeV for incident energies in GeV, and back to latent variables.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::config::ModelConfig;
use super::networks::Generator;
use super::trainer::MODEL_KEY;
use crate::models::bibae::Posterior;
use crate::parameters::Parameters;
use crate::parameters::checkpoint::{self, Checkpoint};
use crate::{Error, Result};

/// Encoder, decoder and post-processor of a weights file, to be applied.
///
/// # Reference
/// decoding-photons, section 3.
#[derive(Debug)]
pub struct ShowerModel {
    config: ModelConfig,
    generator: Generator,
    metadata: BTreeMap<String, String>,
    device: Device,
}

impl ShowerModel {
    /// Reads a file written by [`Trainer::save_weights`](super::Trainer::save_weights); the networks have elements of
    /// `dtype` ([`Precision::prepare`](crate::device::Precision::prepare)), all that goes in and comes out is f32.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`] for a file that cannot be read, is damaged, or holds another network.
    pub fn load(path: &Path, device: &Device, dtype: DType) -> Result<Self> {
        Self::new(path, checkpoint::load(path, device)?, device, dtype)
    }

    /// The same for the bytes of such a file in memory; errors call it `name`.
    ///
    /// # Errors
    /// As [`ShowerModel::load`].
    pub fn from_bytes(name: &Path, bytes: &[u8], device: &Device, dtype: DType) -> Result<Self> {
        Self::new(name, checkpoint::from_bytes(name, bytes, device)?, device, dtype)
    }

    fn new(path: &Path, (tensors, metadata): Checkpoint, device: &Device, dtype: DType) -> Result<Self> {
        let in_file = |problem: String| Error::File {
            path: path.to_owned(),
            problem,
            expected: "weights of a trained model of calo".to_owned(),
        };
        let config =
            metadata.get(MODEL_KEY).ok_or_else(|| in_file(format!("has no {MODEL_KEY} in its metadata")))?;
        let config: ModelConfig =
            serde_json::from_str(config).map_err(|e| in_file(format!("{MODEL_KEY}: {e}")))?;
        let grid = config.grid;
        let config = config.on_grid(grid);
        config.validate().map_err(|e| in_file(e.to_string()))?;
        let parameters = Parameters::new(0, dtype, device);
        Generator::new(&parameters.path(), &config).map_err(|e| in_file(e.to_string()))?;
        parameters.restore(&tensors).map_err(|e| in_file(e.to_string()))?;
        let generator = Generator::new(&parameters.frozen(), &config)?;
        Ok(Self { config, generator, metadata, device: device.clone() })
    }

    /// What it is made of.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Texts that stand in the file: where it came from.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Where it computes; tensors handed to it have to be there.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Cells along layer, x, y.
    pub fn grid(&self) -> [usize; 3] {
        self.config.grid
    }

    /// Latent variables that are encoded.
    pub fn encoded(&self) -> usize {
        self.config.autoencoder.encoded
    }

    /// Latent variables in all; those behind the encoded ones are noise.
    pub fn latent(&self) -> usize {
        self.config.autoencoder.latent
    }

    /// Distributions of the latent variables of showers.
    ///
    /// # Shapes
    /// `[n, layer, x, y]` MeV, `[n, 1]` GeV -> `[n, encoded]` each
    ///
    /// # Errors
    /// [`Error::Operand`] for other shapes.
    pub fn encode(&self, showers_mev: &Tensor, energies_gev: &Tensor) -> Result<Posterior> {
        self.generator.encode(showers_mev, energies_gev)
    }

    /// Showers of latent variables, before post-processing.
    ///
    /// # Shapes
    /// `[n, latent]`, `[n, 1]` GeV -> `[n, 1, layer, x, y]` MeV
    ///
    /// # Errors
    /// [`Error::Operand`] for other shapes.
    pub fn decode(&self, z: &Tensor, energies_gev: &Tensor) -> Result<Tensor> {
        self.generator.unscaled(&self.generator.decode(z, energies_gev)?)
    }

    /// Whether there is a post-processor.
    pub fn has_post_processor(&self) -> bool {
        self.generator.has_post_processor()
    }

    /// Showers after post-processing, cells of any sign where the networks work on MeV.
    ///
    /// # Shapes
    /// `[n, 1, layer, x, y]` MeV, `[n, 1]` GeV -> `[n, 1, layer, x, y]` MeV
    ///
    /// # Errors
    /// [`Error::Operand`] for other shapes, or where there is no post-processor.
    pub fn post_process(&self, showers_mev: &Tensor, energies_gev: &Tensor) -> Result<Tensor> {
        let images = self.generator.scaled(showers_mev)?;
        let processed = self.generator.post_process(&images, energies_gev)?.ok_or_else(|| {
            Error::operand("post_process", "post-processor", "none", "a model that was trained with one")
        })?;
        self.generator.unscaled(&processed)
    }
}
