//! Our layers as Candle's modules, so that they stand beside those of `candle-nn` in one network.

use candle_core::{Module, ModuleT, Result, Tensor};

use super::{BatchNorm3d, Conv3d, ConvTranspose3d, LayerNorm, Linear, LocallyConnected, Statistics};
use crate::ops::layer_norm;

impl Module for Conv3d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(Self::forward(self, x)?)
    }
}

impl Module for ConvTranspose3d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(Self::forward(self, x)?)
    }
}

impl Module for Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(Self::forward(self, x)?)
    }
}

impl Module for LocallyConnected {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(Self::forward(self, x)?)
    }
}

impl Module for LayerNorm {
    /// The normalisation alone, without an activation.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [weight, bias] = self.affine();
        Ok(layer_norm(x, weight, bias, None)?)
    }
}

impl ModuleT for BatchNorm3d {
    /// Statistics of the batch in training, the running ones otherwise.
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        Ok(self.forward(x, if train { Statistics::Batch } else { Statistics::Running })?)
    }
}
