//! Kullback-Leibler divergence of the encoder's Gaussians from the standard normal.

use candle_core::Tensor;

use super::same_shape;
use crate::{Error, Result};

/// Kullback-Leibler divergence of N(`mu`, exp(`log_variance`)) from N(0, 1), in nats: [`kld_of_each`], summed over
/// latent variables.
///
/// # Shapes
/// Both `[n, variables]`; a scalar.
///
/// # Errors
/// Those of [`kld_of_each`].
pub fn kld(mu: &Tensor, log_variance: &Tensor) -> Result<Tensor> {
    Ok(kld_of_each(mu, log_variance)?.sum_all()?)
}

/// Kullback-Leibler divergence of N(`mu`, exp(`log_variance`)) from N(0, 1), in nats, of each latent variable: averaged
/// over the batch.
///
/// # Shapes
/// Both `[n, variables]`; `[variables]`.
///
/// # Errors
/// [`Error::Operand`] for other shapes or an empty batch.
///
/// # Reference
/// Kingma and Welling, arXiv 1312.6114, appendix B.
pub fn kld_of_each(mu: &Tensor, log_variance: &Tensor) -> Result<Tensor> {
    if mu.rank() != 2 {
        return Err(Error::operand("kld", "mu", mu.shape(), "[n, variables]"));
    }
    same_shape("kld", "shape of log_variance", log_variance, mu)?;
    let twice = mu.sqr()?.add(&log_variance.exp()?)?.sub(log_variance)?.affine(1.0, -1.0)?;
    Ok((twice.mean(0)? * 0.5)?)
}
