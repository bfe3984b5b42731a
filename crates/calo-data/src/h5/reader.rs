//! Reading showers from HDF5 files.

use std::path::Path;

use calo_core::{Error, Grid, Real, Result, ShowerBatch, ShowerSource};

use super::grid::ImageReader;
use super::info::FileInfo;
use super::layout::Layout;
use super::open::open;
use super::place::recognise;
use super::point_reader::PointReader;
use super::read_options::ReadOptions;
use crate::points::{CellPositions, PointBatch, sum_points};
use crate::summary::{Summary, UnitHint};

/// Showers of one file, front to back or from any shower on.
///
/// Peak memory is one batch plus a window of at most 64 MB (or a single chunk, where that is larger), whatever the
/// length of the file.
///
/// ```no_run
/// use calo_core::ShowerBatch;
/// use calo_data::{ReadOptions, ShowerReader};
///
/// # fn main() -> calo_core::Result<()> {
/// let mut showers = ShowerReader::open("photons.hdf5".as_ref(), &ReadOptions::default())?;
/// println!("{} showers of {} cells", showers.n_showers(), showers.grid());
/// let mut batch = ShowerBatch::<f32>::empty(showers.grid());
/// while showers.read_batch(1000, &mut batch)? {
///     println!("{} MeV in {} showers", batch.view().sum(), batch.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ShowerReader {
    info: FileInfo,
    body: Body,
    next: usize,
}

/// The part that depends on the layout.
#[derive(Debug)]
enum Body {
    Images(Box<ImageReader>),
    Points { reader: Box<PointReader>, positions: CellPositions, buffer: Box<PointBatch>, n_outside: u64 },
}

impl ShowerReader {
    /// Opens `path` and checks all that can be checked without reading every shower.
    ///
    /// # Errors
    /// The file is missing, unreadable, not HDF5 or damaged; its data sets are missing, of the wrong rank, grid,
    /// type or length; or it holds no shower (accepted where `options.inspect` is set).
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self> {
        let file = open(path)?;
        let place = recognise(path, &file.hdf5, options)?;
        if place.layout != Layout::ShowerData {
            let (reader, info) = ImageReader::open(&file, path, &place, options)?;
            return Ok(Self { info, body: Body::Images(Box::new(reader)), next: 0 });
        }
        let reader = PointReader::open_at(&file, path, &place, options)?;
        let mut notes = reader.notes().to_vec();
        let positions = match &options.detector {
            Some(detector) => CellPositions::of(detector),
            None if options.inspect => {
                notes.push("without a detector (--detector NAME) all points stand in one cell".to_owned());
                CellPositions::one()
            }
            None => {
                let expected =
                    "a detector to be given, for the cells that the points fall into (--detector NAME)";
                return Err(Error::file(path, "holds point clouds", expected));
            }
        };
        let grid = positions.grid();
        if let Some(told) = options.grid.filter(|told| *told != grid) {
            return Err(Error::option("grid", told, format!("{grid}, which the detector tells")));
        }
        if let Some(axes) = options.axes {
            let expected = "no order of axes for point clouds, whose points have coordinates";
            return Err(Error::option("axes", axes, expected));
        }
        let points = reader.info();
        let info = FileInfo {
            path: path.to_owned(),
            layout: place.layout,
            group: place.group,
            grid,
            full_grid: None,
            energy_unit: place.energy_unit,
            cell_unit: place.cell_unit,
            axes: place.axes,
            notes,
            n_showers: points.n_showers,
            cells: points.points.clone(),
            energies: points.energies.clone(),
            file_bytes: file.n_bytes,
        };
        let buffer = Box::new(PointBatch::empty(points.n_features));
        Ok(Self {
            info,
            body: Body::Points { reader: Box::new(reader), positions, buffer, n_outside: 0 },
            next: 0,
        })
    }

    /// What the file is.
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// Grid of every shower as it is read.
    pub fn grid(&self) -> Grid {
        self.info.grid
    }

    /// Showers in the file.
    pub fn n_showers(&self) -> u64 {
        self.info.n_showers
    }

    /// Points of point clouds that fell outside the grid so far and were dropped.
    pub fn n_points_outside(&self) -> u64 {
        match &self.body {
            Body::Images(_) => 0,
            Body::Points { n_outside, .. } => *n_outside,
        }
    }

    /// Whether the first showers have plausible units; the next shower to be read is the first.
    ///
    /// # Errors
    /// Visible energies that look 1000 times too small or too large, with the likely mix-up; showers that cannot be read.
    pub fn check_units(&mut self) -> Result<()> {
        const BYTES: usize = 32 << 20;
        const SHOWERS: usize = 64;
        let n = (BYTES / (4 * self.grid().n_cells()).max(1)).clamp(1, SHOWERS);
        let mut batch = ShowerBatch::<f32>::empty(self.grid());
        self.seek(0)?;
        self.read_batch(n, &mut batch)?;
        self.seek(0)?;
        if let Body::Points { n_outside, .. } = &mut self.body {
            *n_outside = 0; // those points will be met again
        }
        let mut summary = Summary::new(self.grid(), 0.0);
        summary.add(&batch);
        let Some((hint, response)) = summary.unit_hint().zip(summary.response_mev_per_gev()) else {
            return Ok(());
        };
        let (cell_unit, energy_unit) = (self.info.cell_unit, self.info.energy_unit);
        let [cell_unit, energy_unit] = match hint {
            UnitHint::ThousandTooSmall => [cell_unit.larger(), energy_unit.smaller()],
            UnitHint::ThousandTooLarge => [cell_unit.smaller(), energy_unit.larger()],
        };
        Err(Error::file(
            &self.info.path,
            format!(
                "{response:.3e} MeV of cells for each GeV of incident energy; {} (likely a mix-up of MeV and GeV)",
                hint.describe()
            ),
            format!(
                "plausible units: --cell-unit {cell_unit} or --energy-unit {energy_unit} say what the file has, \
                 --trust-units that it is right"
            ),
        ))
    }

    /// Makes `shower` the next one to be read.
    ///
    /// # Errors
    /// The file has fewer showers; its number of showers itself is accepted and means the end.
    pub fn seek(&mut self, shower: u64) -> Result<()> {
        match usize::try_from(shower) {
            Ok(next) if shower <= self.info.n_showers => {
                self.next = next;
                Ok(())
            }
            _ => {
                let expected = format!("0 to {}", self.info.n_showers);
                Err(Error::dataset(
                    &self.info.path,
                    &self.info.cells.name,
                    format!("no shower {shower}"),
                    expected,
                ))
            }
        }
    }

    /// Replaces the content of `batch` by the next showers, at most `max_showers`; `false` at the end.
    ///
    /// # Errors
    /// Damaged data; energies that are not above 0 or cells that are negative or not finite, with their count in the
    /// whole file and the first one's place.
    pub fn read_batch<T: Real>(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool> {
        // No larger than `usize`: `open` has checked the extents.
        let n_showers = usize::try_from(self.info.n_showers).unwrap_or(usize::MAX);
        let rows = self.next..self.next.saturating_add(max_showers).min(n_showers);
        match &mut self.body {
            Body::Images(reader) => reader.read(rows.clone(), batch)?,
            Body::Points { reader, positions, buffer, n_outside } => {
                reader.seek(rows.start as u64)?;
                reader.read_batch(max_showers, buffer)?;
                *n_outside += sum_points(buffer, *positions, batch);
            }
        }
        self.next = rows.end;
        Ok(!rows.is_empty())
    }
}

impl<T: Real> ShowerSource<T> for ShowerReader {
    fn grid(&self) -> Grid {
        self.info.grid
    }

    fn n_showers(&self) -> Option<u64> {
        Some(self.info.n_showers)
    }

    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool> {
        self.read_batch(max_showers, batch)
    }

    fn rewind(&mut self) -> Result<()> {
        self.seek(0)
    }
}
