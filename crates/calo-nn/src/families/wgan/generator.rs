//! Noise and incident energy to showers.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::components::{Grid, check_condition, check_result, no_layers, positive};
use crate::layers::{ConvConfig, ConvTranspose3d, LayerNorm};
use crate::ops::leaky_relu;
use crate::parameters::Path;
use crate::{Error, Result};

/// Layers of the generator. The default is the published network for photons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneratorConfig {
    /// Variables of noise.
    pub noise: usize,
    /// The transposed convolutions of energy and of noise, on a single cell each.
    pub first: ConvConfig,
    /// Those that follow; all but the last are normalised.
    pub layers: Vec<ConvConfig>,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        let up = |channels| ConvConfig::cubic(channels, 4, 2, 1);
        Self {
            noise: 100,
            first: ConvConfig::cubic(128, 4, 1, 0),
            layers: vec![up(128), up(64), up(32), ConvConfig::cubic(1, 3, 1, 2)],
        }
    }
}

impl GeneratorConfig {
    /// The published network for pions, 48x13x13.
    pub fn pion() -> Self {
        let layer = ConvConfig::new;
        Self {
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
}

/// Transposed convolutions with layer normalisation.
#[derive(Debug, Clone)]
pub struct Generator {
    noise: usize,
    of_energy: ConvTranspose3d,
    of_noise: ConvTranspose3d,
    normalised: Vec<(ConvTranspose3d, LayerNorm)>,
    last: ConvTranspose3d,
}

impl Generator {
    /// A generator of `config`, for showers of `grid`.
    ///
    /// # Errors
    /// When `config` does not end in one channel of `grid`, or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &GeneratorConfig, grid: Grid) -> Result<Self> {
        positive(&[("generator.noise", config.noise)])?;
        let Some((last, inner)) = config.layers.split_last() else {
            return Err(no_layers("generator.layers"));
        };
        let mut size = config.first.transposed_size([1; 3])?;
        let mut channels = 2 * config.first.channels;
        let mut normalised = Vec::with_capacity(inner.len());
        // Layer, normalisation and activation count in the published names.
        for (i, layer) in inner.iter().enumerate() {
            let name = |j| path.join("main_conv").join(3 * i + j);
            size = layer.transposed_size(size)?;
            normalised
                .push((ConvTranspose3d::new(&name(0), channels, *layer)?, LayerNorm::new(&name(1), &size)?));
            channels = layer.channels;
        }
        check_result("generator.layers", (last.channels, last.transposed_size(size)?), grid)?;
        Ok(Self {
            noise: config.noise,
            of_energy: ConvTranspose3d::new(&path.join("conv1_1"), 1, config.first)?,
            // The published name, however many variables there are.
            of_noise: ConvTranspose3d::new(&path.join("conv1_100"), config.noise, config.first)?,
            normalised,
            last: ConvTranspose3d::new(&path.join("main_conv").join(3 * inner.len()), channels, *last)?,
        })
    }

    /// # Shapes
    /// noise `[n, noise]`, incident energies `[n, 1]` GeV -> showers `[n, 1, layer, x, y]` MeV, none negative
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, noise: &Tensor, energy_gev: &Tensor) -> Result<Tensor> {
        check_condition("generator", noise, energy_gev)?;
        let n = noise.dim(0)?;
        if noise.elem_count() != n * self.noise {
            return Err(Error::operand("generator", "noise", noise.dims(), format!("[n, {}]", self.noise)));
        }
        let energy = self.of_energy.forward(&energy_gev.reshape((n, 1, 1, 1, 1))?)?;
        let noise = self.of_noise.forward(&noise.reshape((n, self.noise, 1, 1, 1))?)?;
        let mut x = Tensor::cat(&[&energy, &noise], 1)?;
        for (convolution, norm) in &self.normalised {
            x = norm.forward(&convolution.forward(&x)?, 0.0)?;
        }
        leaky_relu(&self.last.forward(&x)?, 0.0)
    }
}
