//! Calorimeter showers on disk: HDF5 and ROOT files, and the steps between a file and a batch of showers.
//!
//! Showers in memory, detectors and the errors of everything here are those of `calo_core`.
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "a library returns what it has to say")]

mod crop;
mod filter;
mod h5;
mod hits;
mod pipeline;
mod points;
mod pool;
mod project;
mod readout;
mod regular;
pub mod root;
mod shuffle;
mod split;
mod stagger;
mod summary;

pub use crop::CropSource;
pub use filter::{Filter, FilterReport, FilterSource, PunchThrough};
pub use h5::{
    Axes, Compression, EnergyUnit, FileInfo, Layout, NegativeCells, PointFileInfo, PointReader,
    PointWriteOptions, PointWriter, ReadOptions, ShowerReader, ShowerWriter, StorageInfo, TableColumn,
    TableReader, TableWriter, WriteOptions, read_attributes, voxel_row,
};
pub use hits::{Event, HitBatch, HitSource};
pub use pipeline::{ProjectedShowers, StaggerFrom};
pub use points::{PointBatch, grid_to_points, points_to_grid};
pub use pool::PoolSource;
pub use project::{HitProjector, ProjectionReport, project_event};
pub use readout::CellHits;
pub use root::{HitReader, HitWriteOptions, HitWriter, TreeName};
pub use shuffle::{BatchPlace, Prefetch, ShuffleSettings, ShuffledShowers};
pub use split::{Part, PartSource, Split, for_each_part};
pub use stagger::{Gap, StaggerMap, StaggerSource};
pub use summary::{Extent, Summary, Tally, UnitHint};

/// The example of the README is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
