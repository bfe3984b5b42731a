//! One training step: the critics several times, encoder and decoder once, the post-processor once.
//!
//! # Reference
//! decoding-photons, section 1.2; Gulrajani et al., arXiv 1704.00028, for the critics.

use candle_core::Tensor;

use super::config::Config;
use super::generator::Generator;
use super::groups::{AUTOENCODER, CRITIC, LATENT_CRITIC, POST_PROCESSOR, PROFILE_CRITIC};
use super::losses::LossWeights;
use super::model::ModelConfig;
use super::networks::{Critic, LatentCritic, ProfileCritic};
use super::profile_moments::ProfileMoments;
use super::schedule::Schedule;
use crate::Result;
use crate::components::CellScale;
use crate::components::critics::{Judgement, PairCritic};
use crate::components::post_processor::PostProcessorStage;
use crate::engine::{Encode, Family, Losses, Showers, Step, Trained};
use crate::losses::{gaussian_mmd, gradient_penalty, kld_of_each};
use crate::ops::sqrt_or_zero;
use crate::parameters::{Parameters, Path};

/// Mean of the decoder's cells, in the decoder's unit: not a loss, but a check that its showers are not empty.
const DECODED_MEAN: &str = "decoded_mean";

/// All critics.
#[derive(Debug, Clone)]
struct Critics {
    critic: Critic,
    latent_critic: LatentCritic,
    profile_critic: Option<ProfileCritic>,
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

/// A BIB-AE in training.
#[derive(Debug)]
pub(super) struct BibAe {
    generator: Trained<Generator>,
    critics: Trained<Critics>,
    profile_moments: Option<ProfileMoments>,
    /// Those of processed showers.
    processed_moments: Option<ProfileMoments>,
    losses: LossWeights,
    schedule: Schedule,
    model: ModelConfig,
}

impl BibAe {
    /// Fresh networks in `parameters`.
    pub(super) fn new(config: &Config, parameters: &Parameters) -> Result<Self> {
        let Config { model, losses, schedule } = config;
        model.validate()?;
        let moments = |is_used: bool, name: &str| {
            let config = model.profile_moments.as_ref().filter(|_| is_used);
            config.map(|config| ProfileMoments::new(&parameters.path().join(name), config)).transpose()
        };
        let processes =
            model.post_processor.is_some() && schedule.post_processor.losses.profile_moments > 0.0;
        Ok(Self {
            profile_moments: moments(true, "profile_moments")?,
            processed_moments: moments(processes, "processed_moments")?,
            generator: Trained::new(parameters, |root| Generator::new(root, model))?,
            critics: Trained::new(parameters, |root| Critics::new(root, model))?,
            losses: losses.clone(),
            schedule: schedule.clone(),
            model: model.clone(),
        })
    }

    /// Number of latent variables.
    fn latent_dim(&self) -> usize {
        self.model.autoencoder.latent_dim
    }

    /// Latent variables and scaled reconstructions of `showers`, without a graph.
    fn reconstruct(&self, showers: &Showers, cx: &mut Step<'_>) -> Result<(Tensor, Tensor)> {
        self.reconstruct_by(&self.generator.frozen, showers, cx)
    }

    fn reconstruct_by(
        &self,
        generator: &Generator,
        showers: &Showers,
        cx: &mut Step<'_>,
    ) -> Result<(Tensor, Tensor)> {
        let energies_gev = &showers.energies_gev;
        let noise = cx.normal(showers.n()?, self.latent_dim())?;
        let z = generator.encode(&showers.cells_mev, energies_gev)?.sample(&noise)?;
        let images = generator.decode(&z, energies_gev)?;
        Ok((z, images))
    }

    /// A step of all critics.
    fn train_critics(&self, showers: &Showers, cx: &mut Step<'_>) -> Result<()> {
        let scaling = &self.generator.frozen.scaling;
        let Critics { critic, latent_critic, profile_critic } = &self.critics.tracked;
        let LossWeights { gradient_penalty: weight, .. } = self.losses;
        let n = showers.n()?;
        let (z, images) = self.reconstruct(showers, cx)?;

        let scaled = scaling.cells.scaled(&showers.cells_mev)?;
        let condition = scaling.condition(&showers.energies_gev)?;
        let seen = [scaling.for_critic(&scaled)?, scaling.for_critic(&images)?];
        let pair = PairCritic { seen: &seen, alpha: &cx.fractions(n)?, gradient_penalty: weight };
        let Judgement { distance, penalty } =
            pair.distance_and_penalty(|pair| critic.forward(&pair[0], &pair[1], &condition))?;
        cx.log("critic_distance", &distance);
        cx.log("critic_penalty", &penalty);
        cx.minimise(CRITIC, &(penalty - distance)?)?;

        let normal = cx.normal(n, self.latent_dim())?;
        let alpha = cx.fractions(n)?;
        let distance =
            (latent_critic.forward(&normal)?.mean_all()? - latent_critic.forward(&z)?.mean_all()?)?;
        let score = |z: &Tensor| Ok(latent_critic.forward(z)?.sum(1)?);
        let penalty = gradient_penalty(score, &normal, &z, &alpha, weight)?;
        cx.log("latent_critic_distance", &distance);
        cx.log("latent_critic_penalty", &penalty);
        cx.minimise(LATENT_CRITIC, &(penalty - distance)?)?;

        if let Some(critic) = profile_critic {
            let seen = [self.profiles(critic, &scaled)?, self.profiles(critic, &images)?];
            let pair = PairCritic { seen: &seen, alpha: &cx.fractions(n)?, gradient_penalty: weight };
            let Judgement { distance, penalty } =
                pair.distance_and_penalty(|pair| critic.forward(&pair[0], &pair[1], &condition))?;
            cx.log("profile_critic_distance", &distance);
            cx.log("profile_critic_penalty", &penalty);
            cx.minimise(PROFILE_CRITIC, &(penalty - distance)?)?;
        }
        if let Some(moments) = &self.profile_moments {
            moments.update(&showers.cells_mev, &scaling.cells.unscaled(&images)?, &showers.energies_gev)?;
            cx.log("profile_moments", &moments.distance()?);
        }
        Ok(())
    }

    /// A step of encoder and decoder; gives the scaled reconstructions too, without their graph.
    fn train_autoencoder(&self, showers: &Showers, cx: &mut Step<'_>) -> Result<Tensor> {
        let (generator, losses) = (&self.generator.tracked, &self.losses);
        let scaling = &generator.scaling;
        let Critics { critic, latent_critic, profile_critic } = &self.critics.frozen;
        let Showers { cells_mev, energies_gev } = showers;
        let n = showers.n()?;
        let posterior = generator.encode(cells_mev, energies_gev)?;
        let z = posterior.sample(&cx.normal(n, self.latent_dim())?)?;
        let images = generator.decode(&z, energies_gev)?;

        let condition = scaling.condition(energies_gev)?;
        let scaled = scaling.cells.scaled(cells_mev)?;
        let pair = (scaling.for_critic(&scaled)?, scaling.for_critic(&images)?);
        let score = critic.forward(&pair.0, &pair.1, &condition)?.mean_all()?;
        let latent_score = latent_critic.forward(&z)?.mean_all()?;
        let divergences = kld_of_each(&posterior.mean, &posterior.log_variance)?;
        let mmd = gaussian_mmd(&z, &cx.normal(n, self.latent_dim())?, &losses.latent_mmd_exponents)?;
        cx.log("critic_score", &score);
        cx.log("latent_critic_score", &latent_score);
        cx.log("kld", &divergences.sum_all()?);
        cx.log("latent_mmd", &mmd);
        cx.log(DECODED_MEAN, &images.detach().mean_all()?);

        let mut scores = ((score * losses.critic)? + (latent_score * losses.latent_critic)?)?;
        if let Some(critic) = profile_critic {
            let pair = (self.profiles(critic, &scaled)?, self.profiles(critic, &images)?);
            let score = critic.forward(&pair.0, &pair.1, &condition)?.mean_all()?;
            cx.log("profile_critic_score", &score);
            scores = (scores + (score * losses.profile_critic)?)?;
        }
        if let Some(moments) = &self.profile_moments {
            let loss = moments.loss(&scaling.cells.unscaled(&images)?, energies_gev)?;
            scores = (scores - (loss * losses.profile_moments)?)?;
        }
        let beta = losses.kld_of_each(cx.epoch(), cx.step(), self.model.autoencoder.n_encoded);
        let beta = Tensor::new(&beta[..], divergences.device())?.to_dtype(divergences.dtype())?;
        let divergence = (divergences * beta)?.sum_all()?;
        let loss = ((divergence + (mmd * losses.latent_mmd)?)? - scores)?;
        cx.minimise_at(AUTOENCODER, &loss, self.schedule.lr_factor(cx.step()))?;
        Ok(images.detach())
    }

    /// Reconstructions by averaged weights, behind which the post-processor will be used; none where no average is kept.
    fn averaged_images(&self, showers: &Showers, cx: &mut Step<'_>) -> Result<Option<Tensor>> {
        let Some(averaged) = cx.averaged().filter(|_| self.model.post_processor.is_some()) else {
            return Ok(None);
        };
        let generator = Generator::new(&averaged, &self.model)?;
        let (_, images) = self.reconstruct_by(&generator, showers, cx)?;
        Ok(Some(images.detach()))
    }

    /// A step of the post-processor on `images`, the scaled reconstructions of `showers`.
    fn train_post_processor(&self, showers: &Showers, images: &Tensor, cx: &mut Step<'_>) -> Result<()> {
        let generator = &self.generator.tracked;
        let Showers { cells_mev, energies_gev } = showers;
        let Some(processed) = generator.post_process(images, energies_gev)? else { return Ok(()) };
        let real = || generator.scaling.cells.scaled(cells_mev);
        let mut off = None;
        if let Some(moments) = &self.processed_moments {
            let processed_mev = generator.scaling.cells.unscaled(&processed)?;
            moments.update(cells_mev, &processed_mev, energies_gev)?;
            cx.log("post_processor_moments", &moments.distance()?);
            off = Some(moments.loss(&processed_mev, energies_gev)?);
        }
        self.schedule.post_processor.step(cx, POST_PROCESSOR, images, &processed, real, off)
    }

    /// Scaled cells as the critic of the profiles sees them.
    fn profiles(&self, critic: &ProfileCritic, images: &Tensor) -> Result<Tensor> {
        match self.generator.frozen.scaling.cells {
            CellScale::Mev => critic.profiles(images, &sqrt_or_zero(images)?),
            CellScale::Root => critic.profiles(&images.sqr()?, images),
        }
    }
}

impl Family for BibAe {
    fn batches_per_step(&self, phase: &str) -> u64 {
        let fresh = self.schedule.fresh_critic_batches && phase != POST_PROCESSOR;
        if fresh { u64::from(self.schedule.n_critic) + 1 } else { 1 }
    }

    fn step(&mut self, batches: &[Showers], cx: &mut Step<'_>) -> Result<()> {
        let Some((showers, fresh)) = batches.split_last() else { return Ok(()) };
        if cx.phase() == POST_PROCESSOR {
            let (_, images) = self.reconstruct(showers, cx)?;
            return self.train_post_processor(showers, &images, cx);
        }
        for i in 0..self.schedule.n_critic as usize {
            self.train_critics(fresh.get(i).unwrap_or(showers), cx)?;
        }
        if cx.step() < self.schedule.critic_warmup_steps {
            return Ok(());
        }
        let images = self.train_autoencoder(showers, cx)?;
        if self.schedule.post_processor.stage == PostProcessorStage::Joint {
            let images = self.averaged_images(showers, cx)?.unwrap_or(images);
            self.train_post_processor(showers, &images, cx)?;
        }
        Ok(())
    }

    /// If no cell of a batch is above the ReLU, all gradients vanish.
    fn collapsed(&self, losses: &Losses) -> Option<String> {
        let mean = losses.iter().find(|(name, _)| *name == DECODED_MEAN).map(|(_, mean)| *mean);
        (mean == Some(0.0)).then(|| "every shower of the decoder is empty".to_owned())
    }
}
