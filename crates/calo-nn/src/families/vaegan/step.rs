//! One training step: the discriminator several times, encoder and generator once.
//!
//! # Reference
//! calomplification, equation 2.1, with -log D(G(z)) for the generator.

use candle_core::Tensor;

use super::config::Config;
use super::discriminator::{Discriminator, Seen};
use super::groups::{AUTOENCODER, DISCRIMINATOR};
use super::losses::LossWeights;
use super::sampler::Autoencoder;
use crate::Result;
use crate::components::collapse;
use crate::engine::{Family, Losses, Posterior, Showers, Step, Trained};
use crate::losses::{cross_entropy_with, kld};
use crate::parameters::Parameters;

/// How far images are moved for the slope of the discriminator, in the unit of the scaling.
const SLOPE_STEP: f64 = 0.1;

/// A VAE-GAN in training.
#[derive(Debug)]
pub(super) struct VaeGan {
    autoencoder: Trained<Autoencoder>,
    discriminator: Trained<Discriminator>,
    losses: LossWeights,
    latent_dim: usize,
    n_discriminator: u64,
    standardisation_steps: u64,
}

/// Images that the discriminator is to take for generated ones, or the generator for real ones.
struct Generated {
    /// Scaled.
    images: Tensor,
    /// Reconstruction minus input, where it is a reconstruction.
    difference: Option<Tensor>,
    /// Weight of their loss.
    weight: f64,
}

impl VaeGan {
    /// Fresh networks in `parameters`.
    pub(super) fn new(config: &Config, parameters: &Parameters) -> Result<Self> {
        let Config { model, losses, schedule } = config;
        let discriminator = Trained::new(parameters, |root| {
            Discriminator::new(&root.join(DISCRIMINATOR), &model.discriminator, model.grid)
        })?;
        Ok(Self {
            autoencoder: Trained::new(parameters, |root| Autoencoder::new(root, model))?,
            discriminator,
            losses: *losses,
            latent_dim: model.latent_dim,
            n_discriminator: schedule.n_discriminator,
            standardisation_steps: model.scaling.standardisation_steps,
        })
    }

    /// Counts a batch for mean and standard deviation of the cells.
    fn see(&self, showers: &Showers) -> Result<()> {
        let autoencoder = &self.autoencoder.frozen;
        autoencoder.see(&autoencoder.scaled(&showers.cells_mev)?)
    }

    /// Reconstructions of showers, showers of the prior if they have a weight, and the distributions of the former.
    fn generate(
        &self,
        autoencoder: &Autoencoder,
        showers: &Showers,
        cx: &mut Step<'_>,
    ) -> Result<(Vec<Generated>, Posterior)> {
        let n = showers.n()?;
        let seen = autoencoder.seen(&autoencoder.scaled(&showers.cells_mev)?)?;
        let posterior = autoencoder.posterior(&seen)?;
        let images = autoencoder.generate(&posterior.sample(&cx.normal(n, self.latent_dim)?)?)?;
        let difference = (autoencoder.seen(&images)? - &seen)?;
        let mut generated = vec![Generated { images, difference: Some(difference), weight: 1.0 }];
        if self.losses.prior > 0.0 {
            let images = autoencoder.generate(&cx.normal(n, self.latent_dim)?)?;
            generated.push(Generated { images, difference: None, weight: self.losses.prior });
        }
        Ok((generated, posterior))
    }

    /// Logits of scaled images, `[n, 1, x, y]`.
    fn logits(
        &self,
        discriminator: &Discriminator,
        images: &Tensor,
        difference: Option<&Tensor>,
    ) -> Result<Tensor> {
        let seen = self.autoencoder.frozen.seen(images)?;
        discriminator.forward(&Seen { images: &seen, difference })
    }

    /// Mean cross entropy of generated images with one label for all.
    fn loss_of(&self, discriminator: &Discriminator, generated: &[Generated], label: f64) -> Result<Tensor> {
        let total: f64 = generated.iter().map(|generated| generated.weight).sum();
        let losses: Vec<Tensor> = generated
            .iter()
            .map(|Generated { images, difference, weight }| {
                let logits = self.logits(discriminator, images, difference.as_ref())?;
                Ok((cross_entropy_with(&logits, label)? * (weight / total))?)
            })
            .collect::<Result<_>>()?;
        Ok(Tensor::stack(&losses, 0)?.sum_all()?)
    }

    /// Mean square of the slope of the logits `on_real` of `real` images along a random direction each.
    ///
    /// # Shapes
    /// `real` `[n, 1, x, y]`, scaled; `on_real` `[n, 1]` -> `[]`
    fn squared_slope(
        &self,
        discriminator: &Discriminator,
        real: &Tensor,
        on_real: &Tensor,
        cx: &mut Step<'_>,
    ) -> Result<Tensor> {
        let n_cells = real.elem_count() / real.dim(0)?;
        let direction = cx.normal(real.dim(0)?, n_cells)?.reshape(real.shape())?.to_dtype(real.dtype())?;
        // No cell becomes negative, as in no shower.
        let moved = (real + (direction * SLOPE_STEP)?)?.relu()?;
        let slope = ((self.logits(discriminator, &moved, None)? - on_real)? / SLOPE_STEP)?;
        Ok(slope.sqr()?.mean_all()?)
    }

    fn train_discriminator(&self, showers: &Showers, cx: &mut Step<'_>) -> Result<()> {
        let discriminator = &self.discriminator.tracked;
        discriminator.power_iteration()?;
        let (generated, _) = self.generate(&self.autoencoder.frozen, showers, cx)?;
        let real = self.autoencoder.frozen.scaled(&showers.cells_mev)?;
        let on_real = self.logits(discriminator, &real, None)?;
        let mut loss = (cross_entropy_with(&on_real, self.losses.real_label)?
            + self.loss_of(discriminator, &generated, 0.0)?)?;
        if self.losses.r1 > 0.0 {
            let square = self.squared_slope(discriminator, &real, &on_real, cx)?;
            cx.log("discriminator_slope", &square);
            loss = (loss + (square * (0.5 * self.losses.r1))?)?;
        }
        cx.log("discriminator_loss", &loss);
        cx.log("discriminator_real", &on_real.mean_all()?);
        cx.minimise(DISCRIMINATOR, &loss)
    }

    fn train_autoencoder(&self, showers: &Showers, cx: &mut Step<'_>) -> Result<()> {
        let (generated, posterior) = self.generate(&self.autoencoder.tracked, showers, cx)?;
        let adversarial = self.loss_of(&self.discriminator.frozen, &generated, 1.0)?;
        let kld = kld(&posterior.mean, &posterior.log_variance)?;
        cx.log("generator_loss", &adversarial);
        cx.log("kld", &kld);
        if let Some(generated) = generated.last() {
            collapse::log_mean(cx, &generated.images)?;
        }
        cx.minimise(AUTOENCODER, &(adversarial + (kld * self.losses.kld)?)?)
    }
}

impl Family for VaeGan {
    fn batches_per_step(&self, _phase: &str) -> u64 {
        self.n_discriminator
    }

    fn step(&mut self, batches: &[Showers], cx: &mut Step<'_>) -> Result<()> {
        if cx.step() < self.standardisation_steps {
            batches.iter().try_for_each(|showers| self.see(showers))?;
        }
        batches.iter().try_for_each(|showers| self.train_discriminator(showers, cx))?;
        batches.last().map_or(Ok(()), |showers| self.train_autoencoder(showers, cx))
    }

    fn collapsed(&self, losses: &Losses) -> Option<String> {
        collapse::every_shower_is_empty(losses)
    }
}
