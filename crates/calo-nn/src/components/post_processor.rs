//! The post-processor: a per-cell network after a decoder that corrects the spectrum of cell energies.
//!
//! # Reference
//! fast-and-accurate-showers, section 3.3.

mod network;
mod training;

pub use network::{PostProcessor, PostProcessorConfig, PostProcessorOutput};
pub use training::{PostProcessorLosses, PostProcessorStage, PostProcessorTraining};
