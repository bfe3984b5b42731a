//! Tensor operations Candle lacks, layers, networks, losses and optimisers of calorimeter models.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ops`] | 3-D convolutions, layer normalisation, sorting and others: differentiable twice or more, on CPU and CUDA |
//! | [`layers`], [`models`] | the networks of the papers |
//! | [`parameters`] | ordered, seeded stores of weights; checkpoints; import of published ones |
//! | [`autograd`] | gradients, and gradients to be differentiated again |

pub mod autograd;
mod cpu;
mod error;
pub mod layers;
pub mod models;
pub mod ops;
pub mod parameters;

pub use error::{Error, Result};

/// Candle, at the version that this crate was built with.
pub use candle_core as candle;
