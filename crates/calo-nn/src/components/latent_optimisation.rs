//! Latent optimisation on tensors: noise is moved before it is used, towards better scores of a critic.
//!
//! `calo-latent` owns settings and formula, on arrays; this form of them runs on any device and has derivatives. A test
//! compares the two.

use calo_latent::LatentOptimisation;
use candle_core::{Tensor, Var};

use crate::autograd::input_gradient;
use crate::{Error, Result};

/// The natural-gradient step `alpha g / (beta + |g|^2)` of each sample, with g = `gradient` that of the critic's score for
/// the noise and its norm over all axes but the first.
///
/// # Shapes
/// `gradient` `[n, ..]`; the same.
///
/// # Errors
/// [`Error::Operand`] for fewer than two axes or no elements; [`Error::Field`] for settings that cannot be.
///
/// # Reference
/// fast-and-accurate-showers, equation 5; Wu et al., arXiv 1912.00953, section 3.2.
pub fn latent_step(gradient: &Tensor, settings: &LatentOptimisation) -> Result<Tensor> {
    if gradient.rank() < 2 || gradient.elem_count() == 0 {
        return Err(Error::operand("latent_step", "gradient", gradient.shape(), "[n, ..], none of them 0"));
    }
    validate_latent_optimisation(settings)?;
    let flat = gradient.flatten_from(1)?;
    let curvature = (flat.sqr()?.sum_keepdim(1)? + settings.damping)?.recip()?;
    Ok((flat.broadcast_mul(&curvature)? * settings.step)?.reshape(gradient.shape())?)
}

/// `z` after its [`latent_step`], clamped to \[-1, 1\], where the noise comes from.
///
/// # Shapes
/// `z` and `gradient` `[n, ..]`; the same.
///
/// # Errors
/// Those of [`latent_step`]; [`Error::Operand`] for different shapes.
pub fn latent_optimised(z: &Tensor, gradient: &Tensor, settings: &LatentOptimisation) -> Result<Tensor> {
    if z.dims() != gradient.dims() {
        let (found, expected) = (gradient.shape(), format!("{:?}", z.shape()));
        return Err(Error::operand("latent_optimised", "shape of the gradient", found, expected));
    }
    Ok(z.add(&latent_step(gradient, settings)?)?.clamp(-1.0, 1.0)?)
}

/// The gradient, for `z`, of the sum of what `score` returns, without its graph: that of each sample's own score, as long as
/// samples do not see each other.
///
/// # Shapes
/// `z` `[n, ..]`; the same.
///
/// # Errors
/// Those of `score`.
pub(crate) fn latent_gradient(z: &Tensor, score: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let z = Var::from_tensor(&z.detach())?;
    Ok(input_gradient(&score(z.as_tensor())?, &z)?.detach())
}

/// Checks every field.
///
/// # Errors
/// [`Error::Field`] with its name.
pub(crate) fn validate_latent_optimisation(settings: &LatentOptimisation) -> Result<()> {
    settings.validate().map_err(|error| match error {
        calo_latent::Error::Parameter { name, value, expected } => {
            Error::Field { field: format!("latent_optimisation.{name}"), value, expected }
        }
        other => Error::field("latent_optimisation", other, "settings that can be"),
    })
}
