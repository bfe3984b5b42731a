//! Showers in HDF5 files: reading and writing of every layout the field uses, as streams of bounded memory.
//!
//! [`ShowerReader`] recognises the layout on its own and yields [`ShowerBatch`](calo_core::ShowerBatch)es on a grid;
//! [`ShowerWriter`] writes any of them. Layouts, axes and units are described in `docs/formats.md`.

mod array;
mod attributes;
mod axes;
mod bit_shuffle;
mod blosc;
mod challenge;
mod check;
mod column;
mod compression;
mod element;
mod energies;
mod extras;
mod filter;
mod grid;
mod groups;
mod heap;
mod image_writer;
mod info;
mod kind;
mod layout;
mod open;
mod place;
mod plugins;
mod point_reader;
mod point_writer;
mod raw;
mod read_options;
mod reader;
mod rows;
mod table;
mod tall;
mod target;
mod units;
mod write_options;
mod writer;

pub use attributes::read_attributes;
pub use axes::Axes;
pub use challenge::voxel_row;
pub use compression::Compression;
pub use info::{FileInfo, StorageInfo};
pub use layout::Layout;
pub use point_reader::{PointFileInfo, PointReader};
pub use point_writer::{PointWriteOptions, PointWriter};
pub use read_options::{NegativeCells, ReadOptions};
pub use reader::ShowerReader;
pub use table::{TableColumn, TableReader, TableWriter};
pub use units::EnergyUnit;
pub use write_options::WriteOptions;
pub use writer::ShowerWriter;
