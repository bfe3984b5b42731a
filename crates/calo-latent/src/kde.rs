//! Kernel density estimates with Gaussian kernels, of latent variables and incident energy together.

mod bandwidth;
mod conditional;
mod cross_validation;
mod density;
mod file;
mod leave_one_out;
mod marginal;
mod per_dimension;
mod sampling;

pub use bandwidth::{Bandwidth, Search, scott, silverman};
pub use conditional::Given;
pub use cross_validation::{BandwidthSearch, CrossValidation, Evaluation, Stage};
pub use density::{Kde, KdeSettings};
pub use file::Storage;
pub use per_dimension::{Ascent, PerDimension};
