//! Showers in HDF5 files: reading and writing of every layout the field uses, as streams of bounded memory.
//!
//! [`ShowerReader`] recognises the layout on its own and yields [`ShowerBatch`](calo_core::ShowerBatch)es on a grid;
//! [`ShowerWriter`] writes any of them. Layouts, axes and units are described in `docs/formats.md`.

mod array;
mod attributes;
mod check;
mod column;
mod element;
mod extras;
mod filter;
mod grid;
mod heap;
mod image_writer;
mod info;
mod kind;
mod layout;
mod open;
mod plugins;
mod point_reader;
mod point_writer;
mod raw;
mod reader;
mod rows;
mod table;
mod writer;

pub use attributes::read_attributes;
pub use info::{FileInfo, StorageInfo};
pub use layout::Layout;
pub use point_reader::{PointFileInfo, PointReader};
pub use point_writer::{PointWriteOptions, PointWriter};
pub use reader::{NegativeCells, ReadOptions, ShowerReader};
pub use table::{TableColumn, TableReader, TableWriter};
pub use writer::{Compression, ShowerWriter, WriteOptions};
