//! Showers out of HDF5 files.

use std::any::Any;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ndarray::Array4;

use super::array::Array;
use super::check;
use super::info::{FileInfo, StorageInfo};
use super::layout::{Layout, Place, recognise};
use super::open::open;
use super::rows::{Crop, Window};
use crate::detector::{CoreCrop, Detector};
use crate::error::{Error, Result};
use crate::shower::{Dtype, Grid, Real, ShowerBatch, ShowerExtras};
use crate::source::ShowerSource;

/// What to do about negative cells. Cells that are not finite are refused in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NegativeCells {
    /// They are an error that tells how many there are.
    #[default]
    Refuse,
    /// They count as zero.
    Clip,
}

/// How to read a file; the default recognises what it can and refuses impossible values.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The layout, where it shall not be recognised.
    pub layout: Option<Layout>,
    /// The group of `energy` and `layers`.
    pub group: Option<String>,
    /// Name of the data set of incident energies in that group, `energy` unless given.
    pub energy_name: Option<String>,
    /// Name of the data set of cells in that group, `layers` unless given.
    pub layers_name: Option<String>,
    /// The grid: needed for CaloChallenge files, checked for others.
    pub grid: Option<Grid>,
    /// Names, core crop, grid and cell size where not given otherwise; needed for point clouds.
    pub detector: Option<Detector>,
    /// Core to cut out of every shower, where the group does not say it.
    pub core_crop: Option<CoreCrop>,
    /// What to do about negative cells.
    pub negative_cells: NegativeCells,
    /// Yield every value as it is, refusing nothing but damage: for `calo inspect`.
    pub inspect: bool,
}

impl ReadOptions {
    /// Options for files of `detector`.
    pub fn for_detector(detector: &Detector) -> Self {
        Self { detector: Some(detector.clone()), ..Self::default() }
    }
}

/// The core of `hcal_only` images, for readers without a detector.
const HCAL_CORE: CoreCrop = CoreCrop { x: [19, 32], y: [17, 30] };

/// Showers of one file, front to back or from any shower on.
///
/// Peak memory is one batch plus a window of at most 64 MB (or a single chunk, where that is larger), whatever the
/// length of the file.
///
/// ```no_run
/// use calo_data::{ReadOptions, ShowerBatch, ShowerReader};
///
/// # fn main() -> calo_data::Result<()> {
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
    energies: Array,
    cells: Array,
    crop: Crop,
    gev_per_unit: f64,
    negative_cells: NegativeCells,
    inspect: bool,
    next: usize,
    windows: Windows,
}

/// What was decoded and not asked for yet.
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

impl ShowerReader {
    /// Opens `path` and checks all that can be checked without reading every shower.
    ///
    /// # Errors
    /// The file is missing, unreadable, not HDF5 or damaged; its data sets are missing, of the wrong rank, grid,
    /// type or length; or it holds no shower (accepted where `options.inspect` is set).
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self> {
        let file = open(path)?;
        let place = recognise(path, &file.hdf5, options)?;
        let plain = Arc::new(file.plain.try_clone().map_err(|e| Error::io(path, "open for reading", e))?);
        let energies = Array::open(&file, &plain, path, &place.energies)?;
        let cells = Array::open(&file, &plain, path, &place.cells)?;
        check_lengths(&energies, &cells, options.inspect)?;
        let (full_grid, core) = grid_of(&cells, &place, options)?;
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
        let info = FileInfo {
            path: path.to_owned(),
            layout: place.layout,
            group: place.group,
            grid,
            full_grid: core.map(|_| full_grid),
            n_showers: cells.n_rows() as u64,
            cells: StorageInfo::of(&cells),
            energies: StorageInfo::of(&energies),
            file_bytes: file.n_bytes,
        };
        Ok(Self {
            gev_per_unit: if info.layout == Layout::CaloChallenge { 1e-3 } else { 1.0 },
            info,
            energies,
            cells,
            crop,
            negative_cells: options.negative_cells,
            inspect: options.inspect,
            next: 0,
            windows: Windows::default(),
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
                Err(self.cells.error(format!("no shower {shower}"), format!("0 to {}", self.info.n_showers)))
            }
        }
    }

    /// Replaces the content of `batch` by the next showers, at most `max_showers`; `false` at the end.
    ///
    /// # Errors
    /// Damaged data; energies that are not above 0 or cells that are negative or not finite, with their count in the
    /// whole file and the first one's place.
    pub fn read_batch<T: Real>(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool> {
        let rows = self.next..self.next.saturating_add(max_showers).min(self.cells.n_rows());
        batch.first_shower = rows.start as u64;
        batch.extras = ShowerExtras::default();
        self.read_energies(rows.clone(), &mut batch.energies_gev)?;
        let [layers, nx, ny] = self.info.grid.shape();
        let (mut values, _) = std::mem::take(&mut batch.cells_mev).into_raw_vec_and_offset();
        values.resize(rows.len() * self.info.grid.n_cells(), T::default());
        let mut passing = Window::default();
        let window = self.windows.cells::<T>().unwrap_or(&mut passing);
        window.read(&self.cells, &self.crop, rows.clone(), &mut values)?;
        self.check_cells(&mut values)?;
        batch.cells_mev = Array4::from_shape_vec((rows.len(), layers, nx, ny), values)
            .map_err(|e| self.cells.error(format!("{e}"), "as many cells as the grid has"))?;
        self.next = rows.end;
        Ok(!rows.is_empty())
    }

    fn read_energies(&mut self, rows: Range<usize>, energies_gev: &mut Vec<f64>) -> Result<()> {
        energies_gev.resize(rows.len(), 0.0);
        self.windows.energies.read(&self.energies, &None, rows, energies_gev)?;
        if !self.inspect && !energies_gev.iter().all(|energy| is_energy(*energy)) {
            return Err(self.bad_energies());
        }
        for energy in energies_gev {
            *energy *= self.gev_per_unit;
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

    /// Counts the impossible energies of the whole file.
    fn bad_energies(&self) -> Error {
        let (mut n_bad, mut first) = (0_u64, None);
        let mut energies = Vec::new();
        let mut window = Window::default();
        for start in (0..self.energies.n_rows()).step_by(4096) {
            let rows = start..(start + 4096).min(self.energies.n_rows());
            energies.resize(rows.len(), 0.0);
            if let Err(e) = window.read(&self.energies, &None, rows, &mut energies) {
                return e;
            }
            for (i, energy) in energies.iter().enumerate().filter(|(_, energy)| !is_energy(**energy)) {
                n_bad += 1;
                first = first.or(Some((start + i, *energy)));
            }
        }
        let (shower, energy) = first.unwrap_or_default();
        Error::Shower {
            path: self.info.path.clone(),
            dataset: self.energies.name.clone(),
            shower: shower as u64,
            problem: format!(
                "an incident energy of {energy}, the first of {n_bad} impossible ones in the file"
            ),
            expected: "finite energies above 0".to_owned(),
        }
    }

    /// Counts the impossible cells of the whole file.
    fn bad_cells(&self, negatives: bool) -> Error {
        const SHOWERS: usize = 64;
        let n_cells = self.info.grid.n_cells();
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
        let index = check::index_of(bad.first.unwrap_or(0), self.info.grid);
        let clip = if negatives { " (negative ones can be clipped to zero)" } else { "" };
        Error::Shower {
            path: self.info.path.clone(),
            dataset: self.cells.name.clone(),
            shower: index[0],
            problem: format!("{} in the file, the first is {first} at {index:?}", bad.counts()),
            expected: format!("finite cell energies of at least 0 MeV{clip}"),
        }
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

fn is_energy(energy: f64) -> bool {
    energy.is_finite() && energy > 0.0
}

/// One energy for each shower, and at least one shower.
fn check_lengths(energies: &Array, cells: &Array, empty_accepted: bool) -> Result<()> {
    if energies.shape.len() > 2 || energies.row_len() != 1 {
        return Err(energies.error(format!("extents {:?}", energies.shape), "[showers] or [showers, 1]"));
    }
    if energies.n_rows() != cells.n_rows() {
        return Err(energies.error(
            format!("{} energies", energies.n_rows()),
            format!("{}, one for each shower of `{}`", cells.n_rows(), cells.name),
        ));
    }
    if cells.n_rows() == 0 && !empty_accepted {
        return Err(cells.error("no shower", "at least one shower"));
    }
    Ok(())
}

/// The grid in the file and the core to cut out of it.
fn grid_of(cells: &Array, place: &Place, options: &ReadOptions) -> Result<(Grid, Option<CoreCrop>)> {
    if place.layout == Layout::CaloChallenge {
        let grid = options.grid.or(options.detector.as_ref().map(|detector| detector.grid));
        let Some(grid) = grid else {
            return Err(cells.error(
                format!("flattened showers of {} cells", cells.row_len()),
                "the grid to be given, as layers x nx x ny or by a detector",
            ));
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
    if let Some(CoreCrop { x, y }) = core {
        if x[0] >= x[1] || y[0] >= y[1] || x[1] > nx || y[1] > ny {
            return Err(cells.error(
                format!("showers of {grid} cells"),
                format!("an image that holds the core x {} to {}, y {} to {}", x[0], x[1], y[0], y[1]),
            ));
        }
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
