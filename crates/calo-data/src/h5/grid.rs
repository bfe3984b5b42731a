//! Reading regular images from files: the grid layout and that of the CaloChallenge.

use std::any::Any;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use calo_core::detector::CoreCrop;
use calo_core::{Dtype, Error, Grid, Real, Result, ShowerBatch, ShowerExtras};
use ndarray::Array4;
use rayon::prelude::*;

use super::array::Array;
use super::axes::Axes;
use super::challenge::{self, voxel_row};
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
use super::units::{EnergyUnit, Scale};

/// The core of `hcal_only` images, for readers without a detector.
const HCAL_CORE: CoreCrop = CoreCrop { x: [19, 32], y: [17, 30] };
/// Cells of the full images of that calorimeter, along x and y.
const HCAL_IMAGE: (usize, usize) = (48, 48);

/// Reads images; [`ShowerReader`](super::ShowerReader) keeps the place in the file.
#[derive(Debug)]
pub(super) struct ImageReader {
    energies: Array,
    /// Where the energies stand, if each shower has several numbers there.
    column: Crop,
    cells: Array,
    /// Along the file's axes.
    crop: Crop,
    grid: Grid,
    axes: Axes,
    energy_scale: Scale,
    cell_scale: Scale,
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
        let energies = Array::open(file, &plain, path, &place.energies, Kind::Numbers)?;
        let cells = Array::open(file, &plain, path, &place.cells, Kind::Numbers)?;
        // 3DGAN's `target` holds the particle and its energy.
        let in_columns = place.layout == Layout::Clic && energies.shape.len() == 2 && energies.shape[1] > 1;
        let column = in_columns.then(|| std::iter::once(1..2).collect());
        check_lengths(&energies, &column, &cells, options.inspect)?;
        let (full_grid, core) = grid_of(&cells, place, options)?;
        let grid = core.map_or(full_grid, |core| Grid {
            nx: core.x[1] - core.x[0],
            ny: core.y[1] - core.y[0],
            ..full_grid
        });
        if let Some(expected) = known_grid(options).filter(|expected| *expected != grid) {
            return Err(
                cells.error(format!("showers of {grid} cells"), format!("{expected} cells (layers, x, y)"))
            );
        }
        let crop = core.map(|core| crop_along(&cells, place.axes, core, full_grid));
        let extras = if place.layout == Layout::Grid {
            Extras::open(file, &plain, path, &place.group, cells.n_rows())
        } else {
            Extras::default()
        };
        let mut notes = extras.left_out.clone();
        let is_flat = cells.shape.len() == 2 && known_grid(options).is_none();
        if options.inspect && is_flat && challenge::row_of(cells.row_len())?.is_none() {
            notes.push(format!(
                "the file does not hold its grid ({GRID_OPTIONS}): its cells stand in one row"
            ));
        }
        let info = FileInfo {
            path: path.to_owned(),
            layout: place.layout,
            group: printable(&place.group),
            grid,
            full_grid: core.map(|_| full_grid),
            energy_unit: place.energy_unit,
            cell_unit: place.cell_unit,
            axes: place.axes,
            notes,
            n_showers: cells.n_rows() as u64,
            cells: StorageInfo::of(&cells),
            energies: StorageInfo::of(&energies),
            file_bytes: file.n_bytes,
        };
        let reader = Self {
            energies,
            column,
            cells,
            crop,
            grid,
            axes: place.axes,
            energy_scale: place.energy_unit.into_unit(EnergyUnit::Gev),
            cell_scale: place.cell_unit.into_unit(EnergyUnit::Mev),
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
        if self.axes.are_ours() {
            window.read(&self.cells, &self.crop, rows.clone(), &mut values)?;
        } else {
            let mut as_stored = vec![T::default(); values.len()];
            window.read(&self.cells, &self.crop, rows.clone(), &mut as_stored)?;
            self.axes.to_ours(&as_stored, &mut values, self.grid);
        }
        self.check_cells(&mut values)?;
        if !self.cell_scale.is_one() {
            let scale = self.cell_scale;
            values.par_iter_mut().for_each(|cell| *cell = T::from_f64(scale.apply(cell.to_f64())));
        }
        batch.extras = self.extras.read(rows.clone())?;
        batch.cells_mev = Array4::from_shape_vec((rows.len(), layers, nx, ny), values)
            .map_err(|e| self.cells.error(format!("{e}"), "as many cells as the grid has"))?;
        Ok(())
    }

    fn read_energies(&mut self, rows: Range<usize>, energies_gev: &mut Vec<f64>) -> Result<()> {
        energies_gev.resize(rows.len(), 0.0);
        self.windows.energies.read(&self.energies, &self.column, rows, energies_gev)?;
        if !self.inspect {
            check_energies(energies_gev, &self.energies, &self.column)?;
        }
        if !self.energy_scale.is_one() {
            energies_gev.iter_mut().for_each(|energy| *energy = self.energy_scale.apply(*energy));
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
        let (mut cells, mut as_stored): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let mut window = Window::default();
        for start in (0..self.cells.n_rows()).step_by(SHOWERS) {
            let rows = start..(start + SHOWERS).min(self.cells.n_rows());
            cells.resize(rows.len() * n_cells, 0.0);
            as_stored.resize(cells.len(), 0.0);
            if let Err(e) = window.read(&self.cells, &self.crop, rows, &mut as_stored) {
                return e;
            }
            self.axes.to_ours(&as_stored, &mut cells, self.grid);
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

/// The options that tell a grid.
const GRID_OPTIONS: &str = "--grid LAYERSxNXxNY or --detector NAME";

/// The grid that the caller told.
fn known_grid(options: &ReadOptions) -> Option<Grid> {
    options.grid.or(options.detector.as_ref().map(|detector| detector.grid))
}

/// The grid in the file, in our order of axes, and the core to cut out of it.
fn grid_of(cells: &Array, place: &Place, options: &ReadOptions) -> Result<(Grid, Option<CoreCrop>)> {
    if let ([_, n_cells], Layout::CaloChallenge) = (&cells.shape[..], place.layout) {
        return flat_grid(cells, *n_cells, options).map(|grid| (grid, None));
    }
    // A detector of layers with voxels of their own takes every shower as a row.
    let row = voxel_row(cells.row_len());
    if place.layout == Layout::CaloChallenge && place.axes.are_ours() && known_grid(options) == Some(row) {
        return Ok((row, None));
    }
    // Networks for images with channels leave a last axis of length 1.
    let extents = match cells.shape[..] {
        [_, a, b, c] | [_, a, b, c, 1] => [a, b, c],
        _ => {
            let expected = if place.layout == Layout::CaloChallenge { "[showers, cells] or " } else { "" };
            let axes = place.axes.to_string().replace("layer", "layers").replace(',', ", ");
            return Err(
                cells.error(format!("extents {:?}", cells.shape), format!("{expected}[showers, {axes}]"))
            );
        }
    };
    if extents.contains(&0) {
        return Err(cells.error(format!("extents {:?}", cells.shape), "a grid with cells"));
    }
    let grid = place.axes.grid(extents);
    let core = core_of(grid, place, options);
    if let Some(CoreCrop { x, y }) = core
        && (x[0] >= x[1] || y[0] >= y[1] || x[1] > grid.nx || y[1] > grid.ny)
    {
        return Err(cells.error(
            format!("showers of {grid} cells"),
            format!("an image that holds the core x {} to {}, y {} to {}", x[0], x[1], y[0], y[1]),
        ));
    }
    Ok((grid, core))
}

/// The grid of flattened showers, which the file does not hold.
fn flat_grid(cells: &Array, n_cells: usize, options: &ReadOptions) -> Result<Grid> {
    let Some(grid) = known_grid(options).or(challenge::row_of(n_cells)?) else {
        if options.inspect && n_cells > 0 {
            return Ok(voxel_row(n_cells));
        }
        return Err(cells.error(
            format!("flattened showers of {n_cells} cells"),
            format!("{} ({GRID_OPTIONS})", challenge::expected(n_cells)?),
        ));
    };
    if n_cells == grid.n_cells() {
        return Ok(grid);
    }
    Err(cells.error(
        format!("extents {:?}", cells.shape),
        format!("[showers, {}] for a grid of {grid}", grid.n_cells()),
    ))
}

/// The core as ranges along the file's axes.
fn crop_along(cells: &Array, axes: Axes, core: CoreCrop, full_grid: Grid) -> Vec<Range<usize>> {
    let ours = [0..full_grid.layers, core.x[0]..core.x[1], core.y[0]..core.y[1]];
    let mut ranges = axes.ranges(&ours, full_grid).to_vec();
    ranges.extend(cells.shape.iter().skip(4).map(|extent| 0..*extent));
    ranges
}

/// The core to cut, unless the showers are cut already.
fn core_of(grid: Grid, place: &Place, options: &ReadOptions) -> Option<CoreCrop> {
    let is_hcal = (grid.nx, grid.ny) == HCAL_IMAGE;
    let of_detector = options.detector.as_ref().and_then(|detector| {
        let core = detector.hdf5.core_crop?;
        let is_full = detector.hdf5.full_group.as_deref() == Some(place.group.as_str())
            || (is_hcal && core == HCAL_CORE && grid.layers == detector.grid.layers);
        (is_full && grid != detector.grid).then_some(core)
    });
    let known = (place.group == "hcal_only" && is_hcal).then_some(HCAL_CORE);
    options.core_crop.or(of_detector).or(known)
}
