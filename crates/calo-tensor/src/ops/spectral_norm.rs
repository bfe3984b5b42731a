//! Spectral norm: a weight divided by its largest singular value, so that its layer does not amplify.
//!
//! * forward: sigma = u^T W v, with u and v from one step of power iteration per training step;
//! * gradient and gradient of that: Candle's, with u and v held constant.

use candle_core::Tensor;

use crate::{Error, Result};

const OP: &str = "spectral_norm";

/// The least a vector is divided by, PyTorch's.
const SMALLEST_NORM: f64 = 1e-12;

/// A weight after [`spectral_norm`], and the state for the next call.
#[derive(Debug, Clone)]
pub struct SpectralNorm {
    /// The weight divided by its spectral norm.
    pub weight: Tensor,
    /// Estimate of the left singular vector, `[co]`; state, without gradient.
    pub u: Tensor,
    /// Estimate of the right singular vector; state, without gradient.
    pub v: Tensor,
}

/// `weight` divided by its spectral norm, the weight being seen as a matrix `[co, rest]`.
///
/// In training one step of power iteration renews u and v first: v = W^T u and u = W v, each normalised; in evaluation
/// they are used as they are. Keep what comes back for the next call. PyTorch's `torch.nn.utils.spectral_norm`, whose
/// buffers are `weight_u` and `weight_v`. Begin with u and v drawn from a normal distribution and normalised. A weight
/// of zeros alone has no spectral norm and gives NaN.
///
/// # Shapes
/// `weight` `[co, ..]`, `u` `[co]`, `v` `[rest]`; the weight keeps its shape.
///
/// # Errors
/// [`Error::Operand`] for shapes that do not fit, or empty ones.
///
/// # Reference
/// Miyato et al., arXiv 1802.05957, algorithm 1.
pub fn spectral_norm(weight: &Tensor, u: &Tensor, v: &Tensor, training: bool) -> Result<SpectralNorm> {
    if weight.rank() < 2 || weight.elem_count() == 0 {
        return Err(Error::operand(OP, "weight", weight.shape(), "[co, ..], none of them 0"));
    }
    let matrix = weight.flatten_from(1)?;
    let (co, rest) = matrix.dims2()?;
    if u.dims() != [co] || v.dims() != [rest] {
        return Err(Error::operand(OP, "u and v", (u.shape(), v.shape()), format!("[{co}] and [{rest}]")));
    }
    let constant = matrix.detach();
    let (mut u, mut v) = (u.detach(), v.detach());
    if training {
        v = normalised(&u.unsqueeze(0)?.matmul(&constant)?.squeeze(0)?)?;
        u = normalised(&constant.matmul(&v.unsqueeze(1)?)?.squeeze(1)?)?;
    }
    let sigma = u.unsqueeze(0)?.matmul(&matrix)?.matmul(&v.unsqueeze(1)?)?;
    let weight = matrix.broadcast_div(&sigma)?.reshape(weight.shape())?;
    Ok(SpectralNorm { weight, u, v })
}

/// `x / max(|x|, 1e-12)`.
fn normalised(x: &Tensor) -> Result<Tensor> {
    let norm = x.sqr()?.sum_keepdim(0)?.sqrt()?.maximum(SMALLEST_NORM)?;
    Ok(x.broadcast_div(&norm)?)
}
