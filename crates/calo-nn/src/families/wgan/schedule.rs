//! Order and number of training steps.

use calo_latent::LatentOptimisation;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::latent_optimisation::validate_latent_optimisation;
use crate::field::error;

/// The order of training steps. The default is the published schedule, in which the number of epochs of the constrainer is
/// ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Epochs of the constrainer, where there is one: they come first, and then it stays fixed.
    pub constrainer_epochs: u32,
    /// Steps of the critic, each on a batch of its own, for one of the generator.
    pub n_critic: u64,
    /// Moves noise to better scores before every step of critic and generator; if it is left out, as for photons, noise stays
    /// as it was drawn. No gradient passes through the movement.
    pub latent_optimisation: Option<LatentOptimisation>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { constrainer_epochs: 10, n_critic: 5, latent_optimisation: None }
    }
}

impl Schedule {
    pub(super) fn validate(&self) -> Result<()> {
        let counts =
            [("constrainer_epochs", u64::from(self.constrainer_epochs)), ("n_critic", self.n_critic)];
        if let Some((field, _)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err(error(field, 0, "at least 1"));
        }
        self.latent_optimisation.as_ref().map_or(Ok(()), validate_latent_optimisation)
    }
}
