//! calo-metrics
mod error;
pub mod results;

pub use error::{Error, Index, Result};
