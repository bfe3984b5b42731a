//! The networks of the papers, their losses and their training, on the tensors of [`calo_tensor`].
//!
//! | module | holds |
//! | --- | --- |
//! | [`engine`] | training of any family, and the trained model |
//! | [`families`] | the models of the papers, one folder a family; their list |
//! | [`components`] | parts that several families share: post-processor, scaling, critics |
//! | [`losses`] | the losses of the papers, and latent optimisation |
//!
//! The modules of [`calo_tensor`] that its interface speaks of stand beside them: [`ops`], [`layers`], [`autograd`],
//! [`parameters`], [`optimiser`], [`device`] and [`cuda`].
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "a library returns what it has to say")]

pub mod components;
pub mod engine;
pub mod families;
mod field;
pub mod losses;

#[doc(no_inline)]
pub use calo_tensor::{Error, Result, autograd, candle, cuda, device, layers, ops, optimiser, parameters};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
