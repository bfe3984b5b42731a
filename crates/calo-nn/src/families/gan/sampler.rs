//! The generator of a trained GAN, with energies in MeV and GeV as input and output.

use candle_core::{DType, Tensor};

use super::generator::Generator;
use super::groups::GENERATOR;
use super::model::ModelConfig;
use crate::Result;
use crate::components::EnergyScaling;
use crate::engine::{LatentScore, Prior, Sampler};
use crate::layers::Statistics;
use crate::parameters::Path;

/// Showers of a GAN: noise, uniform from -1 to 1, times the incident energy.
#[derive(Debug)]
pub(super) struct GanSampler {
    generator: Generator,
    noise: usize,
    scaling: EnergyScaling,
    dtype: DType,
}

impl GanSampler {
    pub(super) fn new(root: &Path<'_>, config: &ModelConfig) -> Result<Self> {
        Ok(Self {
            generator: Generator::new(&root.join(GENERATOR), &config.generator, config.grid)?,
            noise: config.generator.noise,
            scaling: config.scaling,
            dtype: root.dtype(),
        })
    }
}

impl Sampler for GanSampler {
    fn prior(&self) -> Prior {
        Prior::Uniform(self.noise)
    }

    fn stages(&self) -> &'static [&'static str] {
        &["generator"]
    }

    /// With running statistics: a shower does not depend on the others in its batch.
    fn sample(&self, z: &Tensor, energies_gev: &Tensor, _n_stages: usize) -> Result<Vec<Tensor>> {
        let condition = self.scaling.condition(energies_gev)?;
        let (noise, condition) = (z.to_dtype(self.dtype)?, condition.to_dtype(self.dtype)?);
        let showers = self.generator.forward(&noise, &condition, Statistics::Running)?;
        let showers = self.scaling.sized(showers, &condition)?;
        Ok(vec![self.scaling.cells.unscaled(&showers.to_dtype(z.dtype())?)?])
    }

    fn latent_score(&self) -> Result<&dyn LatentScore, &'static str> {
        Err("its discriminator judges a shower by the statistics of a whole batch")
    }
}
