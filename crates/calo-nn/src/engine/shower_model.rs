//! A trained model of any family: showers in MeV for incident energies in GeV, and back to latent variables.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::family::{FamilyConfig, FamilyEntry};
use super::grid::Grid;
use super::recipe::Recipe;
use super::sampler::{Encode, LatentScore, Prior, Sampler};
use crate::parameters::Parameters;
use crate::parameters::checkpoint::{self, Checkpoint};
use crate::{Error, Result};

/// The networks of a weights file, for inference.
#[derive(Debug)]
pub struct ShowerModel {
    family: Box<dyn FamilyConfig>,
    sampler: Box<dyn Sampler>,
    metadata: BTreeMap<String, String>,
    device: Device,
}

impl ShowerModel {
    /// Reads a file written by [`Trainer::save_weights`](super::Trainer::save_weights) for one of `families`
    /// ([`families::ALL`](crate::families::ALL)). The networks have elements of `dtype`
    /// ([`Precision::prepare`](crate::device::Precision::prepare)); inputs and outputs are f32.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`] for a file that cannot be read, is damaged, or holds another network.
    pub fn load(path: &Path, families: &[FamilyEntry], device: &Device, dtype: DType) -> Result<Self> {
        Self::new(path, checkpoint::load(path, device)?, families, device, dtype)
    }

    /// The same for the bytes of such a file in memory; errors call it `name`.
    ///
    /// # Errors
    /// As [`ShowerModel::load`].
    pub fn from_bytes(
        name: &Path,
        bytes: &[u8],
        families: &[FamilyEntry],
        device: &Device,
        dtype: DType,
    ) -> Result<Self> {
        Self::new(name, checkpoint::from_bytes(name, bytes, device)?, families, device, dtype)
    }

    fn new(
        path: &Path,
        checkpoint: Checkpoint,
        families: &[FamilyEntry],
        device: &Device,
        dtype: DType,
    ) -> Result<Self> {
        let Checkpoint { tensors, metadata } = checkpoint;
        let in_file = |problem: String| Error::file(path, problem, "weights of a trained model of calo");
        let recipe = Recipe::from_metadata(&metadata, families);
        let recipe = recipe.ok_or_else(|| in_file("has no recipe in its metadata".to_owned()))?;
        let family = recipe.map_err(|e| in_file(e.to_string()))?.family;
        let parameters = Parameters::new(0, dtype, device);
        family.sampler(&parameters.path()).map_err(|e| in_file(e.to_string()))?;
        parameters.restore(&tensors).map_err(|e| in_file(e.to_string()))?;
        let sampler = family.sampler(&parameters.frozen())?;
        Ok(Self { family, sampler, metadata, device: device.clone() })
    }

    /// Its family, with the settings of its networks.
    pub fn family(&self) -> &dyn FamilyConfig {
        &*self.family
    }

    /// The file's metadata: where the model came from.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The device it computes on; its inputs must be there.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Cells along layer, x, y.
    pub fn grid(&self) -> Grid {
        self.family.grid()
    }

    /// What the latent variables are drawn from.
    pub fn prior(&self) -> Prior {
        self.sampler.prior()
    }

    /// Names of the networks that showers pass in turn.
    pub fn stages(&self) -> &'static [&'static str] {
        self.sampler.stages()
    }

    /// Showers after each of the first `n_stages` stages.
    ///
    /// # Shapes
    /// `[n, latent]`, `[n, 1]` GeV -> `n_stages` of `[n, 1, layer, x, y]` MeV, cells of any sign
    ///
    /// # Errors
    /// [`Error::Operand`] for other shapes and for a number of stages that there are not.
    pub fn sample(&self, z: &Tensor, energies_gev: &Tensor, n_stages: usize) -> Result<Vec<Tensor>> {
        let stages = self.stages();
        if !(1..=stages.len()).contains(&n_stages) {
            let expected = format!("1 to {}: {}", stages.len(), stages.join(", "));
            return Err(Error::operand("sample", "number of stages", n_stages, expected));
        }
        self.sampler.sample(z, energies_gev, n_stages)
    }

    /// What its critic thinks of latent variables.
    ///
    /// # Errors
    /// Why it cannot say: "its critic ..".
    pub fn latent_score(&self) -> Result<&dyn LatentScore, &'static str> {
        self.sampler.latent_score()
    }

    /// The encoder, for families that have one.
    pub fn encoder(&self) -> Option<&dyn Encode> {
        self.sampler.encoder()
    }
}
