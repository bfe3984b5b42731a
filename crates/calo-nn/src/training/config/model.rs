//! The networks, and how energies enter and leave them.

use serde::{Deserialize, Serialize};

use super::field::{Allowed, check, within};
use crate::Result;
use crate::models::Grid;
use crate::models::bibae::{BibAeConfig, CriticConfig, LatentCriticConfig, ProfileCriticConfig};
use crate::models::post_processor::PostProcessorConfig;
use crate::training::networks::{CRITIC, LATENT_CRITIC, PROFILE_CRITIC};

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
    pub(in crate::training) fn makes_showers_as(&self, other: &Self) -> bool {
        let Self { critic, latent_critic, profile_critic, .. } = other.clone();
        Self { critic, latent_critic, profile_critic, ..self.clone() } == *other
    }

    /// Whether the network of this name is the same in both, when they make showers alike.
    pub(in crate::training) fn has_same_network(&self, other: &Self, network: &str) -> bool {
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
    /// [`Error::Field`](crate::Error::Field) naming the first field that cannot be, its value and what is allowed.
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
    pub(super) fn validate(&self) -> Result<()> {
        check("condition_per_gev", self.condition_per_gev, Allowed::AboveZero)?;
        check("encoder_log_per_mev", self.encoder_log_per_mev, Allowed::FromZero)?;
        check("critic_log", self.critic_log, Allowed::FromZero)?;
        check("critic_factor", self.critic_factor, Allowed::AboveZero)?;
        check("decoder_reference_gev", self.decoder_reference_gev, Allowed::FromZero)
    }
}
