//! Images to the mean and log variance of their latent variables.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::{FeatureMaps, images, positive};
use crate::engine::{Grid, Posterior};
use crate::layers::{Conv3d, ConvConfig, Linear};
use crate::ops::leaky_relu;
use crate::parameters::Path;

/// Slopes below zero behind the three convolutions: two LeakyReLU, then ReLU.
const SLOPES: [f64; 3] = [0.2, 0.2, 0.0];

/// Step of each convolution.
const STRIDES: [usize; 3] = [1, 2, 2];

/// Layers of the encoder. The paper gives their number and activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderConfig {
    /// Channels of the three convolutions of 3x3 cells, of which the second and the third halve the image.
    pub channels: [usize; 3],
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self { channels: [16, 32, 32] }
    }
}

impl EncoderConfig {
    pub(super) fn validate(&self, grid: Grid) -> Result<()> {
        positive(&self.channels.map(|channels| ("channels", channels)))?;
        self.maps(grid).map(|_| ())
    }

    fn layers(&self) -> [ConvConfig; 3] {
        std::array::from_fn(|i| {
            let stride = STRIDES[i];
            ConvConfig::new(self.channels[i], [1, 3, 3], [1, stride, stride], [0, 1, 1])
        })
    }

    /// What comes out of the convolutions.
    fn maps(&self, grid: Grid) -> Result<FeatureMaps> {
        let size = self.layers().iter().try_fold(grid, |size, layer| layer.size(size))?;
        Ok(FeatureMaps { channels: self.channels[2], size })
    }
}

/// Three convolutions, then a linear layer each for means and log variances.
///
/// # Reference
/// calomplification, section 2.
#[derive(Debug, Clone)]
pub struct Encoder {
    grid: Grid,
    convolutions: [Conv3d; 3],
    mean: Linear,
    log_variance: Linear,
}

impl Encoder {
    /// An encoder of images on `grid` to `latent_dim` variables.
    ///
    /// # Errors
    /// When the layers do not fit `grid`, or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &EncoderConfig, grid: Grid, latent_dim: usize) -> Result<Self> {
        config.validate(grid)?;
        let layers = config.layers();
        let [first, second, _] = config.channels;
        let conv =
            |i: usize, n_in| Conv3d::with_bias(&path.join(format_args!("conv{}", i + 1)), n_in, layers[i]);
        let flat = config.maps(grid)?.n_values();
        Ok(Self {
            grid,
            convolutions: [conv(0, 1)?, conv(1, first)?, conv(2, second)?],
            mean: Linear::new(&path.join("mean"), flat, latent_dim)?,
            log_variance: Linear::new(&path.join("log_variance"), flat, latent_dim)?,
        })
    }

    /// # Shapes
    /// images `[n, 1, x, y]` or `[n, 1, 1, x, y]`, scaled -> `[n, latent_dim]` each
    ///
    /// # Errors
    /// When the shape is another.
    pub fn forward(&self, scaled: &Tensor) -> Result<Posterior> {
        let mut x = images("encoder", scaled, self.grid)?;
        for (convolution, slope) in self.convolutions.iter().zip(SLOPES) {
            x = leaky_relu(&convolution.forward(&x)?, slope)?;
        }
        let x = x.flatten_from(1)?;
        Ok(Posterior { mean: self.mean.forward(&x)?, log_variance: self.log_variance.forward(&x)? })
    }
}
