//! Showers in HDF5 files: reading and writing of every layout the field uses, as streams of bounded memory.
//!
//! [`ShowerReader`] recognises the layout on its own and yields [`ShowerBatch`](crate::ShowerBatch)es on a grid;
//! [`ShowerWriter`] writes any of them. Layouts, axes and units are described in `docs/formats.md`.

mod array;
mod check;
mod column;
mod element;
mod filter;
mod info;
mod layout;
mod open;
mod raw;
mod reader;
mod rows;
mod writer;

pub use info::{FileInfo, StorageInfo};
pub use layout::Layout;
pub use reader::{NegativeCells, ReadOptions, ShowerReader};
pub use writer::{Compression, ShowerWriter, WriteOptions};
