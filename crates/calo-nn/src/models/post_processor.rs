//! Per-cell network that puts the spectrum of cell energies right.

use candle_core::{D, DType, Tensor};
use serde::{Deserialize, Serialize};

use super::{Grid, check_condition, images, positive};
use crate::Result;
use crate::layers::{Linear, linear_stack};
use crate::ops::{PerCellLayer, PerCellNetwork, conv3d, layer_norm, leaky_relu, linear};
use crate::parameters::{Init, Path};

const SLOPE: f64 = 0.01;

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
    layers: Vec<PerCellLayer>,
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
        let layer = |i: usize, n_in: usize| {
            let (conv, norm) = (path.join(format_args!("conv{i}")), path.join(format_args!("bnco{i}")));
            let (n_out, biased, normalised) = if i == 6 { (1, false, false) } else { (width, true, i < 5) };
            let weight = conv.parameter("weight", &[n_out, n_in, 1, 1, 1], Init::Conv)?;
            let bias = || conv.parameter("bias", &[n_out], Init::Bias { fan_in: n_in });
            let affine = || {
                let weight = norm.parameter("weight", &grid, Init::Constant(1.0))?;
                Ok::<_, crate::Error>((weight, norm.parameter("bias", &grid, Init::Constant(0.0))?))
            };
            Ok(PerCellLayer {
                weight,
                bias: biased.then(bias).transpose()?,
                norm: normalised.then(affine).transpose()?,
            })
        };
        let inputs = [1, width + condition, width, width, width, width];
        Ok(Self {
            grid,
            energies: [
                Linear::new(&path.join("fcec1"), 2, condition)?,
                Linear::new(&path.join("fcec2"), condition, condition)?,
                Linear::new(&path.join("fcec3"), condition, condition)?,
            ],
            layers: (1..).zip(inputs).map(|(i, n_in)| layer(i, n_in)).collect::<Result<_>>()?,
        })
    }

    /// Processed showers.
    ///
    /// On a CPU, and where no gradient is wanted, all layers run fused, block by block of cells.
    ///
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
        let condition = linear_stack(&self.energies, &condition, SLOPE)?;
        let tracked = showers.track_op() || self.layers.iter().any(|layer| layer.weight.track_op());
        if !tracked && showers.device().is_cpu() && showers.dtype() == DType::F32 {
            return PerCellNetwork::new(&self.layers, SLOPE)?.forward(&showers, &condition);
        }
        let mut x = showers;
        for (i, layer) in self.layers.iter().enumerate() {
            x = apply(layer, &x, &condition)?;
            x = match &layer.norm {
                Some((weight, bias)) => layer_norm(&x, weight, bias, Some(SLOPE))?,
                None if i + 1 < self.layers.len() => leaky_relu(&x, SLOPE)?,
                None => x,
            };
        }
        Ok(x)
    }
}

/// The products of a layer. Where it also sees the condition, that part is a bias of each shower: the wide input is
/// never formed.
fn apply(layer: &PerCellLayer, x: &Tensor, condition: &Tensor) -> Result<Tensor> {
    let (channels, inputs) = (x.dim(1)?, layer.weight.dim(1)?);
    if inputs == channels {
        return conv3d(x, &layer.weight, layer.bias.as_ref(), [1; 3], [0; 3]);
    }
    let of_cells = layer.weight.narrow(1, 0, channels)?;
    let of_condition = layer.weight.narrow(1, channels, inputs - channels)?.flatten_from(1)?;
    let bias = linear(condition, &of_condition.contiguous()?, layer.bias.as_ref())?;
    conv3d(x, &of_cells.contiguous()?, Some(&bias), [1; 3], [0; 3])
}
