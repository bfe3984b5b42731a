//! Description of a file of showers, for users and for `calo inspect`.

use std::fmt;
use std::path::PathBuf;

use calo_core::{Dtype, Grid};
use serde::Serialize;

use super::array::{Array, Storage};
use super::axes::Axes;
use super::layout::Layout;
use super::units::EnergyUnit;

/// What [`ShowerReader::info`](super::ShowerReader::info) says about an open file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileInfo {
    /// The file.
    pub path: PathBuf,
    /// Its layout.
    pub layout: Layout,
    /// The group that holds the data sets; `/` for the root.
    pub group: String,
    /// Grid of the showers as they are read, after any crop.
    pub grid: Grid,
    /// Grid of the showers in the file where it is cut to a core on reading.
    pub full_grid: Option<Grid>,
    /// Unit of the incident energies in the file.
    pub energy_unit: EnergyUnit,
    /// Unit of the cells in the file.
    pub cell_unit: EnergyUnit,
    /// Order of the file's axes behind that of the showers.
    pub axes: Axes,
    /// What was left out, or could not be told, in words.
    pub notes: Vec<String>,
    /// Showers in the file.
    pub n_showers: u64,
    /// The data set of the cells, or of the points.
    pub cells: StorageInfo,
    /// The data set of the incident energies.
    pub energies: StorageInfo,
    /// Size of the file in bytes.
    pub file_bytes: u64,
}

/// How one data set is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StorageInfo {
    /// Path of the data set inside the file.
    pub name: String,
    /// Type of its numbers.
    pub dtype: Dtype,
    /// Extents.
    pub shape: Vec<usize>,
    /// Extents of a chunk, where it is chunked.
    pub chunk: Option<Vec<usize>>,
    /// Filters in order, for example `shuffle`, `gzip 9`.
    pub filters: Vec<String>,
    /// Bytes the data takes in the file, compressed.
    pub stored_bytes: u64,
}

impl StorageInfo {
    pub(super) fn of(array: &Array) -> Self {
        let chunk = match &array.storage {
            Storage::Chunked(chunks) => Some(chunks.shape.clone()),
            Storage::Library { .. } => array.dataset.chunk(),
            Storage::Contiguous(_) | Storage::Unwritten { .. } => None,
        };
        Self {
            name: array.name.clone(),
            dtype: array.element.dtype(),
            shape: array.shape.clone(),
            chunk,
            filters: array.filters.clone(),
            stored_bytes: array.stored_bytes,
        }
    }
}

impl fmt::Display for StorageInfo {
    /// For example `f32, chunks of [100, 30, 30, 30], shuffle, gzip 9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.dtype)?;
        match &self.chunk {
            Some(chunk) => write!(f, "chunks of {chunk:?}")?,
            None => f.write_str("contiguous")?,
        }
        for filter in &self.filters {
            write!(f, ", {filter}")?;
        }
        Ok(())
    }
}
