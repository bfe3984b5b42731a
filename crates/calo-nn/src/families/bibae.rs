//! Bounded-information-bottleneck autoencoder (BIB-AE) with a post-processor.
//!
//! | module | holds |
//! | --- | --- |
//! | [`networks`] | encoder, decoder and the critics that train them |
//! | `model` | [`ModelConfig`]: sizes of all networks |
//! | `losses`, `schedule` | [`LossWeights`], [`Schedule`]: what is minimised, and when |
//! | `config` | [`Config`]: all of these |
//! | `groups` | names of the groups of parameters |
//! | `family` | [`Config`] as a family of the engine |
//! | `generator` | encoder, decoder and post-processor in MeV and GeV; the sampler |
//! | `profiles`, `profile_moments` | sums of cells, and a loss of their moments |
//! | `step` | one training step: critics, encoder and decoder, post-processor |
//! | `import` | a published model from its state dictionaries |
//! | `old_names` | fields of configurations of earlier versions |
//!
//! # Reference
//! decoding-photons, section 1.2; fast-and-accurate-showers, section 3.3.

mod config;
mod family;
mod generator;
mod groups;
mod import;
mod losses;
mod model;
pub mod networks;
mod old_names;
mod profile_moments;
mod profiles;
mod schedule;
mod step;

pub use config::Config;
pub(crate) use family::FAMILY;
pub use losses::{KlAnnealing, LossWeights, StagedActivation};
pub use model::ModelConfig;
pub use profile_moments::ProfileMomentsConfig;
pub use schedule::Schedule;
