//! Parts of networks and of training steps that several families share.
//!
//! | module | holds |
//! | --- | --- |
//! | `showers` | checks of the input of networks on a grid |
//! | `stack` | convolutions with layer normalisation, one after another |
//! | `scaling` | [`Scaling`]: how energies enter and leave networks |
//! | `generator` | [`GeneratorConfig`]: what the generators of the GANs share |
//! | `critics` | the loss of a Wasserstein critic |
//! | [`post_processor`] | per-cell network that corrects the cell spectrum, and its training |

pub(crate) mod critics;
pub(crate) mod generator;
pub mod post_processor;
mod scaling;
mod showers;
pub(crate) mod stack;

pub use generator::GeneratorConfig;
pub use scaling::{CellScale, Scaling};
pub(crate) use showers::{FeatureMaps, check_condition, images, no_layers, positive};
