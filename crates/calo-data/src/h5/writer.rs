//! Showers into HDF5 files, which appear whole or not at all.

use std::path::Path;

use super::column::{Column, ColumnSpec, set_text, write_error};
use super::element;
use super::layout::Layout;
use super::open::one_line;
use crate::atomic::AtomicFile;
use crate::error::{Error, Result};
use crate::shower::{Dtype, Grid, Real, ShowerBatch};

/// Lossless compression of every chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// gzip level 1 to 9; 0 stores plainly.
    pub level: u8,
    /// Put equal bytes of the numbers side by side first, which makes showers a fifth smaller.
    pub shuffle: bool,
}

impl Default for Compression {
    fn default() -> Self {
        Self { level: 4, shuffle: true }
    }
}

/// How to write a file.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Layout of the file.
    pub layout: Layout,
    /// Grid of every shower.
    pub grid: Grid,
    /// Type of the stored cells.
    pub dtype: Dtype,
    /// Type of the stored incident energies; that of the cells where `None`.
    pub energy_dtype: Option<Dtype>,
    /// The group of a grid layout; named after the grid where `None` (`30x30` for cubes, else `48x13x13`).
    pub group: Option<String>,
    /// Compression of the cells.
    pub compression: Compression,
    /// Showers in a chunk; about 1.5 MB where `None`.
    pub chunk_showers: Option<usize>,
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
            attributes: Vec::new(),
        }
    }
}

/// Bytes of a chunk where the caller does not say: enough to compress well, small enough to jump around.
const CHUNK_BYTES: usize = 3 << 19;

/// Showers in a chunk of the data set of incident energies.
const ENERGY_CHUNK: usize = 1024;

/// Writes showers one batch after the other.
///
/// Nothing stands under the final name until [`ShowerWriter::finish`]; dropping the writer before leaves an older
/// file as it was.
///
/// ```
/// use calo_data::{Grid, ReadOptions, ShowerBatch, ShowerReader, ShowerWriter, WriteOptions};
///
/// # fn main() -> calo_data::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("showers.hdf5");
/// let grid = Grid { layers: 2, nx: 3, ny: 3 };
/// let mut batch = ShowerBatch::<f32>::empty(grid);
/// batch.energies_gev = vec![50.0];
/// batch.cells_mev = ndarray::Array4::ones((1, 2, 3, 3));
/// let mut writer = ShowerWriter::create(&path, &WriteOptions::new(grid))?;
/// writer.write(&batch)?;
/// writer.finish()?;
/// let reader = ShowerReader::open(&path, &ReadOptions::default())?;
/// assert_eq!((reader.n_showers(), reader.grid()), (1, grid));
/// # Ok(())
/// # }
/// ```
pub struct ShowerWriter {
    // Before `file`: data sets close first, then the file, then the temporary file goes.
    energies: Column,
    cells: Column,
    file: hdf5::File,
    target: AtomicFile,
    options: WriteOptions,
    n_showers: u64,
}

impl ShowerWriter {
    /// Starts a file that will be `path`.
    ///
    /// # Errors
    /// Impossible options, or a place that cannot be written.
    pub fn create(path: &Path, options: &WriteOptions) -> Result<Self> {
        check_options(options)?;
        let target = AtomicFile::create(path)?;
        let failed = |e: &hdf5::Error| {
            Error::file(path, format!("cannot be written ({})", one_line(e)), "a disk with room")
        };
        let file = hdf5::File::create(target.temporary_path()).map_err(|e| failed(&e))?;
        for (name, text) in &options.attributes {
            set_text(&file, name, text).map_err(|e| write_error(path, name, &one_line(&e)))?;
        }
        let Grid { layers, nx, ny } = options.grid;
        let row_bytes = options.grid.n_cells() * element::size_of(options.dtype);
        let chunk_rows =
            options.chunk_showers.unwrap_or(CHUNK_BYTES / row_bytes).clamp(1, (128 << 20) / row_bytes);
        let group = group_name(options);
        let (parent, names, row_shape, units) = match options.layout {
            Layout::CaloChallenge => {
                let root = file.as_group().map_err(|e| failed(&e))?;
                (root, ["incident_energies", "showers"], vec![options.grid.n_cells()], ["MeV", "MeV"])
            }
            _ => {
                let group = create_group(&file, &group).map_err(|e| failed(&e))?;
                set_text(&group, "axes", "[shower, layer, x, y]").map_err(|e| failed(&e))?;
                (group, ["energy", "layers"], vec![layers, nx, ny], ["GeV", "MeV"])
            }
        };
        let energies = column(
            path,
            &parent,
            options.energy_dtype.unwrap_or(options.dtype),
            &ColumnSpec {
                name: names[0],
                row_shape: &[1],
                chunk_rows: ENERGY_CHUNK,
                compression: Compression { level: 0, shuffle: false },
                unit: Some(units[0]),
            },
        )?;
        let cells = column(
            path,
            &parent,
            options.dtype,
            &ColumnSpec {
                name: names[1],
                row_shape: &row_shape,
                chunk_rows,
                compression: options.compression,
                unit: Some(units[1]),
            },
        )?;
        Ok(Self { energies, cells, file, target, options: options.clone(), n_showers: 0 })
    }

    /// Appends `batch`.
    ///
    /// # Errors
    /// A batch on another grid, or a full disk.
    pub fn write<T: Real>(&mut self, batch: &ShowerBatch<T>) -> Result<()> {
        let n = batch.len();
        if batch.grid() != self.options.grid || batch.cells_mev.dim().0 != n {
            let found = format!("{n} energies and {} showers of {}", batch.cells_mev.dim().0, batch.grid());
            return Err(Error::option(
                "batch",
                found,
                format!("showers of {}, one energy each", self.options.grid),
            ));
        }
        let per_gev = if self.options.layout == Layout::CaloChallenge { 1e3 } else { 1.0 };
        let energies: Vec<f64> = batch.energies_gev.iter().map(|energy| energy * per_gev).collect();
        element::encode(
            &energies,
            self.options.energy_dtype.unwrap_or(self.options.dtype),
            self.energies.buffer(),
        );
        self.energies.flush_chunks()?;
        for shower in batch.cells_mev.outer_iter() {
            match shower.as_slice() {
                Some(cells) => element::encode(cells, self.options.dtype, self.cells.buffer()),
                None => {
                    let cells: Vec<T> = shower.iter().copied().collect();
                    element::encode(&cells, self.options.dtype, self.cells.buffer());
                }
            }
            self.cells.flush_chunks()?;
        }
        self.n_showers += n as u64;
        Ok(())
    }

    /// Showers written so far.
    pub fn n_showers(&self) -> u64 {
        self.n_showers
    }

    /// Completes the file and gives it its final name.
    ///
    /// # Errors
    /// A full disk; what stood under the name before is still there then.
    pub fn finish(self) -> Result<()> {
        let Self { mut energies, mut cells, file, target, .. } = self;
        energies.finish()?;
        cells.finish()?;
        drop((energies, cells));
        let failed = |e: &hdf5::Error| {
            Error::file(
                target.path(),
                format!("cannot be written ({})", one_line(e)),
                "a disk with room for it",
            )
        };
        file.flush().map_err(|e| failed(&e))?;
        file.close().map_err(|e| failed(&e))?;
        target.commit()
    }
}

fn check_options(options: &WriteOptions) -> Result<()> {
    let grid = options.grid;
    let n_cells = grid.shape().iter().try_fold(1_usize, |n, extent| n.checked_mul(*extent));
    if !n_cells.is_some_and(|n| (1..=1 << 24).contains(&n)) {
        return Err(Error::option("grid", grid, "1 to 2^24 cells"));
    }
    if options.compression.level > 9 {
        return Err(Error::option("compression", options.compression.level, "a gzip level 0 to 9"));
    }
    if options.chunk_showers == Some(0) {
        return Err(Error::option("chunk_showers", 0, "at least 1"));
    }
    Ok(())
}

/// The group's name: that of the papers' files where the grid is theirs.
fn group_name(options: &WriteOptions) -> String {
    let Grid { layers, nx, ny } = options.grid;
    let by_grid = if layers == nx && nx == ny { format!("{nx}x{ny}") } else { format!("{layers}x{nx}x{ny}") };
    options.group.clone().unwrap_or(by_grid)
}

/// The group `name`, with those it stands in; the root for an empty name.
fn create_group(file: &hdf5::File, name: &str) -> hdf5::Result<hdf5::Group> {
    let name = name.trim_matches('/');
    if name.is_empty() { file.as_group() } else { file.create_group(name) }
}

fn column(path: &Path, group: &hdf5::Group, dtype: Dtype, spec: &ColumnSpec<'_>) -> Result<Column> {
    match dtype {
        Dtype::F32 => Column::create::<f32>(path, group, spec),
        Dtype::F64 => Column::create::<f64>(path, group, spec),
    }
}
