//! Calorimeter showers on disk and in memory.
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "a library returns what it has to say")]

mod atomic;
mod crop;
pub mod detector;
mod error;
mod filter;
mod h5;
mod hits;
mod memory;
mod pipeline;
mod points;
mod pool;
mod project;
pub mod random;
mod readout;
mod regular;
pub mod root;
mod select;
mod shower;
mod shuffle;
mod source;
mod split;
mod stagger;
mod summary;

pub use atomic::{AtomicFile, remove_unfinished, write_atomically};
pub use crop::CropSource;
pub use detector::Detector;
pub use error::{Error, Result};
pub use filter::{Filter, FilterReport, FilterSource, PunchThrough};
pub use h5::{
    Compression, FileInfo, Layout, NegativeCells, PointFileInfo, PointReader, PointWriteOptions, PointWriter,
    ReadOptions, ShowerReader, ShowerWriter, StorageInfo, TableColumn, TableReader, TableWriter,
    WriteOptions, read_attributes,
};
pub use hits::{Event, HitBatch, HitSource};
pub use memory::MemorySource;
pub use pipeline::{ProjectedShowers, StaggerFrom};
pub use points::{PointBatch, grid_to_points, points_to_grid};
pub use pool::PoolSource;
pub use project::{HitProjector, ProjectionReport, project_event};
pub use readout::CellHits;
pub use root::{HitReader, HitWriteOptions, HitWriter, TreeName};
pub use shower::{Dtype, Grid, Real, ShowerBatch, ShowerExtras};
pub use shuffle::{BatchPlace, Prefetch, ShuffleSettings, ShuffledShowers};
pub use source::ShowerSource;
pub use split::{Part, PartSource, Split, for_each_part};
pub use stagger::{StaggerMap, StaggerSource};
pub use summary::{Extent, Summary, Tally, UnitHint};
