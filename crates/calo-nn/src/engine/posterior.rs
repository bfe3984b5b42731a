//! The distribution of latent variables that an encoder predicts.

use candle_core::Tensor;

use crate::Result;

/// Normal distributions of the encoded latent variables, one per shower.
#[derive(Debug, Clone)]
pub struct Posterior {
    /// Means, `[n, encoded]`.
    pub mean: Tensor,
    /// Logarithms of the variances, `[n, encoded]`.
    pub log_variance: Tensor,
}

impl Posterior {
    /// Latent variables of the showers: `mean + sigma * noise` for the encoded ones, the noise itself for the others.
    ///
    /// # Shapes
    /// noise `[n, latent]`, drawn from N(0, 1) -> `[n, latent]`
    ///
    /// # Errors
    /// When the noise has fewer variables than are encoded, or other showers.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        let (encoded, latent) = (self.mean.dim(1)?, noise.dim(1)?);
        let sigma = (&self.log_variance * 0.5)?.exp()?;
        let z = (&self.mean + (sigma * noise.narrow(1, 0, encoded)?)?)?;
        if latent == encoded {
            return Ok(z);
        }
        Ok(Tensor::cat(&[&z, &noise.narrow(1, encoded, latent - encoded)?], 1)?)
    }
}
