//! The three products of a 3-D convolution: output, gradient for the input, gradient for the weight.
//!
//! Several ways lead to each, and the sizes decide:
//!
//! | file | holds |
//! | --- | --- |
//! | `kernels` | which way is taken |
//! | `axis` | one axis as stride-1 convolutions over dense grids |
//! | `slab` | the padded copy of a part of the input |
//! | `sweep` | directly, positions as lanes: output and input gradient, the same loop over different axes |
//! | `reach` | one axis as groups of outputs that use the same taps |
//! | `transpose` | channels first to channels last, and back |
//! | `channels` | directly, channels as lanes: output and input gradient on small grids |
//! | `unpadded` | the same over the input as it is: outputs that need no padding |
//! | `weight` | directly: the gradient for the weight |
//! | `im2col` | the input as a matrix, gathered and scattered |
//! | `products` | by matrix products with it |
//! | `pointwise` | by matrix products where the input is the matrix already |

mod axis;
mod channels;
mod im2col;
mod kernels;
mod pointwise;
mod products;
mod reach;
mod slab;
mod sweep;
mod transpose;
mod unpadded;
mod weight;

pub use kernels::{Kernels, with_kernels};
pub(crate) use kernels::{convolution, transposed, weight_gradient};
pub(crate) use sweep::Bias;
