//! Parts of networks and of training steps that several families share.
//!
//! | module | holds |
//! | --- | --- |
//! | `showers` | what networks on a grid check of their input |
//! | `stack` | convolutions with layer normalisation, one after another |
//! | `scaling` | [`Scaling`]: how energies enter and leave networks |
//! | `posterior` | [`Posterior`]: what an encoder says of the latent variables |
//! | `critics` | the loss of a Wasserstein critic |
//! | [`post_processor`] | per-cell network that corrects the cell spectrum, and its training |

pub(crate) mod critics;
pub mod post_processor;
mod posterior;
mod scaling;
mod showers;
pub(crate) mod stack;

pub use posterior::Posterior;
pub use scaling::{CellScale, Scaling};
pub use showers::Grid;
pub(crate) use showers::{check_condition, check_result, images, no_layers, positive};
