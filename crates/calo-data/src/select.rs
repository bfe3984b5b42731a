//! Copying single showers from batch to batch.

use ndarray::{Array4, ArrayView3, Axis};

use crate::shower::{Grid, Real, ShowerBatch};

impl<T: Real> ShowerBatch<T> {
    /// Empties the batch, keeps its memory, and notes which extras `like` has; the next content starts with
    /// `first_shower`.
    pub(crate) fn restart(&mut self, first_shower: u64, like: &Self) {
        self.restart_on(like.grid(), first_shower, like);
    }

    /// As [`ShowerBatch::restart`], for showers on another grid.
    pub(crate) fn restart_on(&mut self, grid: Grid, first_shower: u64, like: &Self) {
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
        self.extras.directions = like.extras.directions.as_ref().map(|_| ndarray::Array2::zeros((0, 3)));
        self.extras.pdg = like.extras.pdg.as_ref().map(|_| Vec::new());
        self.extras.shower_ids = like.extras.shower_ids.as_ref().map(|_| Vec::new());
    }

    /// Appends a shower on this batch's grid, without extras.
    pub(crate) fn push(&mut self, energy_gev: f64, cells_mev: &ArrayView3<'_, T>) {
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
    pub(crate) fn push_with_cells(&mut self, from: &Self, i: usize, cells_mev: &ArrayView3<'_, T>) {
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
