//! Maximum mean discrepancy of two sets of points under Gaussian kernels.

use candle_core::{DType, Tensor};

use crate::{Error, Result};

/// Squared maximum mean discrepancy of the rows of `x` and `y`, summed over the kernels exp(-a d^2), one for each a of
/// `exponents` (1 and 0.01 for the latent space of decoding-photons), d^2 being the squared distance over all columns.
///
/// The estimator is the biased one (pairs of a row with itself count), as in the papers: never negative.
///
/// # Shapes
/// `x` `[n, d]`, `y` `[m, d]`; a scalar.
///
/// # Errors
/// [`Error::Operand`] for other shapes, empty sets, or no exponent.
///
/// # Reference
/// Gretton et al., JMLR 13 (2012) 723, eq. 5.
pub fn gaussian_mmd(x: &Tensor, y: &Tensor, exponents: &[f64]) -> Result<Tensor> {
    const OP: &str = "gaussian_mmd";
    let &[n, d] = x.dims() else {
        return Err(Error::operand(OP, "x", x.shape(), "[n, d]"));
    };
    let &[m, found] = y.dims() else {
        return Err(Error::operand(OP, "y", y.shape(), format!("[m, {d}]")));
    };
    if n == 0 || m == 0 || d == 0 || found != d {
        return Err(Error::operand(
            OP,
            "the pair of sets",
            (x.shape(), y.shape()),
            "[n, d] and [m, d], none empty",
        ));
    }
    if exponents.is_empty() {
        return Err(Error::operand(OP, "number of exponents", 0, "at least 1"));
    }
    // With both sets as one, weighted 1/n and -1/m, the three sums over pairs are one: w^T K w.
    let (weights, others) = weights(n, m, x)?;
    let squares = squared_distances(&Tensor::cat(&[x, y], 0)?, &others)?;
    let mut kernels = squares.affine(-exponents[0], 0.0)?.exp()?;
    for &a in &exponents[1..] {
        kernels = kernels.add(&squares.affine(-a, 0.0)?.exp()?)?;
    }
    Ok(kernels.mul(&weights)?.sum_all()?)
}

/// Weights of the pairs, and a matrix that is 0 on the diagonal and 1 elsewhere: both `[n + m, n + m]`.
fn weights(n: usize, m: usize, like: &Tensor) -> Result<(Tensor, Tensor)> {
    let (device, dtype) = (like.device(), like.dtype());
    let share = |i: usize| if i < n { 1.0 / n as f64 } else { -1.0 / m as f64 };
    let w = Tensor::from_iter((0..n + m).map(share), device)?;
    let weights = w.unsqueeze(1)?.broadcast_mul(&w.unsqueeze(0)?)?.to_dtype(dtype)?;
    let others = Tensor::eye(n + m, DType::F64, device)?.affine(-1.0, 1.0)?.to_dtype(dtype)?;
    Ok((weights, others))
}

/// Squared distances of the rows of `z` `[n, d]` as |a|^2 + |b|^2 - 2 a.b, `[n, n]`: no `[n, n, d]` is formed.
///
/// `others` makes the distance of a row to itself exactly 0, where rounding would show most.
fn squared_distances(z: &Tensor, others: &Tensor) -> Result<Tensor> {
    let norms = z.sqr()?.sum_keepdim(1)?;
    let products = z.matmul(&z.t()?)?;
    Ok(norms.broadcast_add(&norms.t()?)?.sub(&(products * 2.0)?)?.mul(others)?)
}
