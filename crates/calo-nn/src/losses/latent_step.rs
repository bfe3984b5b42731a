//! Latent optimisation: noise is moved before it is used, towards better scores of the critic.

use candle_core::Tensor;

use super::same_shape;
use crate::{Error, Result};

/// The natural-gradient step `alpha g / (beta + |g|^2)` of each sample, with g = `gradient` the gradient of the
/// critic's score C(G(z, E)) for z and its norm over all axes but the first.
///
/// This is the tensor form of `natural_gradient_step` of `calo-latent`, which owns the formula and works on arrays:
/// here it runs on any device and has derivatives. A test compares the two.
///
/// # Shapes
/// `gradient` `[n, ..]`; the same.
///
/// # Errors
/// [`Error::Operand`] for fewer than two axes or no elements; [`Error::Field`] unless `alpha` is finite and `beta`
/// positive and finite.
///
/// # Reference
/// Fast and accurate electromagnetic and hadronic showers, eq. 5; Wu et al., arXiv 1912.00953, section 3.2.
pub fn latent_step(gradient: &Tensor, alpha: f64, beta: f64) -> Result<Tensor> {
    if gradient.rank() < 2 || gradient.elem_count() == 0 {
        return Err(Error::operand("latent_step", "gradient", gradient.shape(), "[n, ..], none of them 0"));
    }
    positive("latent_step.beta", beta, beta > 0.0)?;
    positive("latent_step.alpha", alpha, true)?;
    let flat = gradient.flatten_from(1)?;
    let curvature = (flat.sqr()?.sum_keepdim(1)? + beta)?.recip()?;
    Ok((flat.broadcast_mul(&curvature)? * alpha)?.reshape(gradient.shape())?)
}

/// `z` after its [`latent_step`], clamped to \[-1, 1\], where the noise comes from.
///
/// # Shapes
/// `z` and `gradient` `[n, ..]`; the same.
///
/// # Errors
/// Those of [`latent_step`]; [`Error::Operand`] for different shapes.
pub fn latent_optimised(z: &Tensor, gradient: &Tensor, alpha: f64, beta: f64) -> Result<Tensor> {
    same_shape("latent_optimised", "shape of the gradient", gradient, z)?;
    Ok(z.add(&latent_step(gradient, alpha, beta)?)?.clamp(-1.0, 1.0)?)
}

fn positive(field: &str, value: f64, right: bool) -> Result<()> {
    if right && value.is_finite() {
        return Ok(());
    }
    let expected = if right { "a finite number" } else { "a positive number" };
    Err(Error::Field { field: field.to_owned(), value: value.to_string(), expected: expected.to_owned() })
}
