//! Noise times incident energy to showers.

use candle_core::Tensor;

use crate::Result;
use crate::components::generator::{UpsamplingStack, check_noise};
use crate::components::{FeatureMaps, GeneratorConfig, check_condition};
use crate::engine::Grid;
use crate::layers::{BatchNorm3d, ConvTranspose3d, Statistics};
use crate::ops::leaky_relu;
use crate::parameters::Path;

/// Transposed convolutions with batch normalisation, of noise times incident energy.
#[derive(Debug, Clone)]
pub struct Generator {
    noise: usize,
    first: ConvTranspose3d,
    normalised: UpsamplingStack<BatchNorm3d>,
    last: ConvTranspose3d,
}

impl Generator {
    /// A generator of `config`, for showers of `grid`.
    ///
    /// # Errors
    /// When `config` does not end in one channel of `grid`, or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &GeneratorConfig, grid: Grid) -> Result<Self> {
        config.validate(grid)?;
        let input =
            FeatureMaps { channels: config.first.channels, size: config.first.transposed_size([1; 3])? };
        let inner = path.join("main_conv");
        let norm = |path: &Path<'_>, maps: FeatureMaps| BatchNorm3d::new(path, maps.channels);
        let normalised = UpsamplingStack::new(&inner, input, config, norm)?;
        Ok(Self {
            noise: config.noise,
            first: ConvTranspose3d::new(&path.join("conv1"), config.noise, config.first)?,
            last: normalised.last(&inner, config)?,
            normalised,
        })
    }

    /// # Shapes
    /// noise `[n, noise]`, incident energies `[n, 1]` GeV -> showers `[n, 1, layer, x, y]` MeV, none negative
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, noise: &Tensor, energy_gev: &Tensor, statistics: Statistics) -> Result<Tensor> {
        check_condition("generator", noise, energy_gev)?;
        let n = check_noise(noise, self.noise)?;
        let noise = noise.reshape((n, self.noise))?.broadcast_mul(energy_gev)?;
        let x = self.first.forward(&noise.reshape((n, self.noise, 1, 1, 1))?)?;
        let activated = |norm: &BatchNorm3d, x: &Tensor| leaky_relu(&norm.forward(x, statistics)?, 0.0);
        let x = self.normalised.forward(x, activated)?;
        leaky_relu(&self.last.forward(&x)?, 0.0)
    }
}
