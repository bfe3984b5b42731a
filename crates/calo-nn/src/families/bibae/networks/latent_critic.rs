//! Critic of the latent variables: whether a variable is drawn from N(0, 1).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::positive;
use crate::layers::{Linear, linear_stack};
use crate::parameters::Path;

const SLOPE: f64 = 0.01;

/// Sizes of the critic. The default is the published network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatentCriticConfig {
    /// Units of the layers between the variable and the score.
    pub units: Vec<usize>,
}

impl Default for LatentCriticConfig {
    fn default() -> Self {
        Self { units: vec![50, 100, 50] }
    }
}

impl LatentCriticConfig {
    /// Checks that a network can be built.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) for a layer without units.
    pub fn validate(&self) -> Result<()> {
        positive(&[("latent_critic.units", self.units.iter().copied().min().unwrap_or(1))])
    }
}

/// A small network that looks at one latent variable at a time.
///
/// # Reference
/// decoding-photons, section 1.2.
#[derive(Debug, Clone)]
pub struct LatentCritic {
    layers: Vec<Linear>,
}

impl LatentCritic {
    /// A critic of `config`.
    ///
    /// # Errors
    /// When a layer has no units or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &LatentCriticConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { layers: Linear::stack(path, &[&[1], &config.units[..], &[1]].concat())? })
    }

    /// Scores of every variable of every shower; higher is more normal.
    ///
    /// # Shapes
    /// z `[n, latent]` -> `[n, latent]`
    ///
    /// # Errors
    /// When `z` is empty.
    pub fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let scores = linear_stack(&self.layers, &z.reshape(((), 1))?, SLOPE)?;
        Ok(scores.reshape(z.shape())?)
    }
}
