//! Writing showers to HDF5 files, which appear whole or not at all.

use std::path::Path;

use calo_core::{Detector, Dtype, Error, Real, Result, ShowerBatch};

use super::image_writer::ImageWriter;
use super::layout::Layout;
use super::point_writer::{PointWriteOptions, PointWriter};
use super::write_options::WriteOptions;
use crate::points::{PointBatch, grid_to_points};

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

/// The part that depends on the layout.
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
        options.validate()?;
        let body = match options.layout {
            Layout::Grid | Layout::CaloChallenge | Layout::Lemurs | Layout::Clic => {
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
