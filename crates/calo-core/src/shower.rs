//! Batches of showers in memory.

use ndarray::{Array2, Array4, ArrayView3, ArrayView4, Axis};

use crate::grid::Grid;
use crate::real::Real;

/// What some layouts know about a shower beyond its energy and cells. Each part that is present has one entry per
/// shower.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShowerExtras {
    /// Unit vectors of the incident direction, `[shower, 3]`, in ShowerData's axes.
    pub directions: Option<Array2<f32>>,
    /// PDG code of the incident particle.
    pub pdg: Option<Vec<i32>>,
    /// The producer's own number of the shower.
    pub shower_ids: Option<Vec<i64>>,
}

/// Consecutive showers of one file. Buffers are reused from batch to batch.
///
/// # Shapes
/// `cells_mev` is `[shower, layer, x, y]`; every other per-shower vector has as many entries.
#[derive(Debug, Clone, PartialEq)]
pub struct ShowerBatch<T = f32> {
    /// Index in the file of the batch's first shower.
    pub first_shower: u64,
    /// Incident kinetic energies in GeV.
    pub energies_gev: Vec<f64>,
    /// Energies deposited in the cells in MeV.
    pub cells_mev: Array4<T>,
    /// What else the layout holds.
    pub extras: ShowerExtras,
}

impl<T: Real> ShowerBatch<T> {
    /// An empty batch for showers on `grid`.
    pub fn empty(grid: Grid) -> Self {
        let [layers, nx, ny] = grid.shape();
        Self {
            first_shower: 0,
            energies_gev: Vec::new(),
            cells_mev: Array4::from_shape_simple_fn((0, layers, nx, ny), T::default),
            extras: ShowerExtras::default(),
        }
    }

    /// Showers in the batch.
    pub fn len(&self) -> usize {
        self.energies_gev.len()
    }

    /// Whether the batch holds no shower.
    pub fn is_empty(&self) -> bool {
        self.energies_gev.is_empty()
    }

    /// The grid the showers live on.
    pub fn grid(&self) -> Grid {
        let (_, layers, nx, ny) = self.cells_mev.dim();
        Grid { layers, nx, ny }
    }

    /// The cells as a view, `[shower, layer, x, y]`, MeV.
    pub fn view(&self) -> ArrayView4<'_, T> {
        self.cells_mev.view()
    }

    /// Empties the batch, keeps its memory, and notes which extras `like` has; the next content starts with
    /// `first_shower`.
    pub fn restart(&mut self, first_shower: u64, like: &Self) {
        self.restart_on(like.grid(), first_shower, like);
    }

    /// As [`ShowerBatch::restart`], for showers on another grid.
    pub fn restart_on(&mut self, grid: Grid, first_shower: u64, like: &Self) {
        self.first_shower = first_shower;
        self.energies_gev.clear();
        let [layers, nx, ny] = grid.shape();
        let cells =
            std::mem::replace(&mut self.cells_mev, Array4::from_shape_simple_fn((0, 0, 0, 0), T::default));
        let (mut values, _) = cells.into_raw_vec_and_offset();
        values.clear();
        // An empty vector always fits.
        self.cells_mev = Array4::from_shape_vec((0, layers, nx, ny), values)
            .unwrap_or_else(|_| Array4::from_shape_simple_fn((0, layers, nx, ny), T::default));
        self.extras.directions = like.extras.directions.as_ref().map(|_| Array2::zeros((0, 3)));
        self.extras.pdg = like.extras.pdg.as_ref().map(|_| Vec::new());
        self.extras.shower_ids = like.extras.shower_ids.as_ref().map(|_| Vec::new());
    }

    /// Appends a shower on this batch's grid, without extras.
    pub fn push(&mut self, energy_gev: f64, cells_mev: &ArrayView3<'_, T>) {
        self.energies_gev.push(energy_gev);
        // The shape is that of `restart`, so it is not refused.
        let pushed = self.cells_mev.push(Axis(0), cells_mev.view());
        debug_assert!(pushed.is_ok(), "{pushed:?}");
    }

    /// Appends shower `i` of `from`, which must have this batch's parts.
    pub fn push_from(&mut self, from: &Self, i: usize) {
        self.push_with_cells(from, i, &from.cells_mev.index_axis(Axis(0), i));
    }

    /// Appends shower `i` of `from` with other cells, on this batch's grid.
    pub fn push_with_cells(&mut self, from: &Self, i: usize, cells_mev: &ArrayView3<'_, T>) {
        self.push(from.energies_gev[i], cells_mev);
        if let (Some(to), Some(from)) = (&mut self.extras.directions, &from.extras.directions) {
            let pushed = to.push_row(from.row(i));
            debug_assert!(pushed.is_ok(), "{pushed:?}");
        }
        if let (Some(to), Some(from)) = (&mut self.extras.pdg, &from.extras.pdg) {
            to.push(from[i]);
        }
        if let (Some(to), Some(from)) = (&mut self.extras.shower_ids, &from.extras.shower_ids) {
            to.push(from[i]);
        }
    }
}
