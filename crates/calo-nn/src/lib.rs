//! The networks of the papers, their losses and their training, on the tensors of [`calo_tensor`].
//!
//! | module | holds |
//! | --- | --- |
//! | [`models`] | the networks of the papers |
//! | [`losses`] | the losses of the papers, and latent optimisation |
//! | [`training`] | the training of the BIB-AE, and the trained model |
//!
//! The modules of [`calo_tensor`] that its interface speaks of stand beside them: [`ops`], [`layers`], [`autograd`],
//! [`parameters`], [`optimiser`], [`device`] and [`cuda`].
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "a library returns what it has to say")]

pub mod losses;
pub mod models;
pub mod training;

#[doc(no_inline)]
pub use calo_tensor::{Error, Result, autograd, candle, cuda, device, layers, ops, optimiser, parameters};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
