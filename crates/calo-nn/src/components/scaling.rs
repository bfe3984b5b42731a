//! How energies enter and leave networks.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::field::{Allowed, check};

/// How energies enter and leave the networks. The default is the published model, which works on MeV and GeV as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scaling {
    /// Incident energies are multiplied by this before a network sees them, 1/GeV.
    pub condition_per_gev: f64,
    /// The quantity that represents a cell for decoder, critic and post-processor, and in the latter's losses.
    pub cells: CellScale,
    /// k of log(1 + k x), the encoder's input for a cell of x MeV, in 1/MeV; 0 for [`Scaling::cells`] instead.
    pub encoder_log_per_mev: f64,
    /// k of log(1 + k y), the critic's input for a cell that [`Scaling::cells`] maps to y; 0 for y itself. The critic's
    /// distance then gives more weight to cells of low energy, and so to what affects all cells: a shower's depth.
    pub critic_log: f64,
    /// Factor on the critic's input: the unit of its scores.
    pub critic_factor: f64,
    /// Energy in GeV at which the decoder's output is taken as it is; at other energies it is scaled in proportion to
    /// the energy (for roots, to the root of the energy). 0 for no scaling.
    pub decoder_reference_gev: f64,
}

/// How energies enter and leave the networks of a GAN. The default is that of the published models, which work on MeV and
/// GeV as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnergyScaling {
    /// Incident energies are multiplied by this before a network sees them, 1/GeV.
    pub condition_per_gev: f64,
    /// The quantity that represents a cell.
    pub cells: CellScale,
    /// Energy in GeV at which the generator's output is taken as it is; at other energies it is scaled in proportion to the
    /// energy (for roots, to the root of the energy). 0 for no scaling.
    pub generator_reference_gev: f64,
}

impl Default for EnergyScaling {
    fn default() -> Self {
        Self { condition_per_gev: 1.0, cells: CellScale::Mev, generator_reference_gev: 0.0 }
    }
}

impl EnergyScaling {
    pub(crate) fn validate(&self) -> Result<()> {
        check("condition_per_gev", self.condition_per_gev, Allowed::AboveZero)?;
        check("generator_reference_gev", self.generator_reference_gev, Allowed::FromZero)
    }

    /// Incident energies as the networks see them.
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn condition(&self, energies_gev: &Tensor) -> Result<Tensor> {
        Ok((energies_gev * self.condition_per_gev)?)
    }

    /// What the generator made, in the size of showers of the energies that the networks see.
    ///
    /// # Shapes
    /// `[n, 1, layer, x, y]`, `[n, 1]` -> `[n, 1, layer, x, y]`
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn sized(&self, generated: Tensor, condition: &Tensor) -> Result<Tensor> {
        if self.generator_reference_gev > 0.0 {
            let share = (condition / (self.condition_per_gev * self.generator_reference_gev))?;
            return self.cells.sized(&generated, &share);
        }
        Ok(generated)
    }
}

/// The quantity that represents the energy of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellScale {
    /// The energy in MeV.
    #[default]
    Mev,
    /// Its square root: fluctuations are then about equal in all cells, and the many cells of low energy count in the
    /// critic's distance too.
    Root,
}

impl CellScale {
    /// Cells in MeV as networks represent them.
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn scaled(self, showers_mev: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Mev => showers_mev.clone(),
            Self::Root => showers_mev.sqrt()?,
        })
    }

    /// Cells of showers of one energy as those of showers of `share` times that energy.
    ///
    /// # Shapes
    /// `[n, 1, layer, x, y]`, `[n, 1]` -> `[n, 1, layer, x, y]`
    ///
    /// # Errors
    /// Candle's.
    pub(crate) fn sized(self, cells: &Tensor, share: &Tensor) -> Result<Tensor> {
        Ok(cells.broadcast_mul(&self.scaled(share)?.reshape(((), 1, 1, 1, 1))?)?)
    }

    /// Back to MeV. A root below 0 is no energy, so such cells become empty.
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

/// Conversions between energies in MeV and GeV and what networks work with.
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
