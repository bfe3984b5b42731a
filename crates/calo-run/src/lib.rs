#![doc = include_str!("../README.md")]
//!
//! # Modules
//! A request goes in with a [`Caller`](monitor::Caller), files come out, and what there is to say of them comes back.
//!
//! | module | holds |
//! | --- | --- |
//! | [`monitor`] | who asks and watches: progress, messages, interruption |
//! | [`files`], [`provenance`] | how shower files are found and stored; what files say of their origin |
//! | [`prepare`], [`inspect`] | convert, project, pool, filter and split showers; what a file holds |
//! | [`simulate`] | showers of the embedded Monte Carlo, resumable |
//! | [`config`], [`train`], [`run_folder`] | a run: its configuration, its training loop, the folder that it leaves |
//! | [`select`] | the best epoch of each run |
//! | [`model`], [`networks`] | a trained model, from a run folder or built in; its networks, arrays in and out |
//! | [`sampling`], [`generate`] | its showers, sampled from a prior or a density |
//! | [`encode`], [`latent_file`], [`parts`] | latent variables of showers |
//! | [`density`], [`latent`], [`latent_comparison`] | densities to sample from; what latent variables say, of one model and of several |
//! | [`evaluate`], [`measures`], [`report`] | candidates against a reference: results, figures, page |
//! | [`compare`] | evaluations of several models, joined |
//! | [`amplification`] | how many independent showers a generated sample is worth |
//! | [`export`], [`import`] | models to give away, and weights of others |
//! | [`experiment`] | a table or figure of a paper, from simulated showers to the page |
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "a library returns what it has to say")]
#![expect(clippy::needless_pass_by_value, reason = "array views are passed by value, as ndarray does")]

pub mod amplification;
pub mod compare;
pub mod config;
pub mod density;
mod density_file;
pub mod encode;
mod energies;
mod error;
pub mod evaluate;
pub mod experiment;
pub mod export;
pub mod files;
pub mod generate;
pub mod import;
pub mod inspect;
pub mod latent;
pub mod latent_comparison;
pub mod latent_file;
pub mod measures;
pub mod model;
pub mod monitor;
pub mod networks;
pub mod parts;
pub mod prepare;
pub mod provenance;
pub mod report;
pub mod run_folder;
pub mod sampling;
pub mod select;
pub mod simulate;
pub mod train;

pub use energies::{EnergyRange, positive};
pub use error::{Error, Result};
