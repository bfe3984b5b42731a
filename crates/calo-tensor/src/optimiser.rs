//! Optimisers.

mod adam;
mod candle;
mod fused;

pub use adam::{Adam, AdamConfig};
