//! Sizes of the networks, and how energies enter and leave them.

use serde::{Deserialize, Serialize};

use super::discriminator::DiscriminatorConfig;
use crate::components::{EnergyScaling, GeneratorConfig};
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
    pub scaling: EnergyScaling,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            grid: [30; 3],
            generator: GeneratorConfig::default(),
            discriminator: DiscriminatorConfig::default(),
            scaling: EnergyScaling::default(),
        }
    }
}
