//! Binary cross-entropy of logits, in the form that never overflows.

use candle_core::Tensor;

use super::{mean, same_shape};
use crate::Result;
use crate::ops::softplus;

/// Mean binary cross-entropy of `logits` with `targets` (1 for real, 0 for generated, or smoothed labels):
/// the mean over all elements of `softplus(logit) - target * logit`.
///
/// Finite for any finite logit. PyTorch's `binary_cross_entropy_with_logits`.
///
/// # Shapes
/// `logits` and `targets` alike; a scalar.
///
/// # Errors
/// [`crate::Error::Operand`] for different shapes or no elements; Candle's for different element types.
///
/// # Reference
/// Goodfellow et al., arXiv 1406.2661, eq. 1.
pub fn binary_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    same_shape("binary_cross_entropy", "shape of the targets", targets, logits)?;
    mean(&softplus(logits)?.sub(&logits.mul(targets)?)?)
}

/// [`binary_cross_entropy`] of `logits` with one target for all.
///
/// # Shapes
/// any; a scalar.
///
/// # Errors
/// As [`binary_cross_entropy`].
pub fn cross_entropy_with(logits: &Tensor, target: f64) -> Result<Tensor> {
    binary_cross_entropy(logits, &logits.ones_like()?.affine(target, 0.0)?)
}
