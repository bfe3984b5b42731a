//! Latent variables to images.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::{no_layers, positive};
use crate::engine::Grid;
use crate::field::error;
use crate::layers::{Conv3d, ConvConfig, Linear, LocallyConnected, LocallyConnectedConfig};
use crate::ops::leaky_relu;
use crate::parameters::Path;

/// Slope of the activations below zero.
const SLOPE: f64 = 0.2;

/// Layers of the generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneratorConfig {
    /// Channels of the fully connected layer, on an image of half the cells along each axis.
    pub dense_channels: usize,
    /// Channels of the convolution of 5x5 cells that follows the upsampling.
    pub conv_channels: usize,
    /// Channels of the locally connected layers; one more makes the image.
    pub channels: Vec<usize>,
    /// Cells along the kernels of locally connected layers.
    pub kernel: usize,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self { dense_channels: 32, conv_channels: 16, channels: vec![8, 8], kernel: 3 }
    }
}

impl GeneratorConfig {
    pub(super) fn validate(&self) -> Result<()> {
        positive(&[("dense_channels", self.dense_channels), ("conv_channels", self.conv_channels)])?;
        check_layers(&self.channels, self.kernel)
    }
}

/// Checks locally connected layers.
pub(super) fn check_layers(channels: &[usize], kernel: usize) -> Result<()> {
    if channels.is_empty() {
        return Err(no_layers("channels"));
    }
    positive(&channels.iter().map(|&channels| ("channels", channels)).collect::<Vec<_>>())?;
    if kernel.is_multiple_of(2) { Err(error("kernel", kernel, "an odd number")) } else { Ok(()) }
}

/// A fully connected layer, upsampling, a convolution, locally connected layers.
///
/// # Reference
/// de Oliveira et al., arXiv 1701.05927, section 4.
#[derive(Debug, Clone)]
pub struct Generator {
    cells: [usize; 2],
    dense: Linear,
    convolution: Conv3d,
    local: Vec<LocallyConnected>,
}

impl Generator {
    /// A generator of images on `grid` from `latent_dim` variables.
    ///
    /// # Errors
    /// When `config` is impossible, or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &GeneratorConfig, grid: Grid, latent_dim: usize) -> Result<Self> {
        config.validate()?;
        let [_, h, w] = grid;
        let n_dense = config.dense_channels * h.div_ceil(2) * w.div_ceil(2);
        let convolution = ConvConfig::new(config.conv_channels, [1, 5, 5], [1; 3], [0, 2, 2]);
        let channels: Vec<usize> =
            [config.conv_channels].into_iter().chain(config.channels.iter().copied()).chain([1]).collect();
        let local = channels.windows(2).enumerate().map(|(i, pair)| {
            let [n_in, n_out] = [pair[0], pair[1]];
            let config = LocallyConnectedConfig { n_in, n_out, kernel: config.kernel, cells: [h, w] };
            LocallyConnected::new(&path.join(format_args!("local{}", i + 1)), config)
        });
        Ok(Self {
            cells: [h, w],
            dense: Linear::new(&path.join("dense"), latent_dim, n_dense)?,
            convolution: Conv3d::with_bias(&path.join("conv"), config.dense_channels, convolution)?,
            local: local.collect::<Result<_>>()?,
        })
    }

    /// Images before the last activation.
    ///
    /// # Shapes
    /// `[n, latent_dim]` -> `[n, 1, x, y]`
    ///
    /// # Errors
    /// When the latent variables have another shape.
    pub fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let [h, w] = self.cells;
        let n = z.dim(0)?;
        let x = leaky_relu(&self.dense.forward(z)?, SLOPE)?;
        let x = x.reshape((n, (), h.div_ceil(2), w.div_ceil(2)))?;
        let x = doubled(&x)?.narrow(2, 0, h)?.narrow(3, 0, w)?.contiguous()?;
        let mut x = self.convolution.forward(&x.unsqueeze(2)?)?.squeeze(2)?;
        for layer in &self.local {
            x = layer.forward(&leaky_relu(&x, SLOPE)?)?;
        }
        Ok(x)
    }
}

/// Each cell as two by two of the same value.
///
/// # Shapes
/// `[n, c, h, w]` -> `[n, c, 2 h, 2 w]`
fn doubled(x: &Tensor) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let x = x.reshape((n, c, h, 1, w, 1))?.broadcast_as((n, c, h, 2, w, 2))?;
    Ok(x.reshape((n, c, 2 * h, 2 * w))?)
}
