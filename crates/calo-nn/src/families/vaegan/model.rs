//! Sizes of the networks, and how energies enter and leave them.

use serde::{Deserialize, Serialize};

use super::discriminator::DiscriminatorConfig;
use super::encoder::EncoderConfig;
use super::generator::GeneratorConfig;
use crate::Result;
use crate::components::{CellScale, positive};
use crate::engine::Grid;
use crate::field::{Allowed, check, error, within};

/// The networks of a VAE-GAN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Cells along layer, x, y; one layer.
    pub grid: Grid,
    /// Latent variables.
    pub latent_dim: usize,
    /// Images to distributions of latent variables.
    pub encoder: EncoderConfig,
    /// Latent variables to images.
    pub generator: GeneratorConfig,
    /// Images to the logit of being real.
    pub discriminator: DiscriminatorConfig,
    /// How energies enter and leave the networks.
    pub scaling: Scaling,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            grid: [1, 10, 10],
            latent_dim: 24,
            encoder: EncoderConfig::default(),
            generator: GeneratorConfig::default(),
            discriminator: DiscriminatorConfig::default(),
            scaling: Scaling::default(),
        }
    }
}

/// How energies enter and leave the networks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scaling {
    /// The quantity that represents a cell for all networks.
    pub cells: CellScale,
    /// Factor on it.
    pub factor: f64,
    /// Steps at the beginning of a run over which mean and standard deviation of each cell are averaged; the networks
    /// then work on standardised cells. 0 for cells as they are.
    pub standardisation_steps: u64,
    /// Standardised cells are divided by this power of their standard deviation: with 1 all cells vary alike, also the many
    /// in which there is hardly any energy; with 0 they are only shifted to a mean of 0.
    pub deviation_power: f64,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { cells: CellScale::Mev, factor: 0.01, standardisation_steps: 0, deviation_power: 1.0 }
    }
}

impl ModelConfig {
    pub(super) fn validate(&self) -> Result<()> {
        positive(&[("latent_dim", self.latent_dim)])?;
        if self.grid[0] != 1 {
            let expected = "one layer: showers summed over layers, as `calo pool` makes them";
            return Err(error("grid", format!("{:?}", self.grid), expected));
        }
        within("scaling", check("factor", self.scaling.factor, Allowed::AboveZero))?;
        within("scaling", check("deviation_power", self.scaling.deviation_power, Allowed::FromZero))?;
        within("encoder", self.encoder.validate(self.grid))?;
        within("generator", self.generator.validate())?;
        within("discriminator", self.discriminator.validate())
    }
}
