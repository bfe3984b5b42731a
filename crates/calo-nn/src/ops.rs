//! Differentiable operations that Candle lacks. Each file holds one: its forward, its gradient, and the gradient of
//! that, named in this order at the top.

mod activation;
mod batch_norm;
mod check;
mod conv3d;
mod layer_norm;
mod linear;
mod per_cell;
mod sort;

pub use activation::{leaky_relu, softplus};
pub use batch_norm::{batch_norm, batch_statistics};
pub use conv3d::{conv_transpose3d, conv3d, conv3d_weight_gradient};
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use per_cell::{PerCellLayer, PerCellNetwork};
pub use sort::sort_descending;
