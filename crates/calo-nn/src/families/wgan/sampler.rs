//! The networks of a trained WGAN, with energies in MeV and GeV as input and output.

use calo_latent::LatentOptimisation;
use candle_core::{DType, Tensor};

use super::constrainer::Constrainer;
use super::critic::Critic;
use super::generator::Generator;
use super::groups::{CONSTRAINER, CRITIC, GENERATOR};
use super::model::ModelConfig;
use crate::Result;
use crate::components::EnergyScaling;
use crate::components::latent_optimisation::latent_gradient;
use crate::engine::{LatentScore, Prior, Sampler};
use crate::parameters::Path;

/// Generator, critic and constrainer.
#[derive(Debug, Clone)]
pub(super) struct Networks {
    pub(super) generator: Generator,
    pub(super) critic: Critic,
    pub(super) constrainer: Option<Constrainer>,
    pub(super) scaling: EnergyScaling,
}

impl Networks {
    /// The networks of `config` below `root`.
    pub(super) fn new(root: &Path<'_>, config: &ModelConfig) -> Result<Self> {
        let ModelConfig { grid, generator, critic, constrainer, scaling } = config;
        let constrainer = constrainer.as_ref();
        Ok(Self {
            generator: Generator::new(&root.join(GENERATOR), generator, *grid)?,
            critic: Critic::new(&root.join(CRITIC), critic, *grid)?,
            constrainer: constrainer
                .map(|config| Constrainer::new(&root.join(CONSTRAINER), config, *grid))
                .transpose()?,
            scaling: *scaling,
        })
    }

    /// Showers as the critic sees them.
    ///
    /// # Shapes
    /// `noise` `[n, noise]`, `condition` `[n, 1]` -> `[n, 1, layer, x, y]`
    pub(super) fn generate(&self, noise: &Tensor, condition: &Tensor) -> Result<Tensor> {
        self.scaling.sized(self.generator.forward(noise, condition)?, condition)
    }

    /// The slope of the critic's score of the showers of `noise`, along the noise.
    ///
    /// # Shapes
    /// `noise` `[n, noise]`, `condition` `[n, 1]` -> `[n, noise]`
    pub(super) fn gradient(&self, noise: &Tensor, condition: &Tensor) -> Result<Tensor> {
        latent_gradient(noise, |noise| self.critic.forward(&self.generate(noise, condition)?, condition))
    }
}

/// Showers of a WGAN: noise, uniform from -1 to 1, and the incident energy.
#[derive(Debug)]
pub(super) struct WganSampler {
    networks: Networks,
    noise: usize,
    latent_optimisation: LatentOptimisation,
    dtype: DType,
}

impl WganSampler {
    /// With the settings of latent optimisation that it was trained with, or the published ones.
    pub(super) fn new(
        root: &Path<'_>,
        config: &ModelConfig,
        latent_optimisation: Option<LatentOptimisation>,
    ) -> Result<Self> {
        Ok(Self {
            networks: Networks::new(root, config)?,
            noise: config.generator.noise,
            latent_optimisation: latent_optimisation.unwrap_or_default(),
            dtype: root.dtype(),
        })
    }

    /// What the networks see of noise and incident energies.
    fn input(&self, z: &Tensor, energies_gev: &Tensor) -> Result<(Tensor, Tensor)> {
        let condition = self.networks.scaling.condition(energies_gev)?;
        Ok((z.to_dtype(self.dtype)?, condition.to_dtype(self.dtype)?))
    }
}

impl Sampler for WganSampler {
    fn prior(&self) -> Prior {
        Prior::Uniform(self.noise)
    }

    fn stages(&self) -> &'static [&'static str] {
        &["generator"]
    }

    fn sample(&self, z: &Tensor, energies_gev: &Tensor, _n_stages: usize) -> Result<Vec<Tensor>> {
        let (noise, condition) = self.input(z, energies_gev)?;
        let showers = self.networks.generate(&noise, &condition)?;
        Ok(vec![self.networks.scaling.cells.unscaled(&showers.to_dtype(z.dtype())?)?])
    }

    fn latent_score(&self) -> Result<&dyn LatentScore, &'static str> {
        Ok(self)
    }
}

impl LatentScore for WganSampler {
    fn settings(&self) -> LatentOptimisation {
        self.latent_optimisation
    }

    fn gradient(&self, z: &Tensor, energies_gev: &Tensor) -> Result<Tensor> {
        let (noise, condition) = self.input(z, energies_gev)?;
        Ok(self.networks.gradient(&noise, &condition)?.to_dtype(z.dtype())?)
    }
}
