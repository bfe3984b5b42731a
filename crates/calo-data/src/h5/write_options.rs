//! How showers are written: layout, grid, types, compression and attributes of the file.

use calo_core::{Detector, Dtype, Error, Grid, Result};

use super::compression::Compression;
use super::layout::Layout;

/// How to write a file.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Layout of the file.
    pub layout: Layout,
    /// Grid of every shower.
    pub grid: Grid,
    /// Type of the stored cells.
    pub dtype: Dtype,
    /// Type of the stored incident energies, that of the cells where `None`; CaloChallenge files always hold 64 bits.
    pub energy_dtype: Option<Dtype>,
    /// The group of a grid layout; named after the grid where `None` (`30x30` for cubes, else like `48x13x13`).
    pub group: Option<String>,
    /// Compression of the cells.
    pub compression: Compression,
    /// Showers in a chunk; about 1.5 MB where `None`.
    pub chunk_showers: Option<usize>,
    /// Gives point clouds the size of the cells; needed for no other layout.
    pub detector: Option<Detector>,
    /// Text attributes of the file, such as its provenance: name and value.
    pub attributes: Vec<(String, String)>,
}

impl WriteOptions {
    /// The default for showers on `grid`: grid layout, 32-bit, gzip 4 with shuffle.
    pub fn new(grid: Grid) -> Self {
        Self {
            layout: Layout::Grid,
            grid,
            dtype: Dtype::F32,
            energy_dtype: None,
            group: None,
            compression: Compression::default(),
            chunk_showers: None,
            detector: None,
            attributes: Vec::new(),
        }
    }

    /// Refuses what no file can be written with.
    pub(super) fn validate(&self) -> Result<()> {
        if !self.layout.is_written() {
            let written = Layout::WRITTEN.map(Layout::name).join(", ");
            return Err(Error::option("layout", self.layout, format!("one that is written: {written}")));
        }
        if let Some(group) = self.group.as_ref().filter(|_| self.layout != Layout::Grid) {
            return Err(Error::option("group", group, format!("none in the layout {}", self.layout)));
        }
        let grid = self.grid;
        let n_cells = grid.shape().iter().try_fold(1_usize, |n, extent| n.checked_mul(*extent));
        if !n_cells.is_some_and(|n| (1..=1 << 24).contains(&n)) {
            return Err(Error::option("grid", grid, "1 to 2^24 cells"));
        }
        if self.compression.level > 9 {
            return Err(Error::option("compression", self.compression.level, "a gzip level 0 to 9"));
        }
        if self.chunk_showers == Some(0) {
            return Err(Error::option("chunk_showers", 0, "at least 1"));
        }
        Ok(())
    }
}
