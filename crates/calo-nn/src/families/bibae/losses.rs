//! Weights of the losses of encoder, decoder and critics.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::field::{Allowed, check, error};

/// Weights of the losses.
///
/// # Reference
/// decoding-photons, section 1.2; values from the published settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossWeights {
    /// Score of the reconstruction.
    pub critic: f64,
    /// Score of the latent variables.
    pub latent_critic: f64,
    /// Score of the profiles.
    pub profile_critic: f64,
    /// Moments of the profiles.
    pub profile_moments: f64,
    /// Divergence of the encoder's distributions from N(0, 1): beta.
    pub kld: f64,
    /// Annealing of beta in the first epochs.
    pub kl_annealing: KlAnnealing,
    /// Activates the encoded variables one after another; if it is left out, all at once.
    pub staged_activation: Option<StagedActivation>,
    /// Latent maximum mean discrepancy.
    pub latent_mmd: f64,
    /// a of each Gaussian kernel exp(-a d^2) of that.
    pub latent_mmd_exponents: Vec<f64>,
    /// Gradient penalty of all critics.
    pub gradient_penalty: f64,
}

impl Default for LossWeights {
    fn default() -> Self {
        Self {
            critic: 1.0,
            latent_critic: 100.0,
            profile_critic: 1.0,
            profile_moments: 1.0,
            kld: 0.05,
            kl_annealing: KlAnnealing::default(),
            staged_activation: None,
            latent_mmd: 100.0,
            latent_mmd_exponents: vec![1.0, 0.01],
            gradient_penalty: 10.0,
        }
    }
}

impl LossWeights {
    /// Weight of each variable's divergence in a step of an epoch.
    pub(super) fn kld_of_each(&self, epoch: u32, step: u64, n_variables: usize) -> Vec<f64> {
        let KlAnnealing { start_factor, epochs } = self.kl_annealing;
        let open = if epoch >= epochs {
            self.kld
        } else {
            self.kld * start_factor.powf(1.0 - f64::from(epoch) / f64::from(epochs))
        };
        let closed = |stages: &StagedActivation| open.max(self.kld * stages.closed_factor);
        (0..n_variables)
            .map(|variable| match &self.staged_activation {
                Some(stages) if step < stages.step_of(variable) => closed(stages),
                _ => open,
            })
            .collect()
    }

    pub(super) fn validate(&self) -> Result<()> {
        check("critic", self.critic, Allowed::FromZero)?;
        check("latent_critic", self.latent_critic, Allowed::FromZero)?;
        check("profile_critic", self.profile_critic, Allowed::FromZero)?;
        check("profile_moments", self.profile_moments, Allowed::FromZero)?;
        check("kld", self.kld, Allowed::FromZero)?;
        check("kl_annealing.start_factor", self.kl_annealing.start_factor, Allowed::AboveZero)?;
        if let Some(stages) = &self.staged_activation {
            check("staged_activation.closed_factor", stages.closed_factor, Allowed::AboveZero)?;
        }
        check("latent_mmd", self.latent_mmd, Allowed::FromZero)?;
        if self.latent_mmd_exponents.is_empty() {
            return Err(error("latent_mmd_exponents", "[]", "at least one"));
        }
        for exponent in &self.latent_mmd_exponents {
            check("latent_mmd_exponents", *exponent, Allowed::AboveZero)?;
        }
        check("gradient_penalty", self.gradient_penalty, Allowed::FromZero)
    }
}

/// Annealing of beta: it starts at `start_factor` times its value and falls by the same factor every epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KlAnnealing {
    /// Beta in the first epoch, in units of [`LossWeights::kld`].
    pub start_factor: f64,
    /// Number of epochs until it reaches its value; 0 for no annealing.
    pub epochs: u32,
}

impl Default for KlAnnealing {
    fn default() -> Self {
        Self { start_factor: 1.0, epochs: 0 }
    }
}

/// Staged activation of the encoded variables, so that several do not share the information of one: until its turn, the
/// divergence of a variable has such a large weight that it stays N(0, 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagedActivation {
    /// Weight of the divergence of a waiting variable, in units of [`LossWeights::kld`].
    pub closed_factor: f64,
    /// Number of steps with the first variable alone.
    pub first_steps: u64,
    /// Steps from one of the others to the next.
    pub steps_each: u64,
}

impl StagedActivation {
    /// First step of an encoded variable.
    fn step_of(&self, variable: usize) -> u64 {
        match variable {
            0 => 0,
            _ => self.first_steps.saturating_add(self.steps_each.saturating_mul(variable as u64 - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_one_after_another() {
        let stages = StagedActivation { closed_factor: 100.0, first_steps: 3, steps_each: 2 };
        let losses = LossWeights { kld: 0.5, staged_activation: Some(stages), ..LossWeights::default() };
        let open = |step| losses.kld_of_each(0, step, 4).iter().filter(|beta| **beta < 1.0).count();
        assert_eq!([0, 2, 3, 4, 5, 6, 7, 1000].map(open), [1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(losses.kld_of_each(0, 4, 4), [0.5, 0.5, 50.0, 50.0]);
        // Where beta itself begins high, no variable weighs less than that.
        let annealed = LossWeights { kl_annealing: KlAnnealing { start_factor: 200.0, epochs: 1 }, ..losses };
        assert_eq!(annealed.kld_of_each(0, 0, 2), [100.0, 100.0]);
        assert_eq!(annealed.kld_of_each(1, 0, 2), [0.5, 50.0]);
    }
}
