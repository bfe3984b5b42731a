//! 3-D convolution.
use crate::{Error, Result};
use candle_core::Tensor;

/// Convolution.
pub fn conv3d(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 3],
    padding: [usize; 3],
) -> Result<Tensor> {
    let _ = (x, w, bias, stride, padding);
    Err(Error::operand("conv3d", "it", "unwritten", "code"))
}
/// Transposed convolution.
pub fn conv_transpose3d(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 3],
    padding: [usize; 3],
    output_padding: [usize; 3],
) -> Result<Tensor> {
    let _ = (x, w, bias, stride, padding, output_padding);
    Err(Error::operand("conv3d", "it", "unwritten", "code"))
}
/// Gradient of the weight.
pub fn conv3d_weight_gradient(
    x: &Tensor,
    gy: &Tensor,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
) -> Result<Tensor> {
    let _ = (x, gy, kernel, stride, padding);
    Err(Error::operand("conv3d", "it", "unwritten", "code"))
}
