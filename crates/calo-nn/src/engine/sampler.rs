//! What becomes of an epoch's file: something that makes showers.

use std::fmt::Debug;

use candle_core::Tensor;

use crate::Result;
use crate::components::Posterior;

/// The distribution of a model's latent variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prior {
    /// So many independent variables from N(0, 1).
    Normal(usize),
    /// So many, uniform from -1 to 1.
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

    /// Names of the networks that showers pass, one after another: what each of them makes is a shower.
    fn stages(&self) -> &'static [&'static str];

    /// Showers behind each of the first `n_stages` stages.
    ///
    /// # Shapes
    /// `[n, latent]`, `[n, 1]` GeV -> `n_stages` of `[n, 1, layer, x, y]` MeV, cells of any sign
    ///
    /// # Errors
    /// [`Error::Operand`](crate::Error::Operand) for other shapes.
    fn sample(&self, z: &Tensor, energies_gev: &Tensor, n_stages: usize) -> Result<Vec<Tensor>>;

    /// The way back, for families that have one.
    fn encoder(&self) -> Option<&dyn Encode> {
        None
    }
}

/// Showers to their latent variables.
pub trait Encode: Debug + Send + Sync {
    /// Latent variables that are encoded: the first of all.
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
