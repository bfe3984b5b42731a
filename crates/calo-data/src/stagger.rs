//! Staggering correction: wafers shift from layer to layer, so on a regular grid averaged showers show empty x-rows.
//!
//! Two passes. The first averages all showers ([`StaggerMap::measure`]); an x-row of a layer (all its y) is a **gap**
//! if it is empty and both its neighbours are not. The second ([`StaggerSource`]) closes the gaps in every shower: the
//! rows before a gap move up by one into it, and row 0 becomes empty. Gaps of one layer are closed in ascending order,
//! each judged in the uncorrected average: a row that is not a gap thus moves up by the number of gaps behind it. The
//! little energy in a gap's row is dropped. Finally the first and last x-bins are removed.
//!
//! The rule cannot tell an artefact from a row that few showers reach: [`StaggerMap::doubtful`] names such gaps. Where
//! the places of the cells are known, [`StaggerMap::of_cells`] needs no showers at all.

use std::fmt;

use calo_core::detector::Staggering;
use calo_core::{Detector, Error, Grid, Real, Result, ShowerBatch, ShowerSource};
use ndarray::{Array2, Array3, ArrayView3, Axis};

use crate::project::bin_at;
use crate::readout::CellHits;

/// Showers in memory at a time in the first pass.
const BATCH: usize = 64;
/// A row next to which k showers have hits is empty by chance with probability of about exp(-k); with fewer showers
/// than this (exp(-10) = 5e-5) a gap is doubtful.
const MIN_WITNESSES: u64 = 10;

/// A row of cells that no shower fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Its layer.
    pub layer: usize,
    /// Its x-row.
    pub x: usize,
}

/// Which x-rows of which layers are gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaggerMap {
    /// Ascending x-rows of the gaps, layer by layer.
    gaps: Vec<Vec<usize>>,
    nx: usize,
    /// Showers averaged; 0 if the map was made from the cells alone.
    n_showers: u64,
    /// Gaps that few showers confirm.
    doubtful: Vec<Gap>,
}

impl StaggerMap {
    /// First pass: averages all showers of `source`, which is left rewound.
    ///
    /// # Errors
    /// An error of reading, or a source without showers.
    pub fn measure<T: Real>(source: &mut dyn ShowerSource<T>, staggering: &Staggering) -> Result<Self> {
        let grid = source.grid();
        let mut sums_mev = Array2::<f64>::zeros((grid.layers, grid.nx));
        let mut n_filled = Array2::<u64>::zeros((grid.layers, grid.nx));
        let mut n_showers = 0_u64;
        let mut batch = ShowerBatch::empty(grid);
        source.rewind()?;
        while source.next_batch(BATCH, &mut batch)? {
            n_showers += batch.len() as u64;
            for shower in batch.cells_mev.axis_iter(Axis(0)) {
                for ((cells, sum), n) in shower.rows().into_iter().zip(&mut sums_mev).zip(&mut n_filled) {
                    let row_mev = cells.iter().map(|cell| cell.to_f64()).sum::<f64>();
                    *sum += row_mev;
                    *n += u64::from(row_mev > 0.0);
                }
            }
        }
        source.rewind()?;
        if n_showers == 0 {
            return Err(Error::option("staggering", "no showers to average", "at least one shower"));
        }
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 showers")]
        let rows_mev = sums_mev / n_showers as f64;
        let map = Self::from_average(&rows_mev, staggering);
        let weak =
            |&Gap { layer, x }: &Gap| n_filled[[layer, x - 1]].min(n_filled[[layer, x + 1]]) < MIN_WITNESSES;
        let doubtful = map.all_gaps().filter(weak).collect();
        Ok(Self { n_showers, doubtful, ..map })
    }

    /// The gaps of an averaged shower given as sums over y.
    ///
    /// # Shapes
    /// `rows_mev`: `[layer, x]`.
    pub fn from_average(rows_mev: &Array2<f64>, staggering: &Staggering) -> Self {
        let empty = |sum: &f64| *sum < staggering.empty_below_mev;
        let [from, to] = staggering.layers;
        let gaps = rows_mev.outer_iter().enumerate().map(|(layer, rows)| {
            if !(from..to).contains(&layer) {
                return Vec::new();
            }
            let gap = |x: &usize| empty(&rows[*x]) && !empty(&rows[x - 1]) && !empty(&rows[x + 1]);
            (1..rows.len().saturating_sub(1)).filter(gap).collect()
        });
        Self { gaps: gaps.collect(), nx: rows_mev.ncols(), n_showers: 1, doubtful: Vec::new() }
    }

    /// The gaps that the average of infinitely many showers would show: rows of projection bins in which no cell has
    /// its centre.
    ///
    /// It rests on the description of the detector alone, so it does not depend on which showers are corrected.
    pub fn of_cells(detector: &Detector, staggering: &Staggering) -> Self {
        let grid = detector.projection.raw_grid();
        let cells = CellHits::of(detector);
        let mut rows_mev = Array2::zeros((grid.layers, grid.nx));
        for (layer, mut row) in rows_mev.outer_iter_mut().enumerate() {
            let centres = cells.x_mm(layer).iter().map(|x_mm| f64::from(*x_mm));
            for x in centres.filter_map(|x_mm| bin_at(detector.projection.x, x_mm)) {
                row[x] = f64::INFINITY;
            }
        }
        Self { n_showers: 0, ..Self::from_average(&rows_mev, staggering) }
    }

    /// A map without gaps.
    pub fn none(grid: Grid) -> Self {
        Self { gaps: vec![Vec::new(); grid.layers], nx: grid.nx, n_showers: 0, doubtful: Vec::new() }
    }

    /// The x-rows of the gaps in `layer`, ascending.
    pub fn gaps(&self, layer: usize) -> &[usize] {
        self.gaps.get(layer).map_or(&[], Vec::as_slice)
    }

    /// Leaves the [doubtful](Self::doubtful) gaps open: closing a row that is empty by chance would move real rows.
    #[must_use]
    pub fn leave_doubtful_open(mut self) -> Self {
        for (layer, gaps) in self.gaps.iter_mut().enumerate() {
            gaps.retain(|&x| !self.doubtful.contains(&Gap { layer, x }));
        }
        self
    }

    /// The gaps next to which so few showers have hits that the row may be empty by chance.
    pub fn doubtful(&self) -> &[Gap] {
        &self.doubtful
    }

    fn all_gaps(&self) -> impl Iterator<Item = Gap> {
        self.gaps.iter().enumerate().flat_map(|(layer, gaps)| gaps.iter().map(move |&x| Gap { layer, x }))
    }

    /// Gaps in all layers.
    pub fn n_gaps(&self) -> usize {
        self.gaps.iter().map(Vec::len).sum()
    }

    /// For every row of a corrected layer the row it comes from; `None` where nothing comes.
    fn sources(&self, layer: usize) -> Vec<Option<usize>> {
        let gaps = self.gaps(layer);
        let mut sources = vec![None; self.nx];
        for row in (0..self.nx).filter(|row| !gaps.contains(row)) {
            let n_behind = gaps.iter().filter(|gap| **gap > row).count();
            sources[row + n_behind] = Some(row);
        }
        sources
    }
}

impl fmt::Display for StaggerMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} empty rows ", self.n_gaps())?;
        match self.n_showers {
            0 => write!(f, "between the detector's cells")?,
            n => write!(f, "in the average of {n} showers")?,
        }
        for (layer, gaps) in self.gaps.iter().enumerate().filter(|(_, gaps)| !gaps.is_empty()) {
            write!(
                f,
                "; layer {layer}: x {}",
                gaps.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
            )?;
        }
        if !self.doubtful.is_empty() {
            let n = self.doubtful.len();
            write!(f, "; {n} may be empty by chance (fewer than {MIN_WITNESSES} showers have hits beside)")?;
            if self.doubtful.iter().all(|gap| !self.gaps(gap.layer).contains(&gap.x)) {
                write!(f, " and are left as they are")?;
            }
        }
        Ok(())
    }
}

/// Second pass: closes the gaps in every shower of another source and drops the outermost x-bins.
#[derive(Debug)]
pub struct StaggerSource<S, T = f32> {
    inner: S,
    map: StaggerMap,
    drop_edge_bins: usize,
    /// For each layer and row kept, the row it comes from.
    sources: Vec<Vec<Option<usize>>>,
    buffer: ShowerBatch<T>,
}

impl<T: Real, S: ShowerSource<T>> StaggerSource<S, T> {
    /// Corrects the showers of `inner` with a map measured on it.
    ///
    /// # Errors
    /// A map of another grid, or no bins left.
    pub fn new(inner: S, map: StaggerMap, drop_edge_bins: usize) -> Result<Self> {
        let grid = inner.grid();
        if (map.gaps.len(), map.nx) != (grid.layers, grid.nx) {
            let value = format!("a map of {} layers and {} rows", map.gaps.len(), map.nx);
            return Err(Error::option("staggering", value, format!("one for the grid {grid}")));
        }
        if drop_edge_bins.saturating_mul(2) >= grid.nx {
            let expected = format!("fewer than half of the {} bins", grid.nx);
            return Err(Error::option("staggering.drop_edge_bins", drop_edge_bins, expected));
        }
        let kept = drop_edge_bins..grid.nx - drop_edge_bins;
        let sources = (0..grid.layers).map(|layer| map.sources(layer)[kept.clone()].to_vec()).collect();
        Ok(Self { buffer: ShowerBatch::empty(grid), inner, map, drop_edge_bins, sources })
    }

    /// The gaps that are closed.
    pub fn map(&self) -> &StaggerMap {
        &self.map
    }

    /// The uncorrected source.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<T: Real, S: ShowerSource<T>> ShowerSource<T> for StaggerSource<S, T> {
    fn grid(&self) -> Grid {
        let grid = self.inner.grid();
        Grid { nx: grid.nx - 2 * self.drop_edge_bins, ..grid }
    }

    fn n_showers(&self) -> Option<u64> {
        self.inner.n_showers()
    }

    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool> {
        let more = self.inner.next_batch(max_showers, &mut self.buffer)?;
        let grid = self.grid();
        batch.restart_on(grid, self.buffer.first_shower, &self.buffer);
        let mut corrected = Array3::from_shape_simple_fn(grid.shape(), T::default);
        for i in 0..self.buffer.len() {
            let raw = self.buffer.cells_mev.index_axis(Axis(0), i);
            move_rows(&raw, &self.sources, &mut corrected);
            batch.push_with_cells(&self.buffer, i, &corrected.view());
        }
        Ok(more)
    }

    fn rewind(&mut self) -> Result<()> {
        self.inner.rewind()
    }
}

fn move_rows<T: Real>(raw: &ArrayView3<'_, T>, sources: &[Vec<Option<usize>>], corrected: &mut Array3<T>) {
    for ((layer, mut target), sources) in raw.outer_iter().zip(corrected.outer_iter_mut()).zip(sources) {
        for (mut row, source) in target.outer_iter_mut().zip(sources) {
            match source {
                Some(source) => row.assign(&layer.row(*source)),
                None => row.fill(T::default()),
            }
        }
    }
}
