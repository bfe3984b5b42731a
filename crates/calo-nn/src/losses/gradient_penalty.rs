//! Gradient penalty: pulls the norm of a critic's gradient to 1 between real and generated showers.

use candle_core::{DType, Tensor, Var};

use super::same_shape;
use crate::autograd::input_gradient;
use crate::ops::sqrt_or_zero;
use crate::{Error, Result};

const OP: &str = "gradient_penalty";

/// `weight` times the mean over the batch of `(|g| - 1)^2`, with g the gradient of the critic's score for its input at
/// `alpha * real + (1 - alpha) * fake`, one alpha per sample.
///
/// To be differentiated for the critic's weights. `real` and `fake` get no gradient, as in a critic's step. Where g
/// is exactly 0 the norm has derivative 0: nothing becomes NaN, and the norm needs no small constant added to it.
///
/// # Shapes
/// `real` and `fake` `[n, ..]`, `alpha` `[n, 1]` or `[n]`; any score; a scalar.
///
/// # Errors
/// [`Error::Operand`] for other shapes or a score that does not depend on the input; [`Error::FirstOrderOnly`] where
/// Candle would cut second derivatives; whatever the critic returns.
///
/// # Reference
/// Gulrajani et al., arXiv 1704.00028, eq. 3.
pub fn gradient_penalty(
    critic: impl Fn(&Tensor) -> Result<Tensor>,
    real: &Tensor,
    fake: &Tensor,
    alpha: &Tensor,
    weight: f64,
) -> Result<Tensor> {
    let input = Var::from_tensor(&interpolated(real, fake, alpha)?)?;
    let gradient = input_gradient(&critic(input.as_tensor())?, &input)?;
    penalty(&gradient, weight)
}

/// [`gradient_penalty`] of a critic with several inputs, for example a shower and its reconstruction: the norm is
/// over the gradients for **all** of them together.
///
/// # Shapes
/// `real[i]` and `fake[i]` alike, `[n, ..]` with one n; the critic gets as many tensors of these shapes.
///
/// # Errors
/// Those of [`gradient_penalty`]; [`Error::Operand`] for no inputs or unequal numbers of them.
pub fn gradient_penalty_of_all(
    critic: impl Fn(&[Tensor]) -> Result<Tensor>,
    real: &[&Tensor],
    fake: &[&Tensor],
    alpha: &Tensor,
    weight: f64,
) -> Result<Tensor> {
    if real.is_empty() || real.len() != fake.len() {
        return Err(Error::operand(
            OP,
            "numbers of real and fake inputs",
            (real.len(), fake.len()),
            "as many fake as real ones, at least one",
        ));
    }
    // One variable for all inputs: one backward pass, and the gradients come out side by side.
    let mut flat = Vec::with_capacity(real.len());
    for (real, fake) in real.iter().zip(fake) {
        flat.push(interpolated(real, fake, alpha)?.flatten_from(1)?);
    }
    let joined = Var::from_tensor(&Tensor::cat(&flat, 1)?)?;
    let mut inputs = Vec::with_capacity(real.len());
    let mut start = 0;
    for (real, flat) in real.iter().zip(&flat) {
        let length = flat.dim(1)?;
        inputs.push(joined.as_tensor().narrow(1, start, length)?.reshape(real.shape())?);
        start += length;
    }
    let gradient = input_gradient(&critic(&inputs)?, &joined)?;
    penalty(&gradient, weight)
}

/// `alpha * real + (1 - alpha) * fake`, cut from whatever graph they have.
fn interpolated(real: &Tensor, fake: &Tensor, alpha: &Tensor) -> Result<Tensor> {
    same_shape(OP, "shape of fake", fake, real)?;
    let &[n, _, ..] = real.dims() else {
        return Err(Error::operand(OP, "real", real.shape(), "[n, ..] with two axes or more"));
    };
    if alpha.elem_count() != n || alpha.dims().first() != Some(&n) {
        return Err(Error::operand(OP, "alpha", alpha.shape(), format!("[{n}, 1]")));
    }
    let mut per_sample = vec![1; real.rank()];
    per_sample[0] = n;
    let alpha = alpha.detach().reshape(per_sample)?;
    let (real, fake) = (real.detach(), fake.detach());
    Ok(real.sub(&fake)?.broadcast_mul(&alpha)?.add(&fake)?)
}

fn penalty(gradient: &Tensor, weight: f64) -> Result<Tensor> {
    if !matches!(gradient.dtype(), DType::F32 | DType::F64) {
        return Err(Error::operand(OP, "element type of the gradient", gradient.dtype(), "F32 or F64"));
    }
    let norm = sqrt_or_zero(&gradient.flatten_from(1)?.sqr()?.sum(1)?)?;
    Ok((norm.affine(1.0, -1.0)?.sqr()?.mean_all()? * weight)?)
}
