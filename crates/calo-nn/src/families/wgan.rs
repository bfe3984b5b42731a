//! Wasserstein GANs for photons and pions: generator, critic, and the constrainer of the energy.
//!
//! | module | holds |
//! | --- | --- |
//! | `generator`, `critic`, `constrainer` | [`Generator`], [`Critic`], [`Constrainer`]: the networks |
//! | `groups` | names of the groups of parameters |
//! | `model` | [`ModelConfig`]: sizes and scaling |
//! | `losses`, `schedule` | [`LossWeights`], [`Schedule`]: what is minimised, and when |
//! | `config` | [`Config`]: all of these, as a family of the engine |
//! | `step` | one training step: constrainer; or critic, generator |
//! | `sampler` | the generator in MeV and GeV, and the slope of the critic's score |
//! | `import` | a published model from its state dictionaries |
//!
//! # Reference
//! fast-and-accurate-showers, section 3.2; sizes from the published models.

mod config;
mod constrainer;
mod critic;
mod generator;
mod groups;
mod import;
mod losses;
mod model;
mod sampler;
mod schedule;
mod step;

pub use config::Config;
pub(crate) use config::FAMILY;
pub use constrainer::{Constrainer, ConstrainerConfig};
pub use critic::{Critic, CriticConfig};
pub use generator::Generator;
pub use losses::LossWeights;
pub use model::ModelConfig;
pub use schedule::Schedule;
