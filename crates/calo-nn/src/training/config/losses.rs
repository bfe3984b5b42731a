//! Weights of the losses of encoder, decoder and critics.

use serde::{Deserialize, Serialize};

use super::field::{Allowed, check, error};
use crate::Result;

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
    pub(in crate::training) fn kld_of_each(&self, epoch: u32, step: u64, n_variables: usize) -> Vec<f64> {
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

    pub(super) fn validate(&self) -> Result<()> {
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
            return Err(error("latent_mmd_exponents", "[]", "at least one"));
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
}
