//! What a BIB-AE is, and how it is trained. Defaults are the published settings.

mod field;
mod losses;
mod model;
mod post_processor;

use serde::{Deserialize, Serialize};

use self::field::{Allowed, check, error, within};
pub use self::losses::{Losses, Release};
pub use self::model::{CellScale, ModelConfig, Scaling};
pub use self::post_processor::{PostProcessorLosses, PostProcessorStage, PostProcessorTraining};
use crate::Result;
use crate::optimiser::AdamConfig;

/// How the networks are trained. The default is the published schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Passes over the training showers.
    pub epochs: u32,
    /// Showers in a batch.
    pub batch_showers: usize,
    /// Steps of the critics for each of encoder and decoder.
    pub critic_steps: u32,
    /// First steps, in which the critics alone are trained: encoder and decoder then begin with scores that mean
    /// something. Scores of fresh critics can drive all cells of the decoder below its ReLU, from where it never returns.
    pub critics_first_steps: u64,
    /// Steps behind those in which the rate of encoder and decoder rises evenly to its value.
    pub warm_up_steps: u64,
    /// Whether each step of the critics takes showers of its own; else a batch serves all steps.
    pub fresh_critic_batches: bool,
    /// Adam's rates in the first epoch.
    pub rates: Rates,
    /// Factor of all rates from one epoch to the next.
    pub rate_decay: f64,
    /// Adam's decay of the mean gradient and of the mean squared gradient.
    pub betas: [f64; 2],
    /// Share of their running mean over the steps that the weights of encoder, decoder and post-processor keep in each:
    /// the mean is then what is validated and generated with. 0: the weights themselves, as published.
    pub weight_average: f64,
    /// Weights of the losses of encoder, decoder and critics.
    pub losses: Losses,
    /// Training of the post-processor, where there is one.
    pub post_processor: PostProcessorTraining,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_showers: 8,
            critic_steps: 5,
            critics_first_steps: 0,
            warm_up_steps: 0,
            fresh_critic_batches: false,
            rates: Rates::default(),
            rate_decay: 0.95,
            betas: [0.5, 0.9],
            weight_average: 0.0,
            losses: Losses::default(),
            post_processor: PostProcessorTraining::default(),
        }
    }
}

impl TrainingConfig {
    /// What the rate of encoder and decoder is multiplied with in step number `step`, which is one of theirs.
    pub(super) fn warm_up(&self, step: u64) -> f64 {
        let (nth, all) = (step.saturating_sub(self.critics_first_steps) + 1, self.warm_up_steps.max(1));
        nth.min(all) as f64 / all as f64
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) naming the first field that cannot be, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("epochs", u64::from(self.epochs)),
            ("batch_showers", self.batch_showers as u64),
            ("critic_steps", u64::from(self.critic_steps)),
        ];
        if let Some((field, value)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err(error(field, value, "at least 1"));
        }
        check("rate_decay", self.rate_decay, Allowed::AboveZero)?;
        if !(0.0..1.0).contains(&self.weight_average) {
            return Err(error("weight_average", self.weight_average, "at least 0 and less than 1"));
        }
        for config in self.rates.all().map(|rate| self.adam(rate)) {
            within("rates and betas", config.validate())?;
        }
        within("losses", self.losses.validate())?;
        within("post_processor", self.post_processor.validate())
    }

    /// Settings of Adam at `rate`.
    pub(crate) fn adam(&self, rate: f64) -> AdamConfig {
        let [beta1, beta2] = self.betas;
        AdamConfig { rate, beta1, beta2, ..AdamConfig::default() }
    }

    /// Epochs in all: those of a post-processor that is trained afterwards come behind the others.
    pub fn all_epochs(&self, has_post_processor: bool) -> u32 {
        match self.post_processor.stage {
            PostProcessorStage::After { epochs } if has_post_processor => self.epochs + epochs,
            _ => self.epochs,
        }
    }
}

/// Learning rates of Adam.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// Encoder and decoder.
    pub autoencoder: f64,
    /// Critic of the reconstruction.
    pub critic: f64,
    /// Critic of the latent variables.
    pub latent_critic: f64,
    /// Critic of the profiles.
    pub profile_critic: f64,
    /// Post-processor.
    pub post_processor: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            autoencoder: 0.5e-3,
            critic: 0.5e-3,
            latent_critic: 2e-3,
            profile_critic: 0.5e-3,
            post_processor: 0.5e-3,
        }
    }
}

impl Rates {
    /// In the order of the optimisers.
    pub(super) fn all(&self) -> [f64; 5] {
        [self.autoencoder, self.critic, self.latent_critic, self.profile_critic, self.post_processor]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_values_are_named_with_their_section() {
        let losses = Losses { kld: -1.0, ..Losses::default() };
        let config = TrainingConfig { losses, ..TrainingConfig::default() };
        let message = config.validate().unwrap_err().to_string();
        assert!(message.starts_with("field `losses.kld`: -1"), "{message}");
        let config = TrainingConfig { batch_showers: 0, ..TrainingConfig::default() };
        assert!(config.validate().unwrap_err().to_string().contains("batch_showers"));
        for weight_average in [-0.1, 1.0, f64::NAN] {
            let config = TrainingConfig { weight_average, ..TrainingConfig::default() };
            assert!(config.validate().unwrap_err().to_string().contains("weight_average"));
        }
        let release = Release { closed_factor: 0.0, first_steps: 3, steps_each: 2 };
        let losses = Losses { kld_release: Some(release), ..Losses::default() };
        let config = TrainingConfig { losses, ..TrainingConfig::default() };
        assert!(config.validate().unwrap_err().to_string().contains("losses.kld_release.closed_factor"));
        let mut model = ModelConfig::default();
        model.critic.width = 0;
        assert!(model.validate().unwrap_err().to_string().contains("critic.width"));
        model = ModelConfig::default().on_grid([30, 10, 10]);
        assert_eq!(model.critic.grid, [30, 10, 10]);
        model.validate().unwrap();
    }
}
