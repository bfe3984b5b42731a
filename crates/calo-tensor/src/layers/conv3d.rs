//! 3-D convolutions and their transposes.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::ops::{FusedOps, conv_transpose3d, conv3d};
use crate::parameters::{Init, Path};
use crate::{Error, Result};

/// Output channels and shape of a convolution, per axis [layer, x, y].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvConfig {
    /// Channels that come out.
    pub channels: usize,
    /// Taps per axis.
    pub kernel: [usize; 3],
    /// Step per axis.
    #[serde(default = "ones")]
    pub stride: [usize; 3],
    /// Zeros added at both ends of each axis; taken away from the result of a transposed convolution.
    #[serde(default)]
    pub padding: [usize; 3],
    /// Cells added at the far end of each axis of the result; transposed convolutions alone.
    #[serde(default)]
    pub output_padding: [usize; 3],
}

fn ones() -> [usize; 3] {
    [1; 3]
}

impl ConvConfig {
    /// The same kernel, stride and padding along every axis.
    pub const fn cubic(channels: usize, kernel: usize, stride: usize, padding: usize) -> Self {
        Self {
            channels,
            kernel: [kernel; 3],
            stride: [stride; 3],
            padding: [padding; 3],
            output_padding: [0; 3],
        }
    }

    /// A convolution with these three per axis.
    pub const fn new(channels: usize, kernel: [usize; 3], stride: [usize; 3], padding: [usize; 3]) -> Self {
        Self { channels, kernel, stride, padding, output_padding: [0; 3] }
    }

    /// Size of the result of a convolution of `size` cells.
    ///
    /// # Errors
    /// [`Error::Field`] when a kernel or stride is zero, or a kernel is longer than the padded axis.
    pub fn size(&self, size: [usize; 3]) -> Result<[usize; 3]> {
        self.check()?;
        let mut out = [0; 3];
        for axis in 0..3 {
            let padded = size[axis] + 2 * self.padding[axis];
            let Some(room) = padded.checked_sub(self.kernel[axis]) else {
                return Err(Error::Field {
                    field: "kernel".to_owned(),
                    value: format!("{:?} on {size:?} cells with padding {:?}", self.kernel, self.padding),
                    expected: "a kernel that fits the padded cells along each axis".to_owned(),
                });
            };
            out[axis] = room / self.stride[axis] + 1;
        }
        Ok(out)
    }

    /// Size of the result of a transposed convolution of `size` cells.
    ///
    /// # Errors
    /// [`Error::Field`] when a kernel or stride is zero, or nothing is left of an axis.
    pub fn transposed_size(&self, size: [usize; 3]) -> Result<[usize; 3]> {
        self.check()?;
        let mut out = [0; 3];
        for axis in 0..3 {
            let full =
                (size[axis].max(1) - 1) * self.stride[axis] + self.kernel[axis] + self.output_padding[axis];
            out[axis] = match full.checked_sub(2 * self.padding[axis]) {
                Some(left) if left > 0 => left,
                _ => {
                    return Err(Error::Field {
                        field: "padding".to_owned(),
                        value: format!("{:?} of {full} cells along axis {axis}", self.padding),
                        expected: "a padding that leaves cells".to_owned(),
                    });
                }
            };
        }
        Ok(out)
    }

    fn check(&self) -> Result<()> {
        let positive = |field: &str, values: &[usize]| {
            if values.contains(&0) {
                return Err(Error::Field {
                    field: field.to_owned(),
                    value: format!("{values:?}"),
                    expected: "positive numbers".to_owned(),
                });
            }
            Ok(())
        };
        positive("channels", &[self.channels])?;
        positive("kernel", &self.kernel)?;
        positive("stride", &self.stride)
    }
}

/// A convolution as PyTorch's `Conv3d`: parameters `weight` `[out, in, kernel]` and perhaps `bias` `[out]`.
#[derive(Debug, Clone)]
pub struct Conv3d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvConfig,
}

impl Conv3d {
    /// A layer of `n_in` channels, without bias.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn new(path: &Path<'_>, n_in: usize, config: ConvConfig) -> Result<Self> {
        Self::with_init(path, n_in, config, Init::Conv)
    }

    /// A layer of `n_in` channels, without bias, its weight drawn from `init`.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn with_init(path: &Path<'_>, n_in: usize, config: ConvConfig, init: Init) -> Result<Self> {
        let [k0, k1, k2] = config.kernel;
        let weight = path.parameter("weight", &[config.channels, n_in, k0, k1, k2], init)?;
        Ok(Self { weight, bias: None, config })
    }

    /// A layer of `n_in` channels, with bias.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn with_bias(path: &Path<'_>, n_in: usize, config: ConvConfig) -> Result<Self> {
        let fan_in = n_in * config.kernel.iter().product::<usize>();
        let layer = Self::new(path, n_in, config)?;
        let bias = path.parameter("bias", &[config.channels], Init::Bias { fan_in })?;
        Ok(Self { bias: Some(bias), ..layer })
    }

    /// # Shapes
    /// `[n, in, layer, x, y]` -> `[n, out, layer', x', y']`
    ///
    /// # Errors
    /// When `x` has other channels or fewer cells than the kernel needs.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        conv3d(x, &self.weight, self.bias.as_ref(), self.config.stride, self.config.padding)
    }

    /// [`Self::forward`] of what `chain` has come to.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn append(&self, chain: &mut FusedOps) -> Result<()> {
        self.append_with(chain, self.bias.as_ref())
    }

    /// The same with a bias `[n, out]` for each shower and channel instead of the layer's own.
    ///
    /// # Errors
    /// As [`Self::forward`], and for other shifts.
    pub fn append_shifted(&self, chain: &mut FusedOps, shifts: &Tensor) -> Result<()> {
        self.append_with(chain, Some(shifts))
    }

    fn append_with(&self, chain: &mut FusedOps, bias: Option<&Tensor>) -> Result<()> {
        let ConvConfig { stride, padding, .. } = self.config;
        let convolution = conv3d::Conv3d::convolution(chain.last(), &self.weight, stride, padding)?;
        chain.convolve(convolution, &self.weight, bias)
    }

    /// Weight, `[out, in, kernel]`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// Bias, `[out]`.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }
}

/// A transposed convolution as PyTorch's `ConvTranspose3d`, without bias: parameter `weight` `[in, out, kernel]`.
#[derive(Debug, Clone)]
pub struct ConvTranspose3d {
    weight: Tensor,
    config: ConvConfig,
}

impl ConvTranspose3d {
    /// A layer of `n_in` channels.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn new(path: &Path<'_>, n_in: usize, config: ConvConfig) -> Result<Self> {
        let [k0, k1, k2] = config.kernel;
        let weight = path.parameter("weight", &[n_in, config.channels, k0, k1, k2], Init::Conv)?;
        Ok(Self { weight, config })
    }

    /// # Shapes
    /// `[n, in, layer, x, y]` -> `[n, out, layer', x', y']`
    ///
    /// # Errors
    /// When `x` has other channels.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let ConvConfig { stride, padding, output_padding, .. } = self.config;
        conv_transpose3d(x, &self.weight, None, stride, padding, output_padding)
    }

    /// [`Self::forward`] of what `chain` has come to.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn append(&self, chain: &mut FusedOps) -> Result<()> {
        let ConvConfig { stride, padding, output_padding, .. } = self.config;
        let transposed =
            conv3d::Conv3d::transposed(chain.last(), &self.weight, stride, padding, output_padding)?;
        chain.convolve(transposed, &self.weight, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_published_networks() {
        let cubic = ConvConfig::cubic;
        assert_eq!(cubic(1, 4, 2, 2).size([30; 3]).unwrap(), [16; 3]);
        assert_eq!(cubic(1, 3, 2, 0).size([14; 3]).unwrap(), [6; 3]);
        assert_eq!(cubic(1, 3, 1, 2).transposed_size([32; 3]).unwrap(), [30; 3]);
        let deconvolution = ConvConfig { output_padding: [2; 3], ..cubic(1, 3, 3, 1) };
        assert_eq!(deconvolution.transposed_size([10; 3]).unwrap(), [30; 3]);
        assert_eq!(ConvConfig::new(1, [10, 3, 3], [1; 3], [0; 3]).size([48, 13, 13]).unwrap(), [39, 11, 11]);
    }

    #[test]
    fn impossible_shapes_are_named() {
        let message = ConvConfig::cubic(1, 4, 1, 0).size([3, 9, 9]).unwrap_err().to_string();
        assert!(message.contains("kernel") && message.contains("[3, 9, 9]"), "{message}");
        let message = ConvConfig::cubic(1, 4, 0, 0).size([9; 3]).unwrap_err().to_string();
        assert!(message.contains("stride"), "{message}");
        let message = ConvConfig::cubic(1, 1, 1, 3).transposed_size([2; 3]).unwrap_err().to_string();
        assert!(message.contains("padding"), "{message}");
    }
}
