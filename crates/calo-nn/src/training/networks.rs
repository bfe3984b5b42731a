//! The networks of a BIB-AE in one store of parameters: each once to be trained and once to be applied.

use candle_core::{DType, Device, Tensor, Var};

use super::config::{CellScale, ModelConfig, Scaling};
use crate::Result;
use crate::models::bibae::{Critic, Decoder, Encoder, LatentCritic, Posterior, ProfileCritic};
use crate::models::post_processor::PostProcessor;
use crate::ops::sqrt_or_zero;
use crate::parameters::{Parameters, Path};

/// Names of the networks in checkpoints.
pub(super) const AUTOENCODER: &str = "autoencoder";
pub(super) const CRITIC: &str = "critic";
pub(super) const LATENT_CRITIC: &str = "latent_critic";
pub(super) const PROFILE_CRITIC: &str = "profile_critic";
pub(super) const POST_PROCESSOR: &str = "post_processor";

/// Encoder, decoder and post-processor, with energies in MeV and GeV on the outside, and the elements of their tensors
/// there: only the networks compute with those of the weights, which may hold less.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    scaling: Scaling,
    dtype: DType,
    encoder: Encoder,
    decoder: Decoder,
    post_processor: Option<PostProcessor>,
}

impl Generator {
    /// Built where `root` is: a tracked path to train, a frozen one to apply.
    pub(super) fn new(root: &Path<'_>, config: &ModelConfig) -> Result<Self> {
        let autoencoder = root.join(AUTOENCODER);
        let post_processor = config.post_processor.as_ref();
        let post_processor =
            post_processor.map(|config| PostProcessor::new(&root.join(POST_PROCESSOR), config));
        Ok(Self {
            scaling: config.scaling,
            dtype: root.dtype(),
            encoder: Encoder::new(&autoencoder, &config.autoencoder)?,
            decoder: Decoder::new(&autoencoder, &config.autoencoder)?,
            post_processor: post_processor.transpose()?,
        })
    }

    /// Incident energies as the networks see them.
    pub(super) fn condition(&self, energies_gev: &Tensor) -> Result<Tensor> {
        Ok((energies_gev * self.scaling.condition_per_gev)?)
    }

    /// Energies of cells as decoder, critic and post-processor have them.
    pub(super) fn scaled(&self, showers_mev: &Tensor) -> Result<Tensor> {
        Ok(match self.scaling.cells {
            CellScale::Mev => showers_mev.clone(),
            CellScale::Root => showers_mev.sqrt()?,
        })
    }

    /// Back to MeV; no energy has a root below 0, so cells that a network left there are empty.
    pub(super) fn unscaled(&self, images: &Tensor) -> Result<Tensor> {
        Ok(match self.scaling.cells {
            CellScale::Mev => images.clone(),
            CellScale::Root => images.relu()?.sqr()?,
        })
    }

    /// Scaled cells as the critic sees them, in the unit of its scores.
    pub(super) fn for_critic(&self, images: &Tensor) -> Result<Tensor> {
        let Scaling { critic_log, critic_factor, .. } = self.scaling;
        let seen = if critic_log > 0.0 { images.affine(critic_log, 1.0)?.log()? } else { images.clone() };
        #[expect(clippy::float_cmp, reason = "the published model spares the product")]
        let is_one = critic_factor == 1.0;
        Ok(if is_one { seen } else { (seen * critic_factor)? })
    }

    /// Scaled cells as the critic of the profiles sees them.
    pub(super) fn profiles(&self, critic: &ProfileCritic, images: &Tensor) -> Result<Tensor> {
        match self.scaling.cells {
            CellScale::Mev => critic.profiles(images, &sqrt_or_zero(images)?),
            CellScale::Root => critic.profiles(&images.sqr()?, images),
        }
    }

    /// # Shapes
    /// `[n, layer, x, y]`, `[n, 1]` -> `[n, encoded]` each
    pub(super) fn encode(&self, showers_mev: &Tensor, energies_gev: &Tensor) -> Result<Posterior> {
        let factor = self.scaling.encoder_log_per_mev;
        let seen =
            if factor > 0.0 { showers_mev.affine(factor, 1.0)?.log()? } else { self.scaled(showers_mev)? };
        let posterior =
            self.encoder.forward(&self.within(&seen)?, &self.within(&self.condition(energies_gev)?)?)?;
        let outside = |x: &Tensor| x.to_dtype(showers_mev.dtype());
        Ok(Posterior { mean: outside(&posterior.mean)?, log_variance: outside(&posterior.log_variance)? })
    }

    /// Scaled cells.
    ///
    /// # Shapes
    /// `[n, latent]`, `[n, 1]` -> `[n, 1, layer, x, y]`
    pub(super) fn decode(&self, z: &Tensor, energies_gev: &Tensor) -> Result<Tensor> {
        let condition = self.within(&self.condition(energies_gev)?)?;
        let images = self.decoder.forward(&self.within(z)?, &condition)?.to_dtype(z.dtype())?;
        let reference = self.scaling.decoder_reference_gev;
        if reference > 0.0 {
            let share = self.scaled(&(energies_gev / reference)?)?.reshape(((), 1, 1, 1, 1))?;
            return Ok(images.broadcast_mul(&share)?);
        }
        Ok(images)
    }

    /// Scaled cells, of any sign, from scaled cells.
    ///
    /// # Shapes
    /// `[n, 1, layer, x, y]`, `[n, 1]` -> `[n, 1, layer, x, y]`; none without a post-processor
    pub(super) fn post_process(&self, images: &Tensor, energies_gev: &Tensor) -> Result<Option<Tensor>> {
        let Some(network) = &self.post_processor else { return Ok(None) };
        let condition = self.within(&self.condition(energies_gev)?)?;
        Ok(Some(network.forward(&self.within(images)?, &condition)?.to_dtype(images.dtype())?))
    }

    /// `x` with the elements of the networks.
    fn within(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.to_dtype(self.dtype)?)
    }

    pub(super) fn has_post_processor(&self) -> bool {
        self.post_processor.is_some()
    }
}

/// All critics.
#[derive(Debug, Clone)]
pub(super) struct Critics {
    pub(super) critic: Critic,
    pub(super) latent_critic: LatentCritic,
    pub(super) profile_critic: Option<ProfileCritic>,
}

impl Critics {
    fn new(root: &Path<'_>, config: &ModelConfig) -> Result<Self> {
        let profile_critic = config.profile_critic.as_ref();
        let profile_critic =
            profile_critic.map(|config| ProfileCritic::new(&root.join(PROFILE_CRITIC), config));
        Ok(Self {
            critic: Critic::new(&root.join(CRITIC), &config.critic)?,
            latent_critic: LatentCritic::new(&root.join(LATENT_CRITIC), &config.latent_critic)?,
            profile_critic: profile_critic.transpose()?,
        })
    }
}

/// Something to train, and the same to apply without a graph.
#[derive(Debug)]
pub(super) struct Both<N> {
    pub(super) trained: N,
    pub(super) applied: N,
}

/// All networks of a training.
#[derive(Debug)]
pub(super) struct Networks {
    pub(super) parameters: Parameters,
    pub(super) generator: Both<Generator>,
    pub(super) critics: Both<Critics>,
}

impl Networks {
    pub(super) fn new(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        config.validate()?;
        let parameters = Parameters::new(seed, DType::F32, device);
        let (path, frozen) = (parameters.path(), parameters.frozen());
        let generator =
            Both { trained: Generator::new(&path, config)?, applied: Generator::new(&frozen, config)? };
        let critics = Both { trained: Critics::new(&path, config)?, applied: Critics::new(&frozen, config)? };
        Ok(Self { parameters, generator, critics })
    }

    /// The weights of one network.
    pub(super) fn weights(&self, network: &str) -> Vec<(String, Var)> {
        let mut weights = self.parameters.trainable();
        weights.retain(|(name, _)| belongs(name, network));
        weights
    }
}

/// Weights of encoder, decoder and post-processor, by name.
pub(super) fn of_generator(parameters: &Parameters) -> impl Iterator<Item = (String, Tensor)> {
    let state = parameters.state().into_iter();
    state.filter(|(name, _)| belongs(name, AUTOENCODER) || belongs(name, POST_PROCESSOR))
}

/// Whether a parameter's name is one of `network`'s.
pub(super) fn belongs(name: &str, network: &str) -> bool {
    name.strip_prefix(network).is_some_and(|rest| rest.starts_with('.'))
}
