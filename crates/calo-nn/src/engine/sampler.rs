//! A trained model as the engine uses it: latent variables to showers, and back.

use std::fmt::Debug;

use calo_latent::LatentOptimisation;
use candle_core::Tensor;

use super::posterior::Posterior;
use crate::Result;

/// The distribution of a model's latent variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prior {
    /// This many independent variables from N(0, 1).
    Normal(usize),
    /// This many, uniform from -1 to 1.
    Uniform(usize),
}

impl Prior {
    /// Number of latent variables.
    pub fn dim(self) -> usize {
        match self {
            Self::Normal(n) | Self::Uniform(n) => n,
        }
    }
}

/// A trained model: latent variables and incident energies to showers.
pub trait Sampler: Debug + Send + Sync {
    /// What the latent variables are drawn from.
    fn prior(&self) -> Prior;

    /// Names of the networks that showers pass in turn; the output of each is a shower.
    fn stages(&self) -> &'static [&'static str];

    /// Showers after each of the first `n_stages` stages.
    ///
    /// # Shapes
    /// `[n, latent]`, `[n, 1]` GeV -> `n_stages` of `[n, 1, layer, x, y]` MeV, cells of any sign
    ///
    /// # Errors
    /// [`Error::Operand`](crate::Error::Operand) for other shapes.
    fn sample(&self, z: &Tensor, energies_gev: &Tensor, n_stages: usize) -> Result<Vec<Tensor>>;

    /// The encoder, for families that have one.
    fn encoder(&self) -> Option<&dyn Encode> {
        None
    }

    /// What its critic thinks of latent variables, for families whose critic scores each shower by itself; for others, why
    /// it cannot.
    ///
    /// # Errors
    /// The reason, as the end of a sentence: "its critic ..".
    fn latent_score(&self) -> Result<&dyn LatentScore, &'static str>;
}

/// A critic's score of the showers of latent variables, for latent optimisation.
pub trait LatentScore: Debug + Send + Sync {
    /// The settings that the model was trained with, or published ones.
    fn settings(&self) -> LatentOptimisation;

    /// The slope of each shower's score along its latent variables.
    ///
    /// # Shapes
    /// `[n, latent]`, `[n, 1]` GeV -> `[n, latent]`
    ///
    /// # Errors
    /// [`Error::Operand`](crate::Error::Operand) for other shapes.
    fn gradient(&self, z: &Tensor, energies_gev: &Tensor) -> Result<Tensor>;
}

/// Showers to their latent variables.
pub trait Encode: Debug + Send + Sync {
    /// Number of latent variables that are encoded; they come first.
    fn n_encoded(&self) -> usize;

    /// Distributions of the latent variables of showers.
    ///
    /// # Shapes
    /// `[n, layer, x, y]` MeV, `[n, 1]` GeV -> `[n, n_encoded]` each
    ///
    /// # Errors
    /// [`Error::Operand`](crate::Error::Operand) for other shapes.
    fn encode(&self, showers_mev: &Tensor, energies_gev: &Tensor) -> Result<Posterior>;
}
