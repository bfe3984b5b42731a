//! Sizes of all networks, and how energies enter and leave them.

use serde::{Deserialize, Serialize};

use super::networks::{AutoencoderConfig, CriticConfig, LatentCriticConfig, ProfileCriticConfig};
use super::profile_moments::ProfileMomentsConfig;
use crate::Result;
use crate::components::Scaling;
use crate::components::post_processor::PostProcessorConfig;
use crate::engine::Grid;
use crate::field::within;

/// The networks of a BIB-AE. All live on the grid of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Cells along layer, x, y: [`ModelConfig::on_grid`] passes them on to the networks.
    pub grid: Grid,
    /// Encoder and decoder.
    pub autoencoder: AutoencoderConfig,
    /// Critic of the reconstruction.
    pub critic: CriticConfig,
    /// Critic of the latent variables.
    pub latent_critic: LatentCriticConfig,
    /// Critic of the profiles of the reconstruction; if it is left out, as published, there is none.
    pub profile_critic: Option<ProfileCriticConfig>,
    /// Moments of the profiles that reconstructions should have; if they are left out, as published, there are none.
    pub profile_moments: Option<ProfileMomentsConfig>,
    /// Per-cell network after the decoder; if it is left out, there is none.
    pub post_processor: Option<PostProcessorConfig>,
    /// How energies enter and leave the networks.
    pub scaling: Scaling,
}

impl Default for ModelConfig {
    fn default() -> Self {
        let autoencoder = AutoencoderConfig::default();
        Self {
            grid: autoencoder.grid,
            autoencoder,
            critic: CriticConfig::default(),
            latent_critic: LatentCriticConfig::default(),
            profile_critic: None,
            profile_moments: None,
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
        if let Some(profile_moments) = &mut self.profile_moments {
            profile_moments.grid = grid;
        }
        if let Some(post_processor) = &mut self.post_processor {
            post_processor.grid = grid;
        }
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) naming the first field that cannot be, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        within("autoencoder", self.autoencoder.validate())?;
        within("critic", self.critic.validate())?;
        within("latent_critic", self.latent_critic.validate())?;
        if let Some(profile_critic) = &self.profile_critic {
            within("profile_critic", profile_critic.validate())?;
        }
        if let Some(profile_moments) = &self.profile_moments {
            within("profile_moments", profile_moments.validate())?;
        }
        if let Some(post_processor) = &self.post_processor {
            within("post_processor", post_processor.validate())?;
        }
        within("scaling", self.scaling.validate())
    }
}
