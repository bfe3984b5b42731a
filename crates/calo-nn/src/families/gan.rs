//! GAN for photons: a generator against a discriminator.
//!
//! | module | holds |
//! | --- | --- |
//! | `networks` | [`Generator`], [`Discriminator`] |
//! | `model` | [`ModelConfig`]: sizes and scaling |
//! | `config` | [`Config`]: the same, as the engine gets it |
//! | `step` | one training step: discriminator, generator |
//! | `sampler` | the generator with MeV and GeV on the outside |
//!
//! # Reference
//! fast-and-accurate-showers, section 3.1; sizes from the published model.

mod config;
mod model;
mod networks;
mod sampler;
mod step;

pub use config::Config;
pub use model::{ModelConfig, Scaling};
pub use networks::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig};

use crate::engine::FamilyEntry;

/// Groups of parameters.
const GENERATOR: &str = "generator";
const DISCRIMINATOR: &str = "discriminator";

/// The entry in the list of families.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    name: "gan",
    configure: |tables, grid| Ok(Box::new(Config::from_tables(tables, grid)?)),
    import: |_| Ok(None),
    old_names: &[],
};
