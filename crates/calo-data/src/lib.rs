//! Calorimeter showers on disk and in memory.
mod crop;
mod atomic;
mod error;
mod h5;
mod filter;
mod memory;
mod pipeline;
mod points;
mod project;
pub mod random;
pub mod root;
mod select;
mod split;
mod stagger;
mod summary;
pub mod detector;
mod shower;
mod source;

pub use crop::CropSource;
pub use atomic::{AtomicFile, write_atomically};
pub use detector::Detector;
pub use error::{Error, Result};
pub use h5::{
    Compression, FileInfo, Layout, NegativeCells, PointFileInfo, PointReader, PointWriteOptions, PointWriter,
    ReadOptions, ShowerReader, ShowerWriter, StorageInfo, WriteOptions, read_attributes,
};
pub use filter::{Filter, FilterReport, FilterSource, PunchThrough};
pub use memory::MemorySource;
pub use pipeline::ProjectedShowers;
pub use points::{PointBatch, grid_to_points, points_to_grid};
pub use project::{HitProjector, ProjectionReport, project_event};
pub use root::{Event, HitBatch, HitReader, TreeName};
pub use shower::{Dtype, Grid, Real, ShowerBatch, ShowerExtras};
pub use source::ShowerSource;
pub use split::{Part, PartSource, Split, for_each_part};
pub use stagger::{StaggerMap, StaggerSource};
pub use summary::{Extent, Summary, Tally, UnitHint};
