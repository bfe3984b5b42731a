//! Spectral norm: a weight divided by its largest singular value, so that its layer does not amplify.
//!
//! * forward: sigma = u^T W v, with u and v from one step of power iteration per training step;
//! * gradient and gradient of that: Candle's, with u and v held constant.

use candle_core::{D, Tensor};

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
    let of_all = spectral_norm_of_each(&matrix.unsqueeze(0)?, &u.unsqueeze(0)?, &v.unsqueeze(0)?, training)?;
    Ok(SpectralNorm {
        weight: of_all.weight.reshape(weight.shape())?,
        u: of_all.u.squeeze(0)?,
        v: of_all.v.squeeze(0)?,
    })
}

/// Several matrices, each divided by its own spectral norm as in [`spectral_norm`]: the weights of a locally connected
/// layer, one matrix for each place.
///
/// # Shapes
/// `weight` `[places, co, rest]`, `u` `[places, co]`, `v` `[places, rest]`; all keep their shapes.
///
/// # Errors
/// As [`spectral_norm`].
pub fn spectral_norm_of_each(
    weight: &Tensor,
    u: &Tensor,
    v: &Tensor,
    training: bool,
) -> Result<SpectralNorm> {
    let &[places, co, rest] = weight.dims() else {
        return Err(Error::operand(OP, "weight", weight.shape(), "[places, co, rest]"));
    };
    if weight.elem_count() == 0 {
        return Err(Error::operand(OP, "weight", weight.shape(), "[places, co, rest], none of them 0"));
    }
    if u.dims() != [places, co] || v.dims() != [places, rest] {
        let expected = format!("[{places}, {co}] and [{places}, {rest}]");
        return Err(Error::operand(OP, "u and v", (u.shape(), v.shape()), expected));
    }
    let constant = weight.detach();
    // Rows and columns of their own, for products of batches of matrices.
    let (mut u, mut v) = (u.detach().unsqueeze(1)?, v.detach().unsqueeze(2)?);
    if training {
        v = normalised(&u.matmul(&constant)?)?.reshape((places, rest, 1))?;
        u = normalised(&constant.matmul(&v)?.reshape((places, 1, co))?)?;
    }
    let sigma = u.matmul(weight)?.matmul(&v)?;
    let weight = weight.broadcast_div(&sigma)?;
    Ok(SpectralNorm { weight, u: u.squeeze(1)?, v: v.squeeze(2)? })
}

/// `x / max(|x|, 1e-12)`, along the last axis.
fn normalised(x: &Tensor) -> Result<Tensor> {
    let norm = x.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?.maximum(SMALLEST_NORM)?;
    Ok(x.broadcast_div(&norm)?)
}
