//! Encoder, decoder and post-processor, with energies in MeV and GeV as input and output.

use candle_core::{DType, Tensor};

use super::groups::{AUTOENCODER, POST_PROCESSOR};
use super::model::ModelConfig;
use super::networks::{Decoder, Encoder};
use crate::Result;
use crate::components::Scaling;
use crate::components::post_processor::PostProcessor;
use crate::engine::{Encode, LatentScore, Posterior, Prior, Sampler};
use crate::parameters::Path;

/// The networks that make showers. Only inside the networks tensors have the element type of the weights, which may be
/// less precise.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    pub(super) scaling: Scaling,
    n_encoded: usize,
    latent_dim: usize,
    dtype: DType,
    encoder: Encoder,
    decoder: Decoder,
    post_processor: Option<PostProcessor>,
}

impl Generator {
    /// The networks below `root`: a tracked path for training, a frozen one for inference.
    pub(super) fn new(root: &Path<'_>, config: &ModelConfig) -> Result<Self> {
        let autoencoder = root.join(AUTOENCODER);
        let post_processor = config.post_processor.as_ref();
        let post_processor =
            post_processor.map(|config| PostProcessor::new(&root.join(POST_PROCESSOR), config));
        Ok(Self {
            scaling: config.scaling,
            n_encoded: config.autoencoder.n_encoded,
            latent_dim: config.autoencoder.latent_dim,
            dtype: root.dtype(),
            encoder: Encoder::new(&autoencoder, &config.autoencoder)?,
            decoder: Decoder::new(&autoencoder, &config.autoencoder)?,
            post_processor: post_processor.transpose()?,
        })
    }

    /// Scaled cells.
    ///
    /// # Shapes
    /// `[n, latent_dim]`, `[n, 1]` -> `[n, 1, layer, x, y]`
    pub(super) fn decode(&self, z: &Tensor, energies_gev: &Tensor) -> Result<Tensor> {
        let condition = self.within(&self.scaling.condition(energies_gev)?)?;
        let images = self.decoder.forward(&self.within(z)?, &condition)?.to_dtype(z.dtype())?;
        let reference = self.scaling.decoder_reference_gev;
        if reference > 0.0 {
            return self.scaling.cells.sized(&images, &(energies_gev / reference)?);
        }
        Ok(images)
    }

    /// Scaled cells, of any sign, from scaled cells.
    ///
    /// # Shapes
    /// `[n, 1, layer, x, y]`, `[n, 1]` -> `[n, 1, layer, x, y]`; none without a post-processor
    pub(super) fn post_process(&self, images: &Tensor, energies_gev: &Tensor) -> Result<Option<Tensor>> {
        let Some(network) = &self.post_processor else { return Ok(None) };
        let condition = self.within(&self.scaling.condition(energies_gev)?)?;
        Ok(Some(network.forward(&self.within(images)?, &condition)?.to_dtype(images.dtype())?))
    }

    /// `x` in the element type of the networks.
    fn within(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.to_dtype(self.dtype)?)
    }
}

impl Encode for Generator {
    fn n_encoded(&self) -> usize {
        self.n_encoded
    }

    fn encode(&self, showers_mev: &Tensor, energies_gev: &Tensor) -> Result<Posterior> {
        let seen = self.within(&self.scaling.for_encoder(showers_mev)?)?;
        let condition = self.within(&self.scaling.condition(energies_gev)?)?;
        let posterior = self.encoder.forward(&seen, &condition)?;
        let outside = |x: &Tensor| x.to_dtype(showers_mev.dtype());
        Ok(Posterior { mean: outside(&posterior.mean)?, log_variance: outside(&posterior.log_variance)? })
    }
}

impl Sampler for Generator {
    fn prior(&self) -> Prior {
        Prior::Normal(self.latent_dim)
    }

    fn stages(&self) -> &'static [&'static str] {
        if self.post_processor.is_some() { &["decoder", "post-processor"] } else { &["decoder"] }
    }

    fn sample(&self, z: &Tensor, energies_gev: &Tensor, n_stages: usize) -> Result<Vec<Tensor>> {
        let mut showers = vec![self.scaling.cells.unscaled(&self.decode(z, energies_gev)?)?];
        if n_stages > 1 {
            // From MeV, as if the next stage read the showers from a file.
            let images = self.scaling.cells.scaled(&showers[0])?;
            if let Some(processed) = self.post_process(&images, energies_gev)? {
                showers.push(self.scaling.cells.unscaled(&processed)?);
            }
        }
        Ok(showers)
    }

    fn encoder(&self) -> Option<&dyn Encode> {
        Some(self)
    }

    fn latent_score(&self) -> Result<&dyn LatentScore, &'static str> {
        Err("its critic judges a shower beside the one that it was encoded from")
    }
}
