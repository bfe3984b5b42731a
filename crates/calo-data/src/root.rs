//! ROOT files, as far as raw hits need them: `TTree`s with branches of numbers and of arrays of numbers.
//!
//! The writer is our own, so that the same hits make the same bytes, memory is bounded, and the file appears whole or
//! not at all. So is the reader, of some 700 lines, because the file is not trusted: every length is checked before it
//! is used, so damage ends in an error and never in a panic, an endless loop or an exhausted machine. It keeps one
//! basket of each branch in memory. `docs/formats.md` says which files it reads and why `oxyroot` is not used.

mod bytes;
mod choice;
mod column;
mod compression;
mod element;
mod encode;
mod file;
mod hits;
mod record;
mod tree;
mod tree_record;
mod writer;

pub use hits::{HitReader, TreeName};
pub use writer::{HitWriteOptions, HitWriter};
