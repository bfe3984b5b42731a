//! How energies enter and leave networks.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::engine::field::{Allowed, check};

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

impl CellScale {
    /// What stands for cells of so many MeV.
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn scaled(self, showers_mev: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Mev => showers_mev.clone(),
            Self::Root => showers_mev.sqrt()?,
        })
    }

    /// Back to MeV; no energy has a root below 0, so cells that a network left there are empty.
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn unscaled(self, cells: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Mev => cells.clone(),
            Self::Root => cells.relu()?.sqr()?,
        })
    }
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
    pub(crate) fn validate(&self) -> Result<()> {
        check("condition_per_gev", self.condition_per_gev, Allowed::AboveZero)?;
        check("encoder_log_per_mev", self.encoder_log_per_mev, Allowed::FromZero)?;
        check("critic_log", self.critic_log, Allowed::FromZero)?;
        check("critic_factor", self.critic_factor, Allowed::AboveZero)?;
        check("decoder_reference_gev", self.decoder_reference_gev, Allowed::FromZero)
    }
}

/// What networks see and what they make, with energies in MeV and GeV on the outside.
impl Scaling {
    /// Incident energies as the networks see them.
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn condition(&self, energies_gev: &Tensor) -> Result<Tensor> {
        Ok((energies_gev * self.condition_per_gev)?)
    }

    /// Cells of showers as the encoder sees them.
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn for_encoder(&self, showers_mev: &Tensor) -> Result<Tensor> {
        let factor = self.encoder_log_per_mev;
        if factor > 0.0 {
            Ok(showers_mev.affine(factor, 1.0)?.log()?)
        } else {
            self.cells.scaled(showers_mev)
        }
    }

    /// Scaled cells as the critic sees them, in the unit of its scores.
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn for_critic(&self, cells: &Tensor) -> Result<Tensor> {
        let Scaling { critic_log, critic_factor, .. } = *self;
        let seen = if critic_log > 0.0 { cells.affine(critic_log, 1.0)?.log()? } else { cells.clone() };
        #[expect(clippy::float_cmp, reason = "the published model spares the product")]
        let is_one = critic_factor == 1.0;
        Ok(if is_one { seen } else { (seen * critic_factor)? })
    }
}
