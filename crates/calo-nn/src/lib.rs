//! Tensor operations Candle lacks, layers, networks, losses and optimisers of calorimeter models.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ops`] | 3-D convolutions, layer normalisation, sorting and others: differentiable twice or more, on CPU and CUDA |
//! | [`losses`] | the losses of the papers, and latent optimisation |
//! | [`autograd`] | gradients, and gradients to be differentiated again |

pub mod autograd;
mod cpu;
mod error;
pub mod losses;
pub mod ops;

pub use error::{Error, Result};

/// Candle, at the version that this crate was built with.
pub use candle_core as candle;
