//! Per-cell network that puts the spectrum of cell energies right.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use super::{Grid, images, positive};
use crate::Result;
use crate::layers::Linear;
use crate::ops::conv3d::Conv3d;
use crate::ops::{Chain, PerCellLayer, PerCellNetwork};
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
/// constant away: as published, it cannot change the result, and neither can the biases of normalised layers. They only
/// cost digits (in 32 bits the published network is 1e-4 of its largest value off). So they are not computed, but they
/// are parameters: published state dictionaries fit.
///
/// # Reference
/// decoding-photons, section 3; fast-and-accurate-showers, section 3.4; sizes from the published model.
#[derive(Debug, Clone)]
pub struct PostProcessor {
    grid: Grid,
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
            let bias = if biased {
                Some(conv.parameter("bias", &[n_out], Init::Bias { fan_in: n_in })?)
            } else {
                None
            };
            let affine = || {
                let weight = norm.parameter("weight", &grid, Init::Constant(1.0))?;
                Ok::<_, crate::Error>((weight, norm.parameter("bias", &grid, Init::Constant(0.0))?))
            };
            let norm = if normalised { Some(affine()?) } else { None };
            Ok(PerCellLayer { weight, bias: bias.filter(|_| !normalised), norm })
        };
        for (name, n_in) in [("fcec1", 2), ("fcec2", condition), ("fcec3", condition)] {
            Linear::new(&path.join(name), n_in, condition)?;
        }
        let inputs = [1, width + condition, width, width, width, width];
        let mut layers =
            (1..).zip(inputs).map(|(i, n_in)| layer(i, n_in)).collect::<Result<Vec<PerCellLayer>>>()?;
        layers[1].weight = layers[1].weight.narrow(1, 0, width)?;
        Ok(Self { grid, layers })
    }

    /// Processed showers.
    ///
    /// On a CPU, and where no gradient is wanted, all layers run fused, block by block of cells.
    ///
    /// # Shapes
    /// showers `[n, layer, x, y]` MeV -> `[n, 1, layer, x, y]` MeV, of any sign
    ///
    /// # Errors
    /// When the shape is another.
    pub fn forward(&self, showers: &Tensor) -> Result<Tensor> {
        let showers = images("post_processor", showers, self.grid)?;
        let tracked = showers.track_op() || self.layers.iter().any(|layer| layer.weight.track_op());
        if !tracked && showers.device().is_cpu() && showers.dtype() == DType::F32 {
            return PerCellNetwork::new(&self.layers, SLOPE)?.forward(&showers);
        }
        let mut chain = Chain::new(&showers)?;
        for (i, layer) in self.layers.iter().enumerate() {
            let convolution = Conv3d::convolution(chain.last(), &layer.weight, [1; 3], [0; 3])?;
            chain.convolve(convolution, &layer.weight, layer.bias.as_ref())?;
            match &layer.norm {
                Some((weight, bias)) => chain.normalise(weight, bias, SLOPE)?,
                None if i + 1 < self.layers.len() => chain.leaky_relu(SLOPE)?,
                None => (),
            }
        }
        chain.finish()
    }
}
