//! Noise and incident energy to showers.

use candle_core::Tensor;

use crate::Result;
use crate::components::generator::{UpsamplingStack, check_noise};
use crate::components::{FeatureMaps, GeneratorConfig, check_condition};
use crate::engine::Grid;
use crate::layers::{ConvConfig, ConvTranspose3d, LayerNorm};
use crate::ops::leaky_relu;
use crate::parameters::Path;

/// Transposed convolutions with layer normalisation.
#[derive(Debug, Clone)]
pub struct Generator {
    noise: usize,
    of_energy: ConvTranspose3d,
    of_noise: ConvTranspose3d,
    normalised: UpsamplingStack<LayerNorm>,
    last: ConvTranspose3d,
}

impl Generator {
    /// The published network for photons.
    pub fn photons() -> GeneratorConfig {
        GeneratorConfig::photons(128)
    }

    /// The published network for pions, 48x13x13.
    pub fn pions() -> GeneratorConfig {
        let layer = ConvConfig::new;
        GeneratorConfig {
            noise: 100,
            first: ConvConfig::cubic(128, 4, 1, 0),
            layers: vec![
                layer(128, [4, 2, 2], [2; 3], [1; 3]),
                layer(64, [4, 2, 2], [2; 3], [1; 3]),
                layer(32, [4; 3], [2, 1, 1], [1; 3]),
                layer(10, [10, 4, 4], [1; 3], [1; 3]),
                layer(5, [8, 3, 3], [1; 3], [1; 3]),
                layer(1, [7, 4, 4], [1; 3], [1; 3]),
            ],
        }
    }

    /// A generator of `config`, for showers of `grid`.
    ///
    /// # Errors
    /// When `config` does not end in one channel of `grid`, or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &GeneratorConfig, grid: Grid) -> Result<Self> {
        config.validate(grid)?;
        // The maps of energy and of noise side by side.
        let input =
            FeatureMaps { channels: 2 * config.first.channels, size: config.first.transposed_size([1; 3])? };
        let inner = path.join("main_conv");
        let norm = |path: &Path<'_>, maps: FeatureMaps| LayerNorm::new(path, &maps.size);
        let normalised = UpsamplingStack::new(&inner, input, config, norm)?;
        Ok(Self {
            noise: config.noise,
            of_energy: ConvTranspose3d::new(&path.join("conv1_1"), 1, config.first)?,
            // The published name, however many variables there are.
            of_noise: ConvTranspose3d::new(&path.join("conv1_100"), config.noise, config.first)?,
            last: normalised.last(&inner, config)?,
            normalised,
        })
    }

    /// # Shapes
    /// noise `[n, noise]`, incident energies `[n, 1]` GeV -> showers `[n, 1, layer, x, y]` MeV, none negative
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, noise: &Tensor, energy_gev: &Tensor) -> Result<Tensor> {
        check_condition("generator", noise, energy_gev)?;
        let n = check_noise(noise, self.noise)?;
        let energy = self.of_energy.forward(&energy_gev.reshape((n, 1, 1, 1, 1))?)?;
        let noise = self.of_noise.forward(&noise.reshape((n, self.noise, 1, 1, 1))?)?;
        let x = Tensor::cat(&[&energy, &noise], 1)?;
        let x = self.normalised.forward(x, |norm, x| norm.forward(x, 0.0))?;
        leaky_relu(&self.last.forward(&x)?, 0.0)
    }
}
