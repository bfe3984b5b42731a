//! Encoder and generator, with energies in MeV as input and output.

use candle_core::{DType, Tensor};

use super::encoder::Encoder;
use super::generator::Generator;
use super::groups::AUTOENCODER;
use super::model::{ModelConfig, Scaling};
use super::standardisation::Standardisation;
use crate::Result;
use crate::components::images;
use crate::engine::{Encode, Grid, LatentScore, Posterior, Prior, Sampler};
use crate::parameters::Path;

/// The networks that make images. Only inside the networks tensors have the element type of the weights.
#[derive(Debug, Clone)]
pub(super) struct Autoencoder {
    grid: Grid,
    scaling: Scaling,
    latent_dim: usize,
    dtype: DType,
    cells: Option<Standardisation>,
    encoder: Encoder,
    generator: Generator,
}

impl Autoencoder {
    /// The networks below `root`: a tracked path for training, a frozen one for inference.
    pub(super) fn new(root: &Path<'_>, config: &ModelConfig) -> Result<Self> {
        config.validate()?;
        let ModelConfig { grid, latent_dim, encoder, generator, scaling, .. } = config;
        let path = root.join(AUTOENCODER);
        let cells = (scaling.standardisation_steps > 0).then(|| {
            Standardisation::new(&path.join("cells"), &[1, grid[1], grid[2]], scaling.deviation_power)
        });
        Ok(Self {
            grid: *grid,
            scaling: *scaling,
            latent_dim: *latent_dim,
            dtype: root.dtype(),
            cells: cells.transpose()?,
            encoder: Encoder::new(&path.join("encoder"), encoder, *grid, *latent_dim)?,
            generator: Generator::new(&path.join("generator"), generator, *grid, *latent_dim)?,
        })
    }

    /// Counts a batch for mean and standard deviation of the cells.
    pub(super) fn see(&self, scaled: &Tensor) -> Result<()> {
        self.cells.as_ref().map_or(Ok(()), |cells| cells.update(scaled))
    }

    /// Showers in MeV as images `[n, 1, x, y]`, in the unit of the scaling.
    pub(super) fn scaled(&self, showers_mev: &Tensor) -> Result<Tensor> {
        let images = images("encoder", showers_mev, self.grid)?.squeeze(2)?;
        Ok((self.scaling.cells.scaled(&images.to_dtype(self.dtype)?)? * self.scaling.factor)?)
    }

    /// Scaled images in MeV again.
    pub(super) fn mev(&self, scaled: &Tensor) -> Result<Tensor> {
        self.scaling.cells.unscaled(&(scaled / self.scaling.factor)?)
    }

    /// Scaled images as the networks see them.
    pub(super) fn seen(&self, scaled: &Tensor) -> Result<Tensor> {
        self.cells.as_ref().map_or_else(|| Ok(scaled.clone()), |cells| cells.standardised(scaled))
    }

    /// The distribution of the latent variables of what [`Autoencoder::seen`] makes.
    pub(super) fn posterior(&self, seen: &Tensor) -> Result<Posterior> {
        self.encoder.forward(seen)
    }

    /// Scaled images `[n, 1, x, y]`, no cell negative. They stay scaled: the derivative of a root at 0 is infinite.
    pub(super) fn generate(&self, z: &Tensor) -> Result<Tensor> {
        let raw = self.generator.forward(&z.to_dtype(self.dtype)?)?;
        let scaled = match &self.cells {
            Some(cells) => cells.restored(&raw)?,
            None => raw,
        };
        Ok(scaled.relu()?)
    }
}

impl Encode for Autoencoder {
    fn n_encoded(&self) -> usize {
        self.latent_dim
    }

    fn encode(&self, showers_mev: &Tensor, _energies_gev: &Tensor) -> Result<Posterior> {
        let posterior = self.posterior(&self.seen(&self.scaled(showers_mev)?)?)?;
        let outside = |x: &Tensor| x.to_dtype(showers_mev.dtype());
        Ok(Posterior { mean: outside(&posterior.mean)?, log_variance: outside(&posterior.log_variance)? })
    }
}

impl Sampler for Autoencoder {
    fn prior(&self) -> Prior {
        Prior::Normal(self.latent_dim)
    }

    fn stages(&self) -> &'static [&'static str] {
        &["generator"]
    }

    /// The incident energy has no effect: the model is for showers of one energy.
    fn sample(&self, z: &Tensor, _energies_gev: &Tensor, _n_stages: usize) -> Result<Vec<Tensor>> {
        Ok(vec![self.mev(&self.generate(z)?.to_dtype(z.dtype())?)?.unsqueeze(2)?])
    }

    fn encoder(&self) -> Option<&dyn Encode> {
        Some(self)
    }

    fn latent_score(&self) -> Result<&dyn LatentScore, &'static str> {
        Err("its discriminator compares the showers of a batch")
    }
}
