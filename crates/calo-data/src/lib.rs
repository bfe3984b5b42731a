//! Calorimeter showers on disk and in memory.
mod error;
pub mod detector;
mod shower;
mod source;

pub use detector::Detector;
pub use error::{Error, Result};
pub use shower::{Dtype, Grid, Real, ShowerBatch, ShowerExtras};
pub use source::ShowerSource;
