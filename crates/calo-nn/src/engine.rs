//! Training of any family of models, and what comes out of it.
//!
//! | module | holds |
//! | --- | --- |
//! | `family` | [`FamilyConfig`] and [`Family`]: what a family says of its networks, and one training step of it |
//! | `sampler` | [`Sampler`] and [`Encode`]: what a weights file can do |
//! | `recipe` | [`Recipe`]: a family's configuration and how it is optimised |
//! | `tables` | [`Tables`]: the same as tables of a file |
//! | `old_names` | fields of files that earlier versions wrote |
//! | `optim` | [`OptimConfig`]: epochs, batch, learning rates |
//! | `step` | [`Step`]: optimisers, noise and log as a family's step gets them |
//! | `ema` | the exponential moving average of the weights |
//! | `trainer` | [`Trainer`]: parameters, optimisers and position, saved and restored to the bit |
//! | `schedule` | [`train`]: epochs and batches, from a [`BatchSource`] to [`Event`]s |
//! | `noise` | random tensors from streams of our own |
//! | `shower_model` | [`ShowerModel`]: MeV and GeV in and out, whatever the networks work with |
//!
//! Nothing here knows a family by name, opens a data file, prints, or knows the time: batches come from a source, and
//! what happens goes to a callback. Random numbers depend on the seed and the position alone, so a run that stopped goes
//! on with the same bits (on a CPU).

mod ema;
mod family;
pub(crate) mod field;
mod noise;
mod old_names;
mod optim;
mod recipe;
mod sampler;
mod schedule;
mod shower_model;
mod step;
mod tables;
mod trainer;

pub(crate) use family::unknown_family;
pub use family::{
    Configure, Family, FamilyConfig, FamilyEntry, Phase, Published, Recognise, StateDict, Trained,
};
pub use noise::{standard_normal, uniform};
pub use old_names::OldName;
pub use optim::{Group, OptimConfig};
pub use recipe::Recipe;
pub use sampler::{Encode, Prior, Sampler};
pub use schedule::{BatchSource, Event, Flow, train};
pub use shower_model::ShowerModel;
pub use step::{Showers, Step, Terms};
pub use tables::Tables;
pub(crate) use tables::{parse_table, to_table};
pub use trainer::{Position, Trainer};
