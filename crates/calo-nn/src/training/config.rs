//! What a BIB-AE is, and how it is trained. Defaults are the published settings.

use serde::{Deserialize, Serialize};

use super::networks::{CRITIC, LATENT_CRITIC, PROFILE_CRITIC};
use crate::losses::SortedMmd;
use crate::models::Grid;
use crate::models::bibae::{BibAeConfig, CriticConfig, LatentCriticConfig, ProfileCriticConfig};
use crate::models::post_processor::PostProcessorConfig;
use crate::optimiser::AdamConfig;
use crate::{Error, Result};

/// The networks of a BIB-AE. All live on the grid of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Cells along layer, x, y: [`ModelConfig::on_grid`] passes them on to the networks.
    pub grid: Grid,
    /// Encoder and decoder.
    pub autoencoder: BibAeConfig,
    /// Critic of the reconstruction.
    pub critic: CriticConfig,
    /// Critic of the latent variables.
    pub latent_critic: LatentCriticConfig,
    /// Critic of the profiles of the reconstruction; none where it is left out, as published.
    pub profile_critic: Option<ProfileCriticConfig>,
    /// Per-cell network behind the decoder; none where it is left out.
    pub post_processor: Option<PostProcessorConfig>,
    /// How energies enter and leave the networks.
    pub scaling: Scaling,
}

impl Default for ModelConfig {
    fn default() -> Self {
        let autoencoder = BibAeConfig::default();
        Self {
            grid: autoencoder.grid,
            autoencoder,
            critic: CriticConfig::default(),
            latent_critic: LatentCriticConfig::default(),
            profile_critic: None,
            post_processor: None,
            scaling: Scaling::default(),
        }
    }
}

impl ModelConfig {
    /// The same networks on `grid`.
    #[must_use]
    pub fn on_grid(mut self, grid: Grid) -> Self {
        self.grid = grid;
        self.autoencoder.grid = grid;
        self.critic.grid = grid;
        if let Some(profile_critic) = &mut self.profile_critic {
            profile_critic.grid = grid;
        }
        if let Some(post_processor) = &mut self.post_processor {
            post_processor.grid = grid;
        }
        self
    }

    /// Whether encoder, decoder and post-processor are the same: the critics may be others.
    pub(super) fn makes_showers_as(&self, other: &Self) -> bool {
        let Self { critic, latent_critic, profile_critic, .. } = other.clone();
        Self { critic, latent_critic, profile_critic, ..self.clone() } == *other
    }

    /// Whether the network of this name is the same in both, when they make showers alike.
    pub(super) fn has_same_network(&self, other: &Self, network: &str) -> bool {
        match network {
            CRITIC => self.critic == other.critic,
            LATENT_CRITIC => self.latent_critic == other.latent_critic,
            PROFILE_CRITIC => self.profile_critic == other.profile_critic,
            _ => true,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`] naming the first field that cannot be, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        within("autoencoder", self.autoencoder.validate())?;
        within("critic", self.critic.validate())?;
        within("latent_critic", self.latent_critic.validate())?;
        if let Some(profile_critic) = &self.profile_critic {
            within("profile_critic", profile_critic.validate())?;
        }
        if let Some(post_processor) = &self.post_processor {
            within("post_processor", post_processor.validate())?;
        }
        within("scaling", self.scaling.validate())
    }
}

/// How energies enter and leave the networks. The default is the published model, which works on MeV and GeV as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scaling {
    /// Incident energies are multiplied by this before a network sees them, 1/GeV.
    pub condition_per_gev: f64,
    /// What stands for a cell with decoder, critic and post-processor, in its losses too.
    pub cells: CellScale,
    /// k of log(1 + k x), what the encoder sees of cells of x MeV; 0 for what [`Scaling::cells`] says. 1/MeV.
    pub encoder_log_per_mev: f64,
    /// k of log(1 + k y), what the critic sees of cells that are y by [`Scaling::cells`]; 0 for y itself. The critic's
    /// distance then weighs cells of little energy more, and with them what changes all cells of a shower: its depth.
    pub critic_log: f64,
    /// What the critic sees is multiplied by this first: the unit of its scores.
    pub critic_factor: f64,
    /// The decoder's output holds for showers of this energy, and is in proportion to the energy (to its root, for roots)
    /// for others; 0 where it always holds. GeV.
    pub decoder_reference_gev: f64,
}

/// What stands for the energy of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellScale {
    /// The energy in MeV.
    #[default]
    Mev,
    /// Its square root: fluctuations are then about as large in all cells, and the critic's unit of distance weighs the
    /// many cells of little energy too.
    Root,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            condition_per_gev: 1.0,
            cells: CellScale::Mev,
            encoder_log_per_mev: 0.0,
            critic_log: 0.0,
            critic_factor: 1.0,
            decoder_reference_gev: 0.0,
        }
    }
}

impl Scaling {
    fn validate(&self) -> Result<()> {
        check("condition_per_gev", self.condition_per_gev, Allowed::AboveZero)?;
        check("encoder_log_per_mev", self.encoder_log_per_mev, Allowed::FromZero)?;
        check("critic_log", self.critic_log, Allowed::FromZero)?;
        check("critic_factor", self.critic_factor, Allowed::AboveZero)?;
        check("decoder_reference_gev", self.decoder_reference_gev, Allowed::FromZero)
    }
}

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
    /// [`Error::Field`] naming the first field that cannot be, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("epochs", u64::from(self.epochs)),
            ("batch_showers", self.batch_showers as u64),
            ("critic_steps", u64::from(self.critic_steps)),
        ];
        if let Some((field, value)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err(field_error(field, value, "at least 1"));
        }
        check("rate_decay", self.rate_decay, Allowed::AboveZero)?;
        if !(0.0..1.0).contains(&self.weight_average) {
            return Err(field_error("weight_average", self.weight_average, "at least 0 and less than 1"));
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

/// Weights of the losses.
///
/// # Reference
/// decoding-photons, section 3; values from the published settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Losses {
    /// Score of the reconstruction.
    pub critic: f64,
    /// Score of the latent variables.
    pub latent_critic: f64,
    /// Score of the profiles.
    pub profile_critic: f64,
    /// Divergence of the encoder's distributions from N(0, 1): beta.
    pub kld: f64,
    /// Times which it is in the first epoch; it falls by equal factors to [`Losses::kld`].
    pub kld_start_factor: f64,
    /// Epochs until it has fallen.
    pub kld_start_epochs: u32,
    /// Lets the encoded variables in one after another.
    pub kld_release: Option<Release>,
    /// Latent maximum mean discrepancy.
    pub latent_mmd: f64,
    /// a of each Gaussian kernel exp(-a d^2) of that.
    pub latent_mmd_exponents: Vec<f64>,
    /// Gradient penalty of all critics.
    pub gradient_penalty: f64,
}

impl Default for Losses {
    fn default() -> Self {
        Self {
            critic: 1.0,
            latent_critic: 100.0,
            profile_critic: 1.0,
            kld: 0.05,
            kld_start_factor: 1.0,
            kld_start_epochs: 0,
            kld_release: None,
            latent_mmd: 100.0,
            latent_mmd_exponents: vec![1.0, 0.01],
            gradient_penalty: 10.0,
        }
    }
}

impl Losses {
    /// Weight of each variable's divergence in a step of an epoch.
    pub(super) fn kld_of_each(&self, epoch: u32, step: u64, n_variables: usize) -> Vec<f64> {
        let open = if epoch >= self.kld_start_epochs {
            self.kld
        } else {
            self.kld * self.kld_start_factor.powf(1.0 - f64::from(epoch) / f64::from(self.kld_start_epochs))
        };
        let closed = |release: &Release| open.max(self.kld * release.closed_factor);
        (0..n_variables)
            .map(|variable| match &self.kld_release {
                Some(release) if step < release.step_of(variable) => closed(release),
                _ => open,
            })
            .collect()
    }

    fn validate(&self) -> Result<()> {
        check("critic", self.critic, Allowed::FromZero)?;
        check("latent_critic", self.latent_critic, Allowed::FromZero)?;
        check("profile_critic", self.profile_critic, Allowed::FromZero)?;
        check("kld", self.kld, Allowed::FromZero)?;
        check("kld_start_factor", self.kld_start_factor, Allowed::AboveZero)?;
        if let Some(release) = &self.kld_release {
            check("kld_release.closed_factor", release.closed_factor, Allowed::AboveZero)?;
        }
        check("latent_mmd", self.latent_mmd, Allowed::FromZero)?;
        if self.latent_mmd_exponents.is_empty() {
            return Err(field_error("latent_mmd_exponents", "[]", "at least one"));
        }
        for exponent in &self.latent_mmd_exponents {
            check("latent_mmd_exponents", *exponent, Allowed::AboveZero)?;
        }
        check("gradient_penalty", self.gradient_penalty, Allowed::FromZero)
    }
}

/// Encoded variables that are let in one after another, lest several share what one can say: while it waits for its
/// turn, a variable's divergence weighs so much that it stays N(0, 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Times [`Losses::kld`] that the divergence of a waiting variable weighs.
    pub closed_factor: f64,
    /// Steps for which the first variable is alone.
    pub first_steps: u64,
    /// Steps from one of the others to the next.
    pub steps_each: u64,
}

impl Release {
    /// First step of an encoded variable.
    fn step_of(&self, variable: usize) -> u64 {
        match variable {
            0 => 0,
            _ => self.first_steps.saturating_add(self.steps_each.saturating_mul(variable as u64 - 1)),
        }
    }
}

/// When the post-processor is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostProcessorStage {
    /// In every step, on the images of that step (decoding-photons).
    Joint,
    /// For so many epochs behind the others, everything else fixed (fast-and-accurate-showers).
    After {
        /// Epochs of this stage.
        epochs: u32,
    },
}

/// How the post-processor is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostProcessorTraining {
    /// When.
    pub stage: PostProcessorStage,
    /// First epochs, in which it learns to change nothing: the squared change is the only loss.
    pub epochs_of_identity: u32,
    /// Weights of the losses.
    pub losses: PostProcessorLosses,
    /// Windows and kernel of the sorted-kernel MMD.
    pub sorted_mmd: SortedMmd,
}

impl Default for PostProcessorTraining {
    fn default() -> Self {
        Self {
            stage: PostProcessorStage::Joint,
            epochs_of_identity: 100,
            losses: PostProcessorLosses::default(),
            sorted_mmd: SortedMmd::default(),
        }
    }
}

impl PostProcessorTraining {
    fn validate(&self) -> Result<()> {
        if self.stage == (PostProcessorStage::After { epochs: 0 }) {
            return Err(field_error("stage.after.epochs", 0, "at least 1"));
        }
        let PostProcessorLosses { sorted_mmd, change, sorted_absolute, sorted_squared } = self.losses;
        check("losses.sorted_mmd", sorted_mmd, Allowed::FromZero)?;
        check("losses.change", change, Allowed::FromZero)?;
        check("losses.sorted_absolute", sorted_absolute, Allowed::FromZero)?;
        check("losses.sorted_squared", sorted_squared, Allowed::FromZero)?;
        self.sorted_mmd.validate()
    }
}

/// Weights of the post-processor's losses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostProcessorLosses {
    /// Sorted-kernel MMD of real and processed cell energies.
    pub sorted_mmd: f64,
    /// Mean squared change of a cell, all cells as [`Scaling::cells`] has them.
    pub change: f64,
    /// Mean absolute difference of sorted cell energies.
    pub sorted_absolute: f64,
    /// Mean squared difference of sorted cell energies.
    pub sorted_squared: f64,
}

impl Default for PostProcessorLosses {
    fn default() -> Self {
        Self { sorted_mmd: 5.0, change: 1.0, sorted_absolute: 0.0, sorted_squared: 0.0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    AboveZero,
    FromZero,
}

fn check(field: &str, value: f64, allowed: Allowed) -> Result<()> {
    let (is_allowed, expected) = match allowed {
        Allowed::AboveZero => (value > 0.0, "a finite number above 0"),
        Allowed::FromZero => (value >= 0.0, "a finite number of at least 0"),
    };
    if value.is_finite() && is_allowed { Ok(()) } else { Err(field_error(field, value, expected)) }
}

fn field_error(field: &str, value: impl std::fmt::Display, expected: &str) -> Error {
    Error::Field { field: field.to_owned(), value: value.to_string(), expected: expected.to_owned() }
}

/// Puts the section's name before a field's, once.
fn within(section: &str, result: Result<()>) -> Result<()> {
    result.map_err(|error| match error {
        Error::Field { field, value, expected } if !field.starts_with(section) => {
            Error::Field { field: format!("{section}.{field}"), value, expected }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_one_after_another() {
        let release = Release { closed_factor: 100.0, first_steps: 3, steps_each: 2 };
        let losses = Losses { kld: 0.5, kld_release: Some(release), ..Losses::default() };
        let open = |step| losses.kld_of_each(0, step, 4).iter().filter(|beta| **beta < 1.0).count();
        assert_eq!([0, 2, 3, 4, 5, 6, 7, 1000].map(open), [1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(losses.kld_of_each(0, 4, 4), [0.5, 0.5, 50.0, 50.0]);
        // Where beta itself begins high, nobody waits at less than that.
        let falling = Losses { kld_start_factor: 200.0, kld_start_epochs: 1, ..losses };
        assert_eq!(falling.kld_of_each(0, 0, 2), [100.0, 100.0]);
        assert_eq!(falling.kld_of_each(1, 0, 2), [0.5, 50.0]);
    }

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
