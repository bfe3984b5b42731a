//! Bounded-information-bottleneck autoencoder (BIB-AE) with a post-processor.
//!
//! | module | holds |
//! | --- | --- |
//! | [`networks`] | encoder, decoder and the critics that train them |
//! | `model` | [`ModelConfig`]: sizes of all networks |
//! | `losses`, `schedule` | [`Losses`], [`Schedule`]: what is minimised, and when |
//! | `config` | [`Config`]: all of these, as the engine gets them |
//! | `generator` | encoder, decoder and post-processor with MeV and GeV on the outside; the sampler |
//! | `step` | one training step: critics, encoder and decoder, post-processor |
//! | `import` | a published model from its state dictionaries |
//! | `old_names` | fields of configurations of earlier versions |
//!
//! # Reference
//! decoding-photons, section 3; fast-and-accurate-showers, section 3.3.

mod config;
mod generator;
mod import;
mod losses;
mod model;
pub mod networks;
mod old_names;
mod schedule;
mod step;

pub use config::Config;
pub use losses::{KlAnnealing, Losses, StagedActivation};
pub use model::ModelConfig;
pub use schedule::Schedule;

use crate::engine::FamilyEntry;

/// Groups of parameters.
const AUTOENCODER: &str = "autoencoder";
const CRITIC: &str = "critic";
const LATENT_CRITIC: &str = "latent_critic";
const PROFILE_CRITIC: &str = "profile_critic";
const POST_PROCESSOR: &str = "post_processor";

/// The entry in the list of families.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    name: "bib-ae",
    configure: |tables, grid| Ok(Box::new(Config::from_tables(tables, grid)?)),
    import: import::from_state_dicts,
    old_names: old_names::OLD_NAMES,
};
