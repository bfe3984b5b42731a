//! Differentiable operations that Candle lacks. Each file holds one, with its forward pass, its gradient and the gradient
//! of that, described in this order at the top.
//!
//! Losses are not here, with one exception: [`sorted_mmd`] has kernels of its own.
//!
//! Elements are f32 or f64, on a GPU also bf16; see [`cuda`](crate::cuda).

mod activation;
mod batch_norm;
mod check;
pub mod conv3d;
mod fused;
mod layer_norm;
mod linear;
mod locally_connected;
mod minibatch;
mod operation;
mod per_cell;
mod root;
mod sort;
mod sorted_mmd;
mod spectral_norm;

pub use activation::{leaky_relu, softplus};
pub use batch_norm::{batch_norm, batch_statistics};
#[doc(hidden)]
pub use conv3d::{Kernels, with_kernels};
pub use conv3d::{conv_transpose3d, conv3d, conv3d_weight_gradient};
pub use fused::FusedOps;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use locally_connected::locally_connected;
pub use minibatch::{
    BatchDifference, batch_difference, log_scaled, minibatch_discrimination, minibatch_standard_deviation,
};
pub use per_cell::{PerCellLayer, PerCellNetwork};
pub use root::sqrt_or_zero;
pub use sort::sort_descending;
pub use sorted_mmd::sorted_mmd;
pub use spectral_norm::{SpectralNorm, spectral_norm, spectral_norm_of_each};

pub use crate::arguments::SortedMmd;
