//! Parts of networks and of training steps that several families share.
//!
//! | module | holds |
//! | --- | --- |
//! | `showers` | checks of the input of networks on a grid |
//! | `stack` | convolutions with layer normalisation, one after another |
//! | `scaling` | [`Scaling`], [`EnergyScaling`]: how energies enter and leave networks |
//! | `generator` | [`GeneratorConfig`]: what the generators of the GANs share |
//! | `critics` | the loss of a Wasserstein critic |
//! | `collapse` | runs whose showers are all empty |
//! | `latent_optimisation` | [`latent_optimised`]: noise moved towards better scores |
//! | `published` | tensors and sizes in published state dictionaries |
//! | [`post_processor`] | per-cell network that corrects the cell spectrum, and its training |

pub(crate) mod collapse;
pub(crate) mod critics;
pub(crate) mod generator;
pub(crate) mod latent_optimisation;
pub mod post_processor;
pub(crate) mod published;
mod scaling;
mod showers;
pub(crate) mod stack;

pub use generator::GeneratorConfig;
pub use latent_optimisation::{latent_optimised, latent_step};
pub use scaling::{CellScale, EnergyScaling, Scaling};
pub(crate) use showers::{FeatureMaps, check_condition, check_layers, images, no_layers, positive};
