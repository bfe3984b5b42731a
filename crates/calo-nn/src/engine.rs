//! Training of any family of models, and the trained models.
//!
//! | module | holds |
//! | --- | --- |
//! | `family` | [`FamilyConfig`] and [`Family`]: a family's networks, and one training step |
//! | `sampler` | [`Sampler`], [`Encode`] and [`LatentScore`]: a trained model |
//! | `posterior` | [`Posterior`]: distributions of latent variables |
//! | `grid` | [`Grid`]: cells along each axis |
//! | `recipe` | [`Recipe`]: a family's configuration and how it is optimised |
//! | `header` | a recipe in the metadata of weights |
//! | `tables` | [`Tables`]: the same as tables of a file |
//! | `old_names` | names of fields in files of earlier versions |
//! | `optim` | [`OptimConfig`]: epochs, batch, learning rates |
//! | `step` | [`Step`]: optimisers, noise and log for a family's step |
//! | `ema` | the exponential moving average of the weights |
//! | `trainer` | [`Trainer`]: parameters, optimisers and position, saved and restored to the bit |
//! | `schedule` | [`train`]: epochs and batches, from a [`BatchSource`] to [`Event`]s |
//! | `noise` | [`RandomRows`] and others: random tensors from keyed streams |
//! | `error` | [`TrainingError`] |
//! | `shower_model` | [`ShowerModel`]: a trained model with energies in MeV and GeV |
//!
//! No code here names a family, opens a data file, prints, or reads the clock: batches come from a source, events go to
//! a callback, and families from a list. Random numbers depend only on the seed and the position, so on a CPU a run that
//! was interrupted continues with the same bits.

mod ema;
mod error;
mod family;
mod grid;
mod header;
mod noise;
mod old_names;
mod optim;
mod posterior;
mod recipe;
mod sampler;
mod schedule;
mod shower_model;
mod step;
mod tables;
mod trainer;

pub use error::TrainingError;
pub(crate) use family::find;
pub use family::{
    Configure, Family, FamilyConfig, FamilyEntry, Phase, Published, Recognise, StateDict, Trained,
};
pub use grid::Grid;
pub use noise::{RandomRows, standard_normal, uniform};
pub use old_names::OldName;
pub use optim::{Group, OptimConfig};
pub use posterior::Posterior;
pub use recipe::Recipe;
pub use sampler::{Encode, LatentScore, Prior, Sampler};
pub use schedule::{BatchSource, Event, Flow, train};
pub use shower_model::ShowerModel;
pub use step::{Losses, Showers, Step};
pub use tables::Tables;
pub(crate) use tables::{overlay, parse_table, to_table};
pub use trainer::{Position, Trainer};
