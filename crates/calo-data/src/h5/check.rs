//! Values that no shower can have.

use calo_core::{Grid, Real};
use rayon::prelude::*;

/// Cells that are not energies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct BadCells {
    pub(super) n_negative: u64,
    pub(super) n_not_finite: u64,
    /// Index of the first one in the flat data.
    pub(super) first: Option<u64>,
}

impl BadCells {
    pub(super) fn any(self) -> bool {
        self.first.is_some()
    }

    /// Takes in the bad cells of the data that follows `n_before` cells.
    pub(super) fn merge(&mut self, later: Self, n_before: u64) {
        self.n_negative += later.n_negative;
        self.n_not_finite += later.n_not_finite;
        self.first = self.first.or(later.first.map(|i| i + n_before));
    }

    /// For example `2 cells are negative and 1 is not finite in the file`.
    pub(super) fn counts(self) -> String {
        let part = |n: u64, what: &str| match n {
            0 => None,
            1 => Some(format!("1 cell is {what}")),
            n => Some(format!("{n} cells are {what}")),
        };
        let parts = [part(self.n_negative, "negative"), part(self.n_not_finite, "not finite")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

/// Counts what is negative (where `negatives` count) or not finite.
pub(super) fn bad_cells<T: Real>(cells: &[T], negatives: bool) -> BadCells {
    // The common case, all well, in one pass without branches.
    let (zero, infinity) = (T::default(), T::from_f64(f64::INFINITY));
    let block = 1 << 16;
    let well = |block: &[T]| block.iter().fold(true, |well, v| well & (*v >= zero) & (*v < infinity));
    if cells.par_chunks(block).all(well) {
        return BadCells::default();
    }
    let mut bad = BadCells::default();
    for (i, value) in cells.iter().enumerate() {
        let value = value.to_f64();
        if !value.is_finite() {
            bad.n_not_finite += 1;
        } else if negatives && value < 0.0 {
            bad.n_negative += 1;
        } else {
            continue;
        }
        bad.first = bad.first.or(Some(i as u64));
    }
    bad
}

/// Makes negative cells zero.
pub(super) fn clip_negative<T: Real>(cells: &mut [T]) {
    let zero = T::default();
    cells.par_chunks_mut(1 << 16).for_each(|block| {
        for value in block {
            if *value < zero && value.to_f64().is_finite() {
                *value = zero;
            }
        }
    });
}

/// `[shower, layer, x, y]` of a flat index.
pub(super) fn index_of(flat: u64, grid: Grid) -> [u64; 4] {
    let (ny, nx, layers) = (grid.ny as u64, grid.nx as u64, grid.layers as u64);
    [flat / (ny * nx * layers), flat / (ny * nx) % layers, flat / ny % nx, flat % ny]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_cells_are_counted_with_the_first() {
        let cells = [0.0, -0.0, 1.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let bad = bad_cells(&cells, true);
        assert_eq!(bad, BadCells { n_negative: 1, n_not_finite: 3, first: Some(3) });
        assert_eq!(bad.counts(), "1 cell is negative and 3 cells are not finite");
        assert_eq!(bad_cells(&cells, false), BadCells { n_negative: 0, n_not_finite: 3, first: Some(4) });
        assert!(!bad_cells(&cells[..3], true).any());
    }

    #[test]
    fn clipping_leaves_all_but_finite_negatives() {
        let mut cells = [1.5, -1.5, f32::NEG_INFINITY];
        clip_negative(&mut cells);
        assert_eq!(cells.map(f32::to_bits), [1.5, 0.0, f32::NEG_INFINITY].map(f32::to_bits));
    }

    #[test]
    fn flat_indices_unravel() {
        let grid = Grid { layers: 3, nx: 4, ny: 5 };
        assert_eq!(index_of(60 + 20 + 5 + 2, grid), [1, 1, 1, 2]);
    }
}
