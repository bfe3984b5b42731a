//! GAN for photons: a generator against a discriminator.
//!
//! | module | holds |
//! | --- | --- |
//! | `generator`, `discriminator` | [`Generator`], [`Discriminator`]: the networks |
//! | `groups` | names of the groups of parameters |
//! | `model` | [`ModelConfig`]: sizes and scaling |
//! | `config` | [`Config`]: the same, as a family of the engine |
//! | `step` | one training step: discriminator, generator |
//! | `sampler` | the generator in MeV and GeV |
//! | `import` | a published model from its state dictionaries |
//!
//! # Reference
//! fast-and-accurate-showers, section 3.1; sizes from the published model.

mod config;
mod discriminator;
mod generator;
mod groups;
mod import;
mod model;
mod sampler;
mod step;

pub use config::Config;
pub(crate) use config::FAMILY;
pub use discriminator::{Discriminator, DiscriminatorConfig};
pub use generator::Generator;
pub use model::ModelConfig;
