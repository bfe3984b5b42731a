//! Showers and incident energies to the logit of being real.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::{check_condition, check_layers, images, positive};
use crate::engine::Grid;
use crate::layers::{BatchNorm3d, Conv3d, ConvConfig, Linear, Statistics, linear_stack};
use crate::ops::{leaky_relu, minibatch_standard_deviation};
use crate::parameters::Path;

/// Slope of the activations below zero.
const SLOPE: f64 = 0.2;

/// Layers of the discriminator. The default is the published network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscriminatorConfig {
    /// Convolutions.
    pub layers: Vec<ConvConfig>,
    /// Whether all convolutions but the first and the last are followed by batch normalisation. It takes the scale of a
    /// batch away, by which real and generated showers of other energies differ.
    pub normalised: bool,
    /// Units of the fully connected layer.
    pub hidden: usize,
    /// Whether the standard deviation over the batch is one more input map.
    pub minibatch_deviation: bool,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        let down = |channels, padding| ConvConfig::cubic(channels, 3, 2, padding);
        Self {
            layers: vec![down(32, 3), down(64, 1), down(128, 1), down(256, 1), down(128, 0)],
            normalised: true,
            hidden: 64,
            minibatch_deviation: false,
        }
    }
}

impl DiscriminatorConfig {
    /// Checks that the layers fit `grid`.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) naming the field, its value and what is allowed.
    pub fn validate(&self, grid: Grid) -> Result<()> {
        positive(&[("discriminator.hidden", self.hidden)])?;
        check_layers("discriminator.layers", &self.layers, grid)
    }
}

/// Convolutions, with batch normalisation as published or without, then fully connected layers that also see the incident energy.
#[derive(Debug, Clone)]
pub struct Discriminator {
    grid: Grid,
    minibatch_deviation: bool,
    convolutions: Vec<(Conv3d, Option<BatchNorm3d>)>,
    connected: [Linear; 2],
}

impl Discriminator {
    /// A discriminator of `config`, for showers of `grid`.
    ///
    /// # Errors
    /// When the layers do not fit `grid`, or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &DiscriminatorConfig, grid: Grid) -> Result<Self> {
        config.validate(grid)?;
        let (mut channels, mut size) = (1 + usize::from(config.minibatch_deviation), grid);
        let mut convolutions = Vec::with_capacity(config.layers.len());
        let mut at = 0;
        for (i, layer) in config.layers.iter().enumerate() {
            let name = |at: usize| path.join("main_conv").join(at);
            size = layer.size(size)?;
            let convolution = Conv3d::new(&name(at), channels, *layer)?;
            let normalised = config.normalised && i > 0 && i + 1 < config.layers.len();
            let norm = if normalised { Some(BatchNorm3d::new(&name(at + 1), layer.channels)?) } else { None };
            // Layer, perhaps normalisation, and activation count in the published names.
            at += 2 + usize::from(normalised);
            channels = layer.channels;
            convolutions.push((convolution, norm));
        }
        let flat = channels * size.iter().product::<usize>();
        let name = |i: usize| path.join("fc").join(i);
        Ok(Self {
            grid,
            minibatch_deviation: config.minibatch_deviation,
            convolutions,
            connected: [
                Linear::new(&name(0), flat + 1, config.hidden)?,
                Linear::new(&name(2), config.hidden, 1)?,
            ],
        })
    }

    /// Logit of the probability that a shower is real.
    ///
    /// # Shapes
    /// showers `[n, layer, x, y]` MeV, incident energies `[n, 1]` GeV -> `[n, 1]`
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, showers: &Tensor, energy_gev: &Tensor, statistics: Statistics) -> Result<Tensor> {
        check_condition("discriminator", showers, energy_gev)?;
        let mut x = images("discriminator", showers, self.grid)?;
        if self.minibatch_deviation {
            x = minibatch_standard_deviation(&x)?;
        }
        for (i, (convolution, norm)) in self.convolutions.iter().enumerate() {
            x = convolution.forward(&x)?;
            if let Some(norm) = norm {
                x = norm.forward(&x, statistics)?;
            }
            if i + 1 < self.convolutions.len() {
                x = leaky_relu(&x, SLOPE)?;
            }
        }
        let x = Tensor::cat(&[&x.flatten_from(1)?, energy_gev], D::Minus1)?;
        linear_stack(&self.connected, &x, SLOPE)
    }
}
