//! Optimisers: what changes the weights of a network from step to step.

mod adam;
mod candle;

pub(crate) use adam::Update;
pub use adam::{Adam, AdamConfig};
