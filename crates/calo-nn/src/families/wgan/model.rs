//! Sizes of the networks, and how energies enter and leave them.

use serde::{Deserialize, Serialize};

use super::constrainer::ConstrainerConfig;
use super::critic::CriticConfig;
use super::generator::Generator;
use crate::Result;
use crate::components::{EnergyScaling, GeneratorConfig};
use crate::engine::Grid;
use crate::field::within;

/// The networks of a WGAN. The default is the published model for photons, but for the constrainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Cells along layer, x, y.
    pub grid: Grid,
    /// Noise and incident energy to showers.
    pub generator: GeneratorConfig,
    /// Showers and incident energy to scores.
    pub critic: CriticConfig,
    /// Showers to incident energies; if it is left out, as for pions, there is none.
    pub constrainer: Option<ConstrainerConfig>,
    /// How energies enter and leave the networks.
    pub scaling: EnergyScaling,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            grid: [30; 3],
            generator: Generator::photons(),
            critic: CriticConfig::default(),
            constrainer: None,
            scaling: EnergyScaling::default(),
        }
    }
}

impl ModelConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) naming the first field that cannot be, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        within("generator", self.generator.validate(self.grid))?;
        within("critic", self.critic.validate(self.grid))?;
        if let Some(constrainer) = &self.constrainer {
            within("constrainer", constrainer.validate(self.grid))?;
        }
        within("scaling", self.scaling.validate())
    }
}
