//! Sizes of the networks, and how energies enter and leave them.

use serde::{Deserialize, Serialize};

use super::discriminator::DiscriminatorConfig;
use crate::components::{CellScale, GeneratorConfig};
use crate::engine::Grid;

/// The networks of a GAN. The default is the published model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Cells along layer, x, y.
    pub grid: Grid,
    /// Noise and incident energy to showers.
    pub generator: GeneratorConfig,
    /// Showers and incident energy to the logit of being real.
    pub discriminator: DiscriminatorConfig,
    /// How energies enter and leave the networks.
    pub scaling: Scaling,
}

/// How energies enter and leave the networks. The default is the published model, which works on MeV and GeV as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scaling {
    /// Incident energies are multiplied by this before a network sees them, 1/GeV.
    pub condition_per_gev: f64,
    /// The quantity that represents a cell for generator and discriminator.
    pub cells: CellScale,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            grid: [30; 3],
            generator: GeneratorConfig::default(),
            discriminator: DiscriminatorConfig::default(),
            scaling: Scaling::default(),
        }
    }
}

impl Default for Scaling {
    fn default() -> Self {
        Self { condition_per_gev: 1.0, cells: CellScale::Mev }
    }
}
