//! Weights of the losses.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::field::{Allowed, check};

/// Weights of the losses, beside that of the critic's scores, which is 1.
///
/// # Reference
/// fast-and-accurate-showers, section 3.2; values from the published settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossWeights {
    /// Gradient penalty of the critic.
    pub gradient_penalty: f64,
    /// kappa: mean of |(a(G) - E)^2 - (a(x) - E)^2| with generated showers G and real ones x of incident energy E, all
    /// in the unit that the networks see; a is the constrainer, where there is one.
    pub energy: f64,
}

impl Default for LossWeights {
    fn default() -> Self {
        Self { gradient_penalty: 10.0, energy: 0.01 }
    }
}

impl LossWeights {
    pub(super) fn validate(&self) -> Result<()> {
        check("gradient_penalty", self.gradient_penalty, Allowed::FromZero)?;
        check("energy", self.energy, Allowed::FromZero)
    }
}
