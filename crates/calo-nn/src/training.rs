//! Training of the BIB-AE and its post-processor, and the trained model.
//!
//! | module | holds |
//! | --- | --- |
//! | `config` | [`ModelConfig`], what a network is; [`TrainingConfig`], how it is trained |
//! | `networks` | the five networks, each once to be trained and once to be applied |
//! | `step` | one training step: critics, encoder and decoder, post-processor |
//! | `average` | the running mean of the weights |
//! | `trainer` | [`Trainer`]: networks, optimisers and position, saved and restored to the bit |
//! | `schedule` | [`train`]: epochs and batches, from a [`BatchSource`] to [`Event`]s |
//! | `noise` | random tensors from streams of our own |
//! | `shower_model` | [`ShowerModel`]: MeV and GeV in and out, whatever the network works with |
//!
//! Nothing here opens a data file, prints, or knows the time: batches come from a source, and what happens goes to a
//! callback. Random numbers depend on the seed and the position alone, so a training that stopped goes on with the same
//! bits (on a CPU).

mod average;
mod config;
mod networks;
mod noise;
mod schedule;
mod shower_model;
mod step;
mod trainer;

pub use config::{
    CellScale, Losses, ModelConfig, PostProcessorLosses, PostProcessorStage, PostProcessorTraining, Rates,
    Release, Scaling, TrainingConfig,
};
pub use noise::standard_normal;
pub use schedule::{BatchSource, Event, Flow, train};
pub use shower_model::ShowerModel;
pub use step::Terms;
pub use trainer::{Position, Trainer};
