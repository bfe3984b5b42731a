//! Showers into HDF5 files, which appear whole or not at all.

use std::path::Path;

use calo_core::{AtomicFile, Detector, Dtype, Error, Grid, Real, Result, ShowerBatch};

use super::column::{set_text, write_error};
use super::image_writer::ImageWriter;
use super::layout::Layout;
use super::open::{builder, one_line};
use super::point_writer::{PointWriteOptions, PointWriter};
use crate::points::{PointBatch, grid_to_points};

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
}

/// An HDF5 file under its temporary name.
pub(super) struct OpenTarget {
    // Before `target`: the file closes before its temporary name goes.
    file: hdf5::File,
    target: AtomicFile,
}

impl OpenTarget {
    /// Creates the file that will be `path`, with text `attributes`.
    pub(super) fn create(path: &Path, attributes: &[(String, String)]) -> Result<Self> {
        let target = AtomicFile::create(path)?;
        // No times of creation: the same showers make the same bytes.
        let mut builder = builder(path)?;
        builder.fcpl().obj_track_times(false);
        let file = builder.create(target.temporary_path()).map_err(|e| cannot_write(path, &e))?;
        for (name, text) in attributes {
            set_text(&file, name, text).map_err(|e| write_error(path, name, &one_line(&e)))?;
        }
        Ok(Self { file, target })
    }

    /// The final name.
    pub(super) fn path(&self) -> &Path {
        self.target.path()
    }

    pub(super) fn root(&self) -> Result<hdf5::Group> {
        self.file.as_group().map_err(|e| cannot_write(self.path(), &e))
    }

    /// Completes the file, whose data sets must be closed, and gives it its final name.
    pub(super) fn commit(self) -> Result<()> {
        let Self { file, target } = self;
        file.flush().map_err(|e| cannot_write(target.path(), &e))?;
        file.close().map_err(|e| cannot_write(target.path(), &e))?;
        target.commit()
    }
}

pub(super) fn cannot_write(path: &Path, e: &hdf5::Error) -> Error {
    Error::file(path, format!("cannot be written ({})", one_line(e)), "a disk with room for it")
}

/// Writes showers one batch after the other.
///
/// Nothing stands under the final name until [`ShowerWriter::finish`]; dropping the writer before leaves an older
/// file as it was.
///
/// ```
/// use calo_core::{Grid, ShowerBatch};
/// use calo_data::{ReadOptions, ShowerReader, ShowerWriter, WriteOptions};
///
/// # fn main() -> calo_core::Result<()> {
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
    body: Body,
    options: WriteOptions,
    n_showers: u64,
}

/// What the layouts differ in.
enum Body {
    Images(Box<ImageWriter>),
    Points { writer: Box<PointWriter>, detector: Box<Detector>, buffer: Box<PointBatch> },
}

impl ShowerWriter {
    /// Starts a file that will be `path`.
    ///
    /// # Errors
    /// Impossible options, or a place that cannot be written.
    pub fn create(path: &Path, options: &WriteOptions) -> Result<Self> {
        check_options(options)?;
        let body = match options.layout {
            Layout::Grid | Layout::CaloChallenge => {
                Body::Images(Box::new(ImageWriter::create(path, options)?))
            }
            Layout::ShowerData => {
                let Some(detector) =
                    options.detector.clone().filter(|detector| detector.grid == options.grid)
                else {
                    let expected =
                        format!("a detector with the grid {}, for the size of its cells", options.grid);
                    let found =
                        options.detector.as_ref().map_or("none".to_owned(), |d| format!("grid {}", d.grid));
                    return Err(Error::option("detector", found, expected));
                };
                let point_options = PointWriteOptions {
                    energy_dtype: options.energy_dtype.unwrap_or(Dtype::F32),
                    attributes: options.attributes.clone(),
                    ..PointWriteOptions::default()
                };
                let writer = Box::new(PointWriter::create(path, &point_options)?);
                Body::Points { writer, detector: Box::new(detector), buffer: Box::new(PointBatch::empty(4)) }
            }
        };
        Ok(Self { body, options: options.clone(), n_showers: 0 })
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
        match &mut self.body {
            Body::Images(writer) => writer.write(batch)?,
            Body::Points { writer, detector, buffer } => {
                grid_to_points(batch, detector, buffer);
                writer.write(buffer)?;
            }
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
        match self.body {
            Body::Images(writer) => writer.finish(),
            Body::Points { writer, .. } => writer.finish(),
        }
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
