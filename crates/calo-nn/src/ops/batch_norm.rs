//! Unwritten.
use crate::{Error, Result};
use candle_core::Tensor;

/// Unwritten.
pub fn batch_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
) -> Result<Tensor> {
    let _ = (x, weight, bias, mean, variance);
    Err(Error::operand("batch_norm", "it", "unwritten", "code"))
}
/// Unwritten.
pub fn batch_statistics(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let _ = x;
    Err(Error::operand("softplus", "it", "unwritten", "code"))
}
