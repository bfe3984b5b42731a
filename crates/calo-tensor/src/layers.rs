//! Layers: parameters with a name, and the operation of [`crate::ops`] that uses them.
//!
//! A layer is made from a [`Path`](crate::parameters::Path): from `Parameters::path` for training, from
//! `Parameters::frozen` for inference. Both share their values.

mod batch_norm;
mod candle;
mod conv3d;
mod layer_norm;
mod linear;
mod locally_connected;
mod weight;

pub use batch_norm::{BatchNorm3d, Statistics};
pub use conv3d::{Conv3d, ConvConfig, ConvTranspose3d};
pub use layer_norm::LayerNorm;
pub use linear::{Linear, linear_stack};
pub use locally_connected::{LocallyConnected, LocallyConnectedConfig};
