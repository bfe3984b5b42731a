//! Tensor operations Candle lacks, layers, networks, losses and optimisers of calorimeter models.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ops`] | 3-D convolutions, layer normalisation, sorting and others: differentiable twice or more, on CPU and CUDA |
//! | [`autograd`] | gradients, and gradients to be differentiated again |
//! | [`cuda`] | the same operations on a GPU; precision there |

pub mod autograd;
mod cpu;
pub mod cuda;
mod error;
pub mod ops;

pub use error::{Error, Result};

/// Candle, at the version that this crate was built with.
pub use candle_core as candle;
