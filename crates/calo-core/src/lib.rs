//! What all crates about calorimeter showers share: grids and detectors, showers in memory and where they come from,
//! seeded random streams, files that appear whole or not at all, hashes. No C code, no file format.
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "a library returns what it has to say")]
mod atomic;
pub mod detector;
mod error;
mod grid;
mod hash;
mod memory;
pub mod random;
mod real;
mod shower;
mod source;

pub use atomic::{AtomicFile, remove_unfinished, write_atomically};
pub use detector::Detector;
pub use error::{Error, Result};
pub use grid::Grid;
pub use hash::{hash_bytes, hash_file};
pub use memory::MemorySource;
pub use real::{Dtype, Real};
pub use shower::{ShowerBatch, ShowerExtras};
pub use source::ShowerSource;

/// The example of the README is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
