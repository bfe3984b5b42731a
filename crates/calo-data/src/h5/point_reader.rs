//! Reading point clouds from ShowerData files.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use calo_core::{Dtype, Error, Result};

use super::array::{Array, Storage};
use super::element::{self, ElementType, Integer};
use super::energies::{check_energies, check_lengths};
use super::extras::Extras;
use super::heap::{Heap, Reference};
use super::info::StorageInfo;
use super::kind::Kind;
use super::layout::Layout;
use super::open::{OpenFile, open};
use super::place::{Place, recognise};
use super::read_options::{NegativeCells, ReadOptions};
use super::rows::Window;
use super::units::{EnergyUnit, Scale};
use crate::points::PointBatch;

/// What [`PointReader::info`] says about an open file.
#[derive(Debug, Clone, PartialEq)]
pub struct PointFileInfo {
    /// Showers in the file.
    pub n_showers: u64,
    /// The most points a shower has, padding of the producer included.
    pub max_points: u64,
    /// Numbers a point has: 4 (x, y, layer, energy) or 5 (and time).
    pub n_features: usize,
    /// The data set of the points; its stored bytes are those of the references to them.
    pub points: StorageInfo,
    /// The data set of the incident energies.
    pub energies: StorageInfo,
    /// Size of the file in bytes.
    pub file_bytes: u64,
}

/// Showers of one ShowerData file as point clouds, nothing rounded and nothing lost.
///
/// ```no_run
/// use calo_data::{PointBatch, PointReader, ReadOptions};
///
/// # fn main() -> calo_core::Result<()> {
/// let mut showers = PointReader::open("clouds.h5".as_ref(), &ReadOptions::default())?;
/// let mut batch = PointBatch::empty(showers.info().n_features);
/// while showers.read_batch(1000, &mut batch)? {
///     println!("{} points in {} showers", batch.points.len() / batch.n_features, batch.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PointReader {
    info: PointFileInfo,
    energies: Array,
    points: Array,
    point_dtype: Dtype,
    n_points: Option<Array>,
    energy_scale: Scale,
    point_scale: Scale,
    extras: Extras,
    heap: Heap,
    negative_cells: NegativeCells,
    inspect: bool,
    next: usize,
    windows: Windows,
}

#[derive(Debug, Default)]
struct Windows {
    energies: Window<f64>,
    references: Window<Reference>,
    n_points: Window<Integer>,
}

impl PointReader {
    /// Opens a ShowerData file.
    ///
    /// # Errors
    /// As [`ShowerReader::open`](super::ShowerReader::open), and a layout that has no point clouds.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self> {
        let file = open(path)?;
        let place = recognise(path, &file.hdf5, options)?;
        if place.layout != Layout::ShowerData {
            return Err(Error::file(
                path,
                format!("has the layout {}", place.layout),
                "ShowerData point clouds",
            ));
        }
        Self::open_at(&file, path, &place, options)
    }

    pub(super) fn open_at(
        file: &OpenFile,
        path: &Path,
        place: &Place,
        options: &ReadOptions,
    ) -> Result<Self> {
        let plain = Arc::new(file.plain.try_clone().map_err(|e| Error::io(path, "open for reading", e))?);
        let array = |name: &str, kind| Array::open(file, &plain, path, name, kind);
        let points = array(&place.cells, Kind::FloatSequences)?;
        if points.shape.len() != 1 || matches!(points.storage, Storage::Library { .. }) {
            let found = format!("extents {:?}, {}", points.shape, StorageInfo::of(&points));
            return Err(points.error(found, "[showers], stored contiguously or in chunks with known filters"));
        }
        // Heap addresses are read as they stand: 8 bytes, from the beginning of the file.
        let sizes = file.hdf5.fcpl().map(|plist| plist.sizes());
        let usual =
            sizes.is_ok_and(|sizes| sizes.sizeof_addr as usize == 8 && sizes.sizeof_size as usize == 8);
        if !usual || file.hdf5.userblock() != 0 {
            let problem = "holds point clouds behind a user block or at addresses that are not 8 bytes wide";
            return Err(Error::file(path, problem, "an HDF5 file of usual make (h5repack makes one)"));
        }
        let energies = array(&place.energies, Kind::Numbers)?;
        check_lengths(&energies, &None, &points, options.inspect)?;
        let n_showers = points.n_rows();
        let n_points = if file.hdf5.link_exists("num_points") {
            let n_points = array("num_points", Kind::Integers)?;
            if n_points.n_rows() != n_showers || n_points.row_len() != 1 {
                return Err(n_points.error(format!("extents {:?}", n_points.shape), format!("[{n_showers}]")));
            }
            Some(n_points)
        } else {
            None
        };
        let (max_points, n_features) = shape(&array("shape", Kind::Integers)?, n_showers)?;
        let ElementType::Sequence(point_dtype) = points.element else {
            return Err(points.error("no sequences", "sequences of variable length"));
        };
        Ok(Self {
            info: PointFileInfo {
                n_showers: n_showers as u64,
                max_points,
                n_features,
                points: StorageInfo::of(&points),
                energies: StorageInfo::of(&energies),
                file_bytes: file.n_bytes,
            },
            extras: Extras::open(file, &plain, path, "/", n_showers),
            energies,
            points,
            point_dtype,
            n_points,
            energy_scale: place.energy_unit.into_unit(EnergyUnit::Gev),
            point_scale: place.cell_unit.into_unit(EnergyUnit::Gev),
            heap: Heap::default(),
            negative_cells: options.negative_cells,
            inspect: options.inspect,
            next: 0,
            windows: Windows::default(),
        })
    }

    /// What the file is.
    pub fn info(&self) -> &PointFileInfo {
        &self.info
    }

    /// Which optional data sets were left out, and why.
    pub fn notes(&self) -> &[String] {
        &self.extras.left_out
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
                Err(self.points.error(format!("no shower {shower}"), format!("0 to {}", self.info.n_showers)))
            }
        }
    }

    /// Replaces the content of `batch` by the next showers, at most `max_showers`; `false` at the end.
    ///
    /// # Errors
    /// Damaged data; energies that are not above 0, or points that are not finite or have negative energies, with
    /// their count in the whole file and the first one's place.
    pub fn read_batch(&mut self, max_showers: usize, batch: &mut PointBatch) -> Result<bool> {
        let rows = self.next..self.next.saturating_add(max_showers).min(self.points.n_rows());
        batch.first_shower = rows.start as u64;
        batch.n_features = self.info.n_features;
        batch.energies_gev.resize(rows.len(), 0.0);
        self.windows.energies.read(&self.energies, &None, rows.clone(), &mut batch.energies_gev)?;
        if !self.inspect {
            check_energies(&batch.energies_gev, &self.energies, &None)?;
        }
        batch.extras = self.extras.read(rows.clone())?;
        self.read_points(rows.clone(), batch)?;
        if !self.inspect {
            self.check_points(batch)?;
        }
        self.convert(batch);
        self.next = rows.end;
        Ok(!rows.is_empty())
    }

    fn read_points(&mut self, rows: Range<usize>, batch: &mut PointBatch) -> Result<()> {
        let n_features = self.info.n_features;
        let mut references = vec![Reference::default(); rows.len()];
        self.windows.references.read(&self.points, &None, rows.clone(), &mut references)?;
        let mut told = vec![Integer::default(); rows.len()];
        if let Some(array) = &self.n_points {
            self.windows.n_points.read(array, &None, rows.clone(), &mut told)?;
        }
        batch.points.clear();
        batch.offsets.clear();
        batch.offsets.push(0);
        let element_size = element::size_of(self.point_dtype);
        for ((shower, reference), Integer(told)) in rows.zip(references).zip(told) {
            let len = reference.len as usize;
            let n_points = len / n_features;
            let agrees = self.n_points.is_none() || told == n_points as i64;
            if !len.is_multiple_of(n_features) || n_points as u64 > self.info.max_points || !agrees {
                let at_most = self.info.max_points;
                let problem =
                    format!("shower {shower} has {len} numbers, where `num_points` says {told} points");
                let expected =
                    format!("{n_features} numbers a point, the points told, at most {at_most} of them");
                return Err(self.points.error(problem, expected));
            }
            let bytes = self.heap.read(&self.points, reference, element_size)?;
            let start = batch.points.len();
            batch.points.resize(start + len, 0.0);
            element::decode_plain(bytes, self.point_dtype, &mut batch.points[start..]);
            batch.offsets.push((start + len) / n_features);
        }
        Ok(())
    }

    /// Turns the file's units into GeV.
    fn convert(&self, batch: &mut PointBatch) {
        if !self.energy_scale.is_one() {
            batch.energies_gev.iter_mut().for_each(|energy| *energy = self.energy_scale.apply(*energy));
        }
        if !self.point_scale.is_one() {
            #[expect(clippy::cast_possible_truncation, reason = "points have 32 bits")]
            for point in batch.points.chunks_exact_mut(batch.n_features) {
                point[3] = self.point_scale.apply(f64::from(point[3])) as f32;
            }
        }
    }

    fn check_points(&mut self, batch: &mut PointBatch) -> Result<()> {
        let refuse_negatives = self.negative_cells == NegativeCells::Refuse;
        if bad_points(batch, refuse_negatives).1.is_some() {
            return Err(self.bad_points(refuse_negatives));
        }
        for point in batch.points.chunks_exact_mut(batch.n_features) {
            // Negative energies that are refused were caught above: those left are clipped.
            point[3] = if point[3] < 0.0 { 0.0 } else { point[3] };
        }
        Ok(())
    }

    /// Counts the impossible points of the whole file.
    fn bad_points(&mut self, negatives: bool) -> Error {
        const SHOWERS: usize = 256;
        let (mut n_bad, mut first) = (0, None);
        let mut batch = PointBatch::empty(self.info.n_features);
        for start in (0..self.points.n_rows()).step_by(SHOWERS) {
            if let Err(e) = self.read_points(start..(start + SHOWERS).min(self.points.n_rows()), &mut batch) {
                return e;
            }
            batch.energies_gev.resize(batch.offsets.len() - 1, 0.0);
            let (n, here) = bad_points(&batch, negatives);
            n_bad += n;
            first = first.or(here.map(|(shower, point)| {
                let values = batch.shower(shower)[point * batch.n_features..].iter().take(batch.n_features);
                (start + shower, point, values.copied().collect::<Vec<_>>())
            }));
        }
        let (shower, point, values) = first.unwrap_or_default();
        Error::Shower {
            path: self.points.path.clone(),
            dataset: self.points.name.clone(),
            shower: shower as u64,
            problem: format!(
                "{n_bad} impossible points in the file, the first is {values:?} at [{shower}, {point}]"
            ),
            expected: "finite numbers, energies of at least 0 GeV".to_owned(),
        }
    }
}

/// How many points are impossible, and shower and point of the first.
fn bad_points(batch: &PointBatch, negatives: bool) -> (u64, Option<(usize, usize)>) {
    let (mut n_bad, mut first) = (0, None);
    for shower in 0..batch.offsets.len() - 1 {
        for (i, point) in batch.shower(shower).chunks_exact(batch.n_features).enumerate() {
            if !point.iter().all(|value| value.is_finite()) || (negatives && point[3] < 0.0) {
                n_bad += 1;
                first = first.or(Some((shower, i)));
            }
        }
    }
    (n_bad, first)
}

/// The most points and the numbers of each, from the data set `shape`.
fn shape(array: &Array, n_showers: usize) -> Result<(u64, usize)> {
    let mut shape = vec![Integer::default(); array.n_rows().min(8)];
    let n = shape.len();
    if array.shape.len() == 1 {
        Window::default().read(array, &None, 0..n, &mut shape)?;
    }
    let shape: Vec<i64> = shape.into_iter().map(|extent| extent.0).collect();
    match shape[..] {
        [n, max_points @ 0..=0xff_ffff, n_features @ 4..=5] if n == n_showers as i64 => {
            Ok((max_points.unsigned_abs(), if n_features == 4 { 4 } else { 5 }))
        }
        _ => Err(array.error(format!("{shape:?}"), format!("[{n_showers}, points at most, 4 or 5]"))),
    }
}
