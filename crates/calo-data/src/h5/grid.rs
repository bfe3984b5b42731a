//! Reading regular images from files: the grid layout and that of the CaloChallenge.

use std::any::Any;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use calo_core::detector::CoreCrop;
use calo_core::{Dtype, Error, Grid, Real, Result, ShowerBatch, ShowerExtras};
use ndarray::Array4;

use super::array::Array;
use super::challenge;
use super::check;
use super::energies::{check_energies, check_lengths};
use super::extras::Extras;
use super::info::{FileInfo, StorageInfo};
use super::kind::Kind;
use super::layout::Layout;
use super::open::{OpenFile, printable};
use super::place::Place;
use super::read_options::{NegativeCells, ReadOptions};
use super::rows::{Crop, Window};

/// The core of `hcal_only` images, for readers without a detector.
const HCAL_CORE: CoreCrop = CoreCrop { x: [19, 32], y: [17, 30] };

/// Reads images; [`ShowerReader`](super::ShowerReader) keeps the place in the file.
#[derive(Debug)]
pub(super) struct ImageReader {
    energies: Array,
    cells: Array,
    crop: Crop,
    grid: Grid,
    units_per_gev: f64,
    extras: Extras,
    negative_cells: NegativeCells,
    inspect: bool,
    windows: Windows,
}

/// What was decoded but not requested yet.
#[derive(Debug, Default)]
struct Windows {
    energies: Window<f64>,
    f32: Window<f32>,
    f64: Window<f64>,
}

impl Windows {
    /// The window of type `T`, which is the one its tag names.
    fn cells<T: Real>(&mut self) -> Option<&mut Window<T>> {
        let window: &mut dyn Any = match T::DTYPE {
            Dtype::F32 => &mut self.f32,
            Dtype::F64 => &mut self.f64,
        };
        window.downcast_mut()
    }
}

impl ImageReader {
    /// Opens the images at `place` of `file`.
    pub(super) fn open(
        file: &OpenFile,
        path: &Path,
        place: &Place,
        options: &ReadOptions,
    ) -> Result<(Self, FileInfo)> {
        let plain = Arc::new(file.plain.try_clone().map_err(|e| Error::io(path, "open for reading", e))?);
        let energies = Array::open(file, &plain, path, &place.energies, Kind::Floats)?;
        let cells = Array::open(file, &plain, path, &place.cells, Kind::Floats)?;
        check_lengths(&energies, &cells, options.inspect)?;
        let (full_grid, core) = grid_of(&cells, place, options)?;
        let grid = core.map_or(full_grid, |core| Grid {
            nx: core.x[1] - core.x[0],
            ny: core.y[1] - core.y[0],
            ..full_grid
        });
        let expected = options.grid.or(options.detector.as_ref().map(|detector| detector.grid));
        if let Some(expected) = expected.filter(|expected| *expected != grid) {
            return Err(
                cells.error(format!("showers of {grid} cells"), format!("{expected} cells (layers, x, y)"))
            );
        }
        let crop = core.map(|core| vec![0..grid.layers, core.x[0]..core.x[1], core.y[0]..core.y[1]]);
        let challenge = place.layout == Layout::CaloChallenge;
        let extras = if challenge {
            Extras::default()
        } else {
            Extras::open(file, &plain, path, &place.group, cells.n_rows())?
        };
        let info = FileInfo {
            path: path.to_owned(),
            layout: place.layout,
            group: printable(&place.group),
            grid,
            full_grid: core.map(|_| full_grid),
            n_showers: cells.n_rows() as u64,
            cells: StorageInfo::of(&cells),
            energies: StorageInfo::of(&energies),
            file_bytes: file.n_bytes,
        };
        let reader = Self {
            energies,
            cells,
            crop,
            grid,
            units_per_gev: if challenge { 1e3 } else { 1.0 },
            extras,
            negative_cells: options.negative_cells,
            inspect: options.inspect,
            windows: Windows::default(),
        };
        Ok((reader, info))
    }

    /// Replaces the content of `batch` by showers `rows`.
    pub(super) fn read<T: Real>(&mut self, rows: Range<usize>, batch: &mut ShowerBatch<T>) -> Result<()> {
        batch.first_shower = rows.start as u64;
        batch.extras = ShowerExtras::default();
        self.read_energies(rows.clone(), &mut batch.energies_gev)?;
        let [layers, nx, ny] = self.grid.shape();
        let (mut values, _) = std::mem::take(&mut batch.cells_mev).into_raw_vec_and_offset();
        values.resize(rows.len() * self.grid.n_cells(), T::default());
        let mut passing = Window::default();
        let window = self.windows.cells::<T>().unwrap_or(&mut passing);
        window.read(&self.cells, &self.crop, rows.clone(), &mut values)?;
        self.check_cells(&mut values)?;
        batch.extras = self.extras.read(rows.clone())?;
        batch.cells_mev = Array4::from_shape_vec((rows.len(), layers, nx, ny), values)
            .map_err(|e| self.cells.error(format!("{e}"), "as many cells as the grid has"))?;
        Ok(())
    }

    fn read_energies(&mut self, rows: Range<usize>, energies_gev: &mut Vec<f64>) -> Result<()> {
        energies_gev.resize(rows.len(), 0.0);
        self.windows.energies.read(&self.energies, &None, rows, energies_gev)?;
        if !self.inspect {
            check_energies(energies_gev, &self.energies)?;
        }
        for energy in energies_gev {
            *energy /= self.units_per_gev;
        }
        Ok(())
    }

    fn check_cells<T: Real>(&self, cells: &mut [T]) -> Result<()> {
        if self.inspect {
            return Ok(());
        }
        let refuse_negatives = self.negative_cells == NegativeCells::Refuse;
        if check::bad_cells(cells, refuse_negatives).any() {
            return Err(self.bad_cells(refuse_negatives));
        }
        if !refuse_negatives {
            check::clip_negative(cells);
        }
        Ok(())
    }

    /// Counts the impossible cells of the whole file.
    fn bad_cells(&self, negatives: bool) -> Error {
        const SHOWERS: usize = 64;
        let n_cells = self.grid.n_cells();
        let (mut bad, mut first) = (check::BadCells::default(), 0.0);
        let mut cells: Vec<f64> = Vec::new();
        let mut window = Window::default();
        for start in (0..self.cells.n_rows()).step_by(SHOWERS) {
            let rows = start..(start + SHOWERS).min(self.cells.n_rows());
            cells.resize(rows.len() * n_cells, 0.0);
            if let Err(e) = window.read(&self.cells, &self.crop, rows, &mut cells) {
                return e;
            }
            let here = check::bad_cells(&cells, negatives);
            if let (false, Some(i)) = (bad.any(), here.first) {
                first = usize::try_from(i).map_or(0.0, |i| cells[i]);
            }
            bad.merge(here, (start * n_cells) as u64);
        }
        let index = check::index_of(bad.first.unwrap_or(0), self.grid);
        let clip = if negatives { " (negative ones can be clipped to zero)" } else { "" };
        Error::Shower {
            path: self.cells.path.clone(),
            dataset: self.cells.name.clone(),
            shower: index[0],
            problem: format!("{} in the file, the first is {first} at {index:?}", bad.counts()),
            expected: format!("finite cell energies of at least 0 MeV{clip}"),
        }
    }
}

/// The grid in the file and the core to cut out of it.
fn grid_of(cells: &Array, place: &Place, options: &ReadOptions) -> Result<(Grid, Option<CoreCrop>)> {
    if place.layout == Layout::CaloChallenge {
        let given = options.grid.or(options.detector.as_ref().map(|detector| detector.grid));
        let Some(grid) = given.or(challenge::row_of(cells.row_len())?) else {
            let expected = challenge::expected(cells.row_len())?;
            return Err(cells.error(format!("flattened showers of {} cells", cells.row_len()), expected));
        };
        if cells.shape.len() != 2 || cells.row_len() != grid.n_cells() {
            return Err(cells.error(
                format!("extents {:?}", cells.shape),
                format!("[showers, {}] for a grid of {grid}", grid.n_cells()),
            ));
        }
        return Ok((grid, None));
    }
    let [_, layers, nx, ny] = cells.shape[..] else {
        return Err(cells.error(format!("extents {:?}", cells.shape), "[showers, layers, x, y]"));
    };
    if layers * nx * ny == 0 {
        return Err(cells.error(format!("extents {:?}", cells.shape), "a grid with cells"));
    }
    let grid = Grid { layers, nx, ny };
    let core = core_of(grid, place, options);
    if let Some(CoreCrop { x, y }) = core
        && (x[0] >= x[1] || y[0] >= y[1] || x[1] > nx || y[1] > ny)
    {
        return Err(cells.error(
            format!("showers of {grid} cells"),
            format!("an image that holds the core x {} to {}, y {} to {}", x[0], x[1], y[0], y[1]),
        ));
    }
    Ok((grid, core))
}

/// The core to cut, unless the showers are cut already.
fn core_of(grid: Grid, place: &Place, options: &ReadOptions) -> Option<CoreCrop> {
    let of_detector = options.detector.as_ref().and_then(|detector| {
        let full = detector.hdf5.full_group.as_deref() == Some(place.group.as_str());
        detector.hdf5.core_crop.filter(|_| full && grid != detector.grid)
    });
    let known = (place.group == "hcal_only" && (grid.nx, grid.ny) == (48, 48)).then_some(HCAL_CORE);
    options.core_crop.or(of_detector).or(known)
}
