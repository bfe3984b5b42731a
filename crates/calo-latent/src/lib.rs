//! Statistics of a latent space.
//!
//! Points come as views of `[point, column]`; nothing here knows a tensor, a shower or a network.
//!
//! * [`Kde`] is a kernel density of latent variables and incident energy: fitted with a bandwidth of cross-validated
//!   likelihood, evaluated, sampled, also at a given energy, saved and loaded.
#![expect(clippy::needless_pass_by_value, reason = "array views are passed by value, as ndarray does")]

mod check;
mod error;
mod kde;
mod log_sum;
mod random;
mod whitening;

pub use error::{Error, Index, Result};
pub use kde::{
    Bandwidth, BandwidthSearch, CrossValidation, Evaluation, Given, Kde, KdeSettings, Stage, Storage, scott,
    silverman,
};
pub use whitening::Scaling;
