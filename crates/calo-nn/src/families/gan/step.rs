//! One training step: the discriminator once, the generator once.
//!
//! # Reference
//! fast-and-accurate-showers, section 3.1; Goodfellow et al., arXiv 1406.2661, with the non-saturating loss of the
//! generator.

use candle_core::Tensor;

use super::discriminator::Discriminator;
use super::generator::Generator;
use super::groups::{DISCRIMINATOR, GENERATOR};
use super::model::ModelConfig;
use crate::Result;
use crate::components::{EnergyScaling, collapse};
use crate::engine::{Family, Losses, Showers, Step, Trained};
use crate::layers::Statistics;
use crate::losses::cross_entropy_with;
use crate::parameters::Parameters;

/// A GAN in training.
#[derive(Debug)]
pub(super) struct Gan {
    generator: Trained<Generator>,
    discriminator: Trained<Discriminator>,
    noise: usize,
    scaling: EnergyScaling,
}

impl Gan {
    /// Fresh networks in `parameters`.
    pub(super) fn new(config: &ModelConfig, parameters: &Parameters) -> Result<Self> {
        let ModelConfig { grid, generator, discriminator, scaling } = config;
        Ok(Self {
            noise: generator.noise,
            scaling: *scaling,
            generator: Trained::new(parameters, |root| {
                Generator::new(&root.join(GENERATOR), generator, *grid)
            })?,
            discriminator: Trained::new(parameters, |root| {
                Discriminator::new(&root.join(DISCRIMINATOR), discriminator, *grid)
            })?,
        })
    }

    /// Fresh showers of `generator`, in the unit that the networks work in.
    fn generate(&self, generator: &Generator, condition: &Tensor, cx: &mut Step<'_>) -> Result<Tensor> {
        let noise = cx.uniform(condition.dim(0)?, self.noise)?;
        self.scaling.sized(generator.forward(&noise, condition, Statistics::Batch)?, condition)
    }

    /// The discriminator tells showers from generated ones.
    fn train_discriminator(&self, real: &Tensor, condition: &Tensor, cx: &mut Step<'_>) -> Result<()> {
        let generated = self.generate(&self.generator.frozen, condition, cx)?;
        // Separate batches: real and generated showers have different statistics.
        let logits = |showers| self.discriminator.tracked.forward(showers, condition, Statistics::Batch);
        let (on_real, on_generated) = (logits(real)?, logits(&generated)?);
        let loss = (cross_entropy_with(&on_real, 1.0)? + cross_entropy_with(&on_generated, 0.0)?)?;
        cx.log("discriminator_loss", &loss);
        cx.log("discriminator_real", &on_real.mean_all()?);
        cx.log("discriminator_generated", &on_generated.mean_all()?);
        cx.minimise(DISCRIMINATOR, &loss)
    }

    /// The generator learns to make showers that the discriminator takes for real.
    fn train_generator(&self, condition: &Tensor, cx: &mut Step<'_>) -> Result<()> {
        let generated = self.generate(&self.generator.tracked, condition, cx)?;
        let logits = self.discriminator.frozen.forward(&generated, condition, Statistics::Batch)?;
        let loss = cross_entropy_with(&logits, 1.0)?;
        cx.log("generator_loss", &loss);
        collapse::log_mean(cx, &generated)?;
        cx.minimise(GENERATOR, &loss)
    }
}

impl Family for Gan {
    fn step(&mut self, batches: &[Showers], cx: &mut Step<'_>) -> Result<()> {
        let [Showers { cells_mev, energies_gev }] = batches else { return Ok(()) };
        let condition = self.scaling.condition(energies_gev)?;
        self.train_discriminator(&self.scaling.cells.scaled(cells_mev)?, &condition, cx)?;
        self.train_generator(&condition, cx)
    }

    fn collapsed(&self, losses: &Losses) -> Option<String> {
        collapse::every_shower_is_empty(losses)
    }
}
