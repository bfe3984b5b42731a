//! Histograms that every cell of a shower fills.

use std::fmt;

use super::scan::{GridCells, Hit};
use crate::histogram::Axis;

/// A cell above the cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// `[layer, x, y]`.
    pub position: [u16; 3],
    /// Its energy, MeV.
    pub energy_mev: f64,
}

/// The function of a [`Cell`] that is histogrammed. NaN leaves a cell out.
///
/// It is compiled into a loop over the hits of a shower, so that a pointer is followed once for each shower rather than
/// once for each hit.
#[derive(Clone, Copy)]
pub struct CellValue(&'static dyn CountHits);

impl CellValue {
    /// Wraps a function, as in `CellValue::new(&|cell| cell.energy_mev)`.
    pub const fn new<F: Fn(Cell) -> f64 + Send + Sync>(value: &'static F) -> Self {
        Self(value)
    }

    /// Adds 1 to the slot of the value of each hit.
    pub(crate) fn count(self, hits: &[Hit], grid: &GridCells, axis: &Axis, slots: &mut [f64]) {
        self.0.count(hits, grid, axis, slots);
    }
}

impl fmt::Debug for CellValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CellValue(..)")
    }
}

trait CountHits: Send + Sync {
    fn count(&self, hits: &[Hit], grid: &GridCells, axis: &Axis, slots: &mut [f64]);
}

impl<F: Fn(Cell) -> f64 + Send + Sync> CountHits for F {
    fn count(&self, hits: &[Hit], grid: &GridCells, axis: &Axis, slots: &mut [f64]) {
        for hit in hits {
            let position = grid.positions()[hit.cell as usize];
            let value = self(Cell { position, energy_mev: f64::from(hit.energy_mev) });
            if let Some(slot) = axis.slot(value) {
                slots[slot] += 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hit_counts_once_and_nan_not_at_all() {
        let grid = GridCells::new([2, 1, 2]).unwrap();
        let hits = [(0, 0.5), (2, 1.5), (3, 2.5)].map(|(cell, energy_mev)| Hit { cell, energy_mev });
        let axis = Axis::linear(2, 0.0, 2.0).unwrap();
        let mut slots = vec![0.0; axis.n_slots()];
        CellValue::new(&|cell| cell.energy_mev).count(&hits, &grid, &axis, &mut slots);
        assert_eq!(slots, [0.0, 1.0, 1.0, 1.0]);
        let second_layer = CellValue::new(&|cell| if cell.position[0] == 1 { 0.5 } else { f64::NAN });
        second_layer.count(&hits, &grid, &axis, &mut slots);
        assert_eq!(slots, [0.0, 3.0, 1.0, 1.0]);
    }
}
