//! A trained model of any family: showers in MeV for incident energies in GeV, and back to latent variables.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::family::FamilyConfig;
use super::recipe::Recipe;
use super::sampler::{Encode, Prior, Sampler};
use crate::components::Grid;
use crate::parameters::Parameters;
use crate::parameters::checkpoint::{self, Checkpoint};
use crate::{Error, Result};

/// The networks of a weights file, to be applied.
#[derive(Debug)]
pub struct ShowerModel {
    family: Box<dyn FamilyConfig>,
    sampler: Box<dyn Sampler>,
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
        let recipe = Recipe::from_metadata(&metadata);
        let recipe = recipe.ok_or_else(|| in_file("has no recipe in its metadata".to_owned()))?;
        let family = recipe.map_err(|e| in_file(e.to_string()))?.family;
        let parameters = Parameters::new(0, dtype, device);
        family.sampler(&parameters.path()).map_err(|e| in_file(e.to_string()))?;
        parameters.restore(&tensors).map_err(|e| in_file(e.to_string()))?;
        let sampler = family.sampler(&parameters.frozen())?;
        Ok(Self { family, sampler, metadata, device: device.clone() })
    }

    /// What it is made of.
    pub fn family(&self) -> &dyn FamilyConfig {
        &*self.family
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
    pub fn grid(&self) -> Grid {
        self.family.grid()
    }

    /// What the latent variables are drawn from.
    pub fn prior(&self) -> Prior {
        self.sampler.prior()
    }

    /// Names of the networks that showers pass, one after another.
    pub fn stages(&self) -> &'static [&'static str] {
        self.sampler.stages()
    }

    /// Showers behind each of the first `n_stages` stages.
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

    /// The encoder, for families that have one.
    pub fn encoder(&self) -> Option<&dyn Encode> {
        self.sampler.encoder()
    }
}
