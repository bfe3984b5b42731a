//! Tensor operations Candle lacks, layers, networks, losses and optimisers of calorimeter models.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ops`] | 3-D convolutions, layer normalisation, sorting and others: differentiable twice or more, on CPU and CUDA |
//! | [`layers`], [`models`] | the networks of the papers |
//! | [`losses`] | the losses of the papers, and latent optimisation |
//! | [`autograd`] | gradients, and gradients to be differentiated again |
//! | [`parameters`] | named, seeded weights; weights files; PyTorch checkpoints |
//! | [`optimiser`] | Adam, which can be saved and resumed exactly |
//! | [`device`] | processor or card, by name |
//! | [`cuda`] | the same operations on a GPU; precision there |

pub mod autograd;
mod cpu;
pub mod cuda;
pub mod device;
mod error;
pub mod layers;
pub mod losses;
pub mod models;
pub mod ops;
pub mod optimiser;
pub mod parameters;

pub use error::{Error, Result};

/// Candle, at the version that this crate was built with.
pub use candle_core as candle;
