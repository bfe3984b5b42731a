//! Latent variables to showers.

use candle_core::Tensor;

use super::autoencoder_config::{AutoencoderConfig, SLOPE};
use crate::components::check_condition;
use crate::engine::Grid;
use crate::layers::{Conv3d, ConvConfig, ConvTranspose3d, LayerNorm, Linear};
use crate::ops::{FusedOps, leaky_relu};
use crate::parameters::{Init, Path};
use crate::{Error, Result};

/// Fully connected layers to a third of the grid, two transposed convolutions to twice the grid, and convolutions at
/// the grid itself.
///
/// # Reference
/// decoding-photons, figure 1; sizes from the published model.
#[derive(Debug, Clone)]
pub struct Decoder {
    latent: usize,
    start: Grid,
    width: usize,
    connected: [Linear; 3],
    deconvolutions: [(ConvTranspose3d, LayerNorm); 2],
    convolutions: Vec<(Conv3d, Between)>,
    last: (Conv3d, Option<Linear>),
}

/// The operation between a convolution and its activation.
#[derive(Debug, Clone)]
enum Between {
    /// Normalisation over the cells.
    Norm(LayerNorm),
    /// A shift of each channel, linear in the incident energy.
    Shift(Linear),
}

/// Shifts of the channels of the `i`-th convolution.
fn shift(path: &Path<'_>, i: usize, channels: usize) -> Result<Linear> {
    Linear::zero(&path.join(format_args!("shift{i}")), 1, channels)
}

impl Decoder {
    /// A decoder of `config`.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &AutoencoderConfig) -> Result<Self> {
        config.validate()?;
        let (f, grid) = (config.width, config.grid);
        let start = grid.map(|cells| cells.div_ceil(3));
        let mut to_grid = ConvConfig::cubic(f, 3, 3, 1);
        for axis in 0..3 {
            // With a stride of three, any number of cells can be reached.
            to_grid.output_padding[axis] = grid[axis] - (3 * (start[axis] - 1) + 1);
        }
        let to_double = ConvConfig { output_padding: [1; 3], ..ConvConfig::cubic(2 * f, 3, 2, 1) };
        let layers = [
            ConvConfig::cubic(f, 2, 2, 0),
            ConvConfig::cubic(2 * f, 3, 1, 1),
            ConvConfig::cubic(4 * f, 3, 1, 1),
            ConvConfig::cubic(2 * f, 3, 1, 1),
        ];
        let mut channels = to_double.channels;
        let mut convolutions = Vec::with_capacity(layers.len());
        for (i, &layer) in layers.iter().enumerate() {
            let at = path.join(format_args!("conv{i}"));
            convolutions.push(if config.decoder_layer_norm {
                let norm = LayerNorm::new(&path.join(format_args!("bnco{i}")), &grid)?;
                (Conv3d::new(&at, channels, layer)?, Between::Norm(norm))
            } else {
                // Without normalisation only the weights set the scale of the output.
                let convolution = Conv3d::with_init(&at, channels, layer, Init::KaimingNormal)?;
                (convolution, Between::Shift(shift(path, i, layer.channels)?))
            });
            channels = layer.channels;
        }
        let last = Conv3d::new(&path.join("conv4"), channels, ConvConfig::cubic(1, 3, 1, 1))?;
        let last_shift = (!config.decoder_layer_norm).then(|| shift(path, layers.len(), 1)).transpose()?;
        let flat = f * start.iter().product::<usize>();
        let double = to_double.transposed_size(grid)?;
        Ok(Self {
            latent: config.latent_dim,
            start,
            width: f,
            connected: [
                Linear::new(&path.join("cond1"), config.latent_dim + 1, config.bottleneck)?,
                Linear::new(&path.join("cond2"), config.bottleneck, config.hidden)?,
                Linear::new(&path.join("cond3"), config.hidden, flat)?,
            ],
            deconvolutions: [
                (
                    ConvTranspose3d::new(&path.join("deconv1"), f, to_grid)?,
                    LayerNorm::new(&path.join("bnde1"), &grid)?,
                ),
                (
                    ConvTranspose3d::new(&path.join("deconv2"), f, to_double)?,
                    LayerNorm::new(&path.join("bnde2"), &double)?,
                ),
            ],
            convolutions,
            last: (last, last_shift),
        })
    }

    /// # Shapes
    /// z `[n, latent]`, condition `[n, 1]` -> showers `[n, 1, layer, x, y]`, none negative
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, z: &Tensor, condition: &Tensor) -> Result<Tensor> {
        check_condition("decoder", z, condition)?;
        if z.dims().len() != 2 || z.dim(1)? != self.latent {
            return Err(Error::operand(
                "decoder",
                "latent variables",
                z.dims(),
                format!("[n, {}]", self.latent),
            ));
        }
        let mut x = Tensor::cat(&[z, condition], 1)?;
        for layer in &self.connected {
            x = leaky_relu(&layer.forward(&x)?, SLOPE)?;
        }
        let [layers, nx, ny] = self.start;
        let mut chain = FusedOps::new(&x.reshape(((), self.width, layers, nx, ny))?)?;
        for (deconvolution, norm) in &self.deconvolutions {
            deconvolution.append(&mut chain)?;
            norm.append(&mut chain, SLOPE)?;
        }
        for (convolution, between) in &self.convolutions {
            match between {
                Between::Norm(norm) => {
                    convolution.append(&mut chain)?;
                    norm.append(&mut chain, SLOPE)?;
                }
                Between::Shift(shift) => {
                    convolution.append_shifted(&mut chain, &shift.forward(condition)?)?;
                    chain.leaky_relu(SLOPE)?;
                }
            }
        }
        match &self.last {
            (last, None) => last.append(&mut chain)?,
            (last, Some(shift)) => last.append_shifted(&mut chain, &shift.forward(condition)?)?,
        }
        chain.leaky_relu(0.0)?;
        chain.finish()
    }
}
