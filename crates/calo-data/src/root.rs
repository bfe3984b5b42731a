//! ROOT files, as far as raw hits need them: `TTree`s with branches of numbers and of arrays of numbers.
//!
//! Our own reader, of some 700 lines, because the file is not trusted: every length is checked before it is used, so
//! damage ends in an error and never in a panic, an endless loop or an exhausted machine. It keeps one basket of
//! each branch in memory. `docs/formats.md` says which files it reads and why `oxyroot` does not stand here.

mod bytes;
mod column;
mod compression;
mod file;
mod hits;
mod tree;

pub use hits::{Event, HitBatch, HitReader, TreeName};
