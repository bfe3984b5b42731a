//! One training step: of the constrainer; later the critic several times, the generator once.
//!
//! # Reference
//! fast-and-accurate-showers, section 3.2; Gulrajani et al., arXiv 1704.00028, for the critic.

use candle_core::Tensor;

use super::config::Config;
use super::constrainer::Constrainer;
use super::groups::{CONSTRAINER, CRITIC, GENERATOR};
use super::losses::LossWeights;
use super::sampler::Networks;
use super::schedule::Schedule;
use crate::Result;
use crate::components::collapse;
use crate::components::latent_optimisation::latent_optimised;
use crate::engine::{Family, Losses, Showers, Step, Trained};
use crate::losses::gradient_penalty;
use crate::parameters::Parameters;

/// A WGAN in training.
#[derive(Debug)]
pub(super) struct Wgan {
    networks: Trained<Networks>,
    losses: LossWeights,
    schedule: Schedule,
    noise: usize,
}

/// Showers of a batch as the networks see them.
struct Batch {
    /// `[n, 1, layer, x, y]`
    cells: Tensor,
    /// `[n, 1]`
    condition: Tensor,
}

impl Wgan {
    /// Fresh networks in `parameters`.
    pub(super) fn new(config: &Config, parameters: &Parameters) -> Result<Self> {
        let Config { model, losses, schedule } = config;
        Ok(Self {
            networks: Trained::new(parameters, |root| Networks::new(root, model))?,
            losses: *losses,
            schedule: schedule.clone(),
            noise: model.generator.noise,
        })
    }

    fn batch(&self, showers: &Showers) -> Result<Batch> {
        let scaling = &self.networks.frozen.scaling;
        Ok(Batch {
            cells: scaling.cells.scaled(&showers.cells_mev)?,
            condition: scaling.condition(&showers.energies_gev)?,
        })
    }

    /// Fresh noise, optimised where that is asked for.
    fn noise(&self, condition: &Tensor, cx: &mut Step<'_>) -> Result<Tensor> {
        let noise = cx.uniform(condition.dim(0)?, self.noise)?;
        let Some(settings) = &self.schedule.latent_optimisation else { return Ok(noise) };
        (0..settings.n_steps).try_fold(noise, |noise, _| {
            latent_optimised(&noise, &self.networks.frozen.gradient(&noise, condition)?, settings)
        })
    }

    /// The constrainer learns the incident energy of showers.
    fn train_constrainer(&self, showers: &Showers, cx: &mut Step<'_>) -> Result<()> {
        let Some(constrainer) = &self.networks.tracked.constrainer else { return Ok(()) };
        let Batch { cells, condition } = self.batch(showers)?;
        let error = (constrainer.estimate(&cells)? - condition)?.abs()?.mean_all()?;
        cx.log("constrainer_error", &error);
        cx.minimise(CONSTRAINER, &error)
    }

    /// The critic tells showers from generated ones.
    fn train_critic(&self, showers: &Showers, cx: &mut Step<'_>) -> Result<()> {
        let critic = &self.networks.tracked.critic;
        let Batch { cells, condition } = self.batch(showers)?;
        let noise = self.noise(&condition, cx)?;
        let generated = self.networks.frozen.generate(&noise, &condition)?;
        let score = |showers: &Tensor| critic.forward(showers, &condition);
        let distance = (score(&cells)?.mean_all()? - score(&generated)?.mean_all()?)?;
        let alpha = cx.fractions(showers.n()?)?;
        let penalty = gradient_penalty(score, &cells, &generated, &alpha, self.losses.gradient_penalty)?;
        cx.log("critic_distance", &distance);
        cx.log("critic_penalty", &penalty);
        cx.minimise(CRITIC, &(penalty - distance)?)
    }

    /// The generator learns to make showers that the critic scores high, of an energy that the constrainer finds as well as
    /// that of real ones.
    fn train_generator(&self, showers: &Showers, cx: &mut Step<'_>) -> Result<()> {
        let Networks { critic, constrainer, .. } = &self.networks.frozen;
        let batch = self.batch(showers)?;
        let noise = self.noise(&batch.condition, cx)?;
        let generated = self.networks.tracked.generate(&noise, &batch.condition)?;
        let score = critic.forward(&generated, &batch.condition)?.mean_all()?;
        cx.log("critic_score", &score);
        collapse::log_mean(cx, &generated)?;
        let mut loss = score.neg()?;
        if let Some(constrainer) = constrainer {
            let energy = energy_loss(constrainer, &batch, &generated)?;
            cx.log("energy", &energy);
            loss = (loss + (energy * self.losses.energy)?)?;
        }
        cx.minimise(GENERATOR, &loss)
    }
}

/// Mean of |(a(G) - E)^2 - (a(x) - E)^2| over generated showers G and real ones x of incident energy E.
///
/// # Reference
/// fast-and-accurate-showers, section 3.2.
fn energy_loss(constrainer: &Constrainer, real: &Batch, generated: &Tensor) -> Result<Tensor> {
    let square = |showers: &Tensor| -> Result<Tensor> {
        Ok((constrainer.forward(showers)? - &real.condition)?.sqr()?)
    };
    Ok((square(generated)? - square(&real.cells)?)?.abs()?.mean_all()?)
}

impl Family for Wgan {
    fn batches_per_step(&self, phase: &str) -> u64 {
        if phase == CONSTRAINER { 1 } else { self.schedule.n_critic }
    }

    fn step(&mut self, batches: &[Showers], cx: &mut Step<'_>) -> Result<()> {
        if cx.phase() == CONSTRAINER {
            return batches.iter().try_for_each(|showers| self.train_constrainer(showers, cx));
        }
        batches.iter().try_for_each(|showers| self.train_critic(showers, cx))?;
        batches.last().map_or(Ok(()), |showers| self.train_generator(showers, cx))
    }

    fn collapsed(&self, losses: &Losses) -> Option<String> {
        collapse::every_shower_is_empty(losses)
    }
}
