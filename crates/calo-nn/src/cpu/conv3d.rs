//! The three products of a 3-D convolution: output, gradient for the input, gradient for the weight.
//!
//! | file | holds |
//! | --- | --- |
//! | `axis` | one axis as stride-1 convolutions over dense grids |
//! | `slab` | the padded copy of a part of the input |
//! | `sweep` | output and input gradient: the same loop over different axes |
//! | `weight` | the gradient for the weight |

mod axis;
mod slab;
mod sweep;
mod weight;

pub(crate) use sweep::{Bias, convolution, transposed};
pub(crate) use weight::weight_gradient;
