//! Per-cell network that puts the spectrum of cell energies right.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use super::{Grid, check_condition, images, positive};
use crate::Result;
use crate::layers::{Conv3d, ConvConfig, LayerNorm, Linear};
use crate::ops::{conv3d, leaky_relu, linear};
use crate::parameters::{Init, Path};

const SLOPE: f64 = 0.01;
/// Convolutions after the one that sees the condition which are normalised.
const N_NORMALISED: usize = 2;

/// Sizes of the post-processor. The default is the published network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostProcessorConfig {
    /// Cells along layer, x, y.
    pub grid: Grid,
    /// Channels of the per-cell layers.
    pub width: usize,
    /// Units of the layers that see the energies.
    pub condition: usize,
}

impl Default for PostProcessorConfig {
    fn default() -> Self {
        Self { grid: [30; 3], width: 128, condition: 64 }
    }
}

/// 1x1x1 convolutions with layer normalisation, conditioned on the visible and the incident energy.
///
/// The condition enters as one constant per channel right before a normalisation over all cells, which takes every
/// constant away: as published, it cannot change the result beyond rounding. It is kept so that published weights mean
/// the same here.
///
/// # Reference
/// decoding-photons, section 3; fast-and-accurate-showers, section 3.4; sizes from the published model.
#[derive(Debug, Clone)]
pub struct PostProcessor {
    grid: Grid,
    energies: [Linear; 3],
    first: (Conv3d, LayerNorm),
    conditioned: Conditioned,
    normalised: Vec<(Conv3d, LayerNorm)>,
    last: [Conv3d; 2],
}

/// The layer whose input is the cells' channels and the condition, equal for all cells.
#[derive(Debug, Clone)]
struct Conditioned {
    cells: Tensor,
    condition: Tensor,
    bias: Tensor,
    norm: LayerNorm,
}

impl PostProcessor {
    /// A post-processor of `config`.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &PostProcessorConfig) -> Result<Self> {
        let PostProcessorConfig { grid, width, condition } = *config;
        positive(&[
            ("post_processor.grid", grid.iter().product()),
            ("post_processor.width", width),
            ("post_processor.condition", condition),
        ])?;
        let layer = |i: usize, n_in| {
            let shape = ConvConfig::cubic(width, 1, 1, 0);
            Conv3d::with_bias(&path.join(format_args!("conv{i}")), n_in, shape)
        };
        let norm = |i: usize| LayerNorm::new(&path.join(format_args!("bnco{i}")), &grid);
        let conv2 = path.join("conv2");
        let fan_in = width + condition;
        let weight = conv2.parameter("weight", &[width, fan_in, 1, 1, 1], Init::Conv)?;
        Ok(Self {
            grid,
            energies: [
                Linear::new(&path.join("fcec1"), 2, condition)?,
                Linear::new(&path.join("fcec2"), condition, condition)?,
                Linear::new(&path.join("fcec3"), condition, condition)?,
            ],
            first: (layer(1, 1)?, norm(1)?),
            conditioned: Conditioned {
                cells: weight.narrow(1, 0, width)?,
                condition: weight.narrow(1, width, condition)?.flatten_from(1)?,
                bias: conv2.parameter("bias", &[width], Init::Bias { fan_in })?,
                norm: norm(2)?,
            },
            normalised: (3..3 + N_NORMALISED)
                .map(|i| Ok((layer(i, width)?, norm(i)?)))
                .collect::<Result<_>>()?,
            last: [
                layer(3 + N_NORMALISED, width)?,
                Conv3d::new(&path.join("conv6"), width, ConvConfig::cubic(1, 1, 1, 0))?,
            ],
        })
    }

    /// # Shapes
    /// showers `[n, layer, x, y]` MeV, incident energies `[n, 1]` GeV -> `[n, 1, layer, x, y]` MeV, of any sign
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, showers: &Tensor, energy_gev: &Tensor) -> Result<Tensor> {
        check_condition("post_processor", showers, energy_gev)?;
        let showers = images("post_processor", showers, self.grid)?;
        let visible_mev = showers.flatten_from(1)?.sum_keepdim(1)?;
        let condition = Tensor::cat(&[&visible_mev, energy_gev], D::Minus1)?;
        let condition = crate::layers::linear_stack(&self.energies, &condition, SLOPE)?;

        let mut x = self.first.1.forward(&self.first.0.forward(&showers)?, SLOPE)?;
        x = self.conditioned.forward(&x, &condition)?;
        for (convolution, norm) in &self.normalised {
            x = norm.forward(&convolution.forward(&x)?, SLOPE)?;
        }
        let [wide, narrow] = &self.last;
        narrow.forward(&leaky_relu(&wide.forward(&x)?, SLOPE)?)
    }
}

impl Conditioned {
    /// The condition's part of the product is a bias of each shower: the wide input is never formed.
    fn forward(&self, x: &Tensor, condition: &Tensor) -> Result<Tensor> {
        let bias = linear(condition, &self.condition.contiguous()?, Some(&self.bias))?;
        let x = conv3d(x, &self.cells.contiguous()?, Some(&bias), [1; 3], [0; 3])?;
        self.norm.forward(&x, SLOPE)
    }
}
