//! Normalisation of each channel of each shower over its cells.

use candle_core::Tensor;

use crate::Result;
use crate::ops::{FusedOps, layer_norm};
use crate::parameters::{Init, Path};

/// PyTorch's `LayerNorm` over the trailing axes: parameters `weight` and `bias` of their shape, shared by all channels.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    /// A layer over trailing axes of `shape`.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn new(path: &Path<'_>, shape: &[usize]) -> Result<Self> {
        Ok(Self {
            weight: path.parameter("weight", shape, Init::Constant(1.0))?,
            bias: path.parameter("bias", shape, Init::Constant(0.0))?,
        })
    }

    /// Normalises, then LeakyReLU(`slope`): 0 is ReLU.
    ///
    /// # Errors
    /// When the trailing axes of `x` are others.
    pub fn forward(&self, x: &Tensor, slope: f64) -> Result<Tensor> {
        layer_norm(x, &self.weight, &self.bias, Some(slope))
    }

    /// [`Self::forward`] of what `chain` has come to.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn append(&self, chain: &mut FusedOps, slope: f64) -> Result<()> {
        chain.normalise(&self.weight, &self.bias, slope)
    }

    /// Scale and shift of each cell.
    pub fn affine(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }
}
