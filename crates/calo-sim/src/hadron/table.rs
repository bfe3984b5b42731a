//! Functions of the kinetic energy, tabulated.

use crate::energy_grid::{EnergyGrid, GridPlace};

/// Values at the nodes of a grid, linear between them.
#[derive(Debug, Clone)]
pub(super) struct Table {
    grid: EnergyGrid,
    values: Vec<f64>,
}

impl Table {
    /// Tabulates `f` at the nodes of `grid`.
    pub(super) fn new(grid: EnergyGrid, f: impl FnMut(f64) -> f64) -> Self {
        Self { grid, values: grid.nodes_mev().map(f).collect() }
    }

    /// Value at `at`; that of the nearest end outside the grid.
    #[inline]
    pub(super) fn at(&self, at: f64) -> f64 {
        let GridPlace { interval, way } = self.grid.locate(at);
        let (low, high) = (self.values[interval], self.values[interval + 1]);
        low + way * (high - low)
    }
}

/// Interpolates in the logarithm of the argument between points sorted by it; the ends' values outside.
pub(super) fn interpolated(points: &[(f64, f64)], at: f64) -> f64 {
    let above = points.partition_point(|(x, _)| *x <= at);
    match (above.checked_sub(1).map(|below| points[below]), points.get(above)) {
        (Some((x0, y0)), Some(&(x1, y1))) => y0 + (y1 - y0) * (at / x0).ln() / (x1 / x0).ln(),
        (Some((_, y)), None) | (None, Some(&(_, y))) => y,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_interpolate_and_keep_their_ends() {
        let table = Table::new(EnergyGrid::covering(1.0, 64.0), |x| 2.0 * x);
        for x in [1.0, 1.7, 3.3, 40.0] {
            assert!((table.at(x) - 2.0 * x).abs() < 1e-12);
        }
        assert!((table.at(0.1) - 2.0).abs() < 1e-12);
        let points = [(1.0, 0.0), (100.0, 2.0)];
        assert!((interpolated(&points, 10.0) - 1.0).abs() < 1e-12);
        assert!(interpolated(&points, 0.1).abs() < 1e-12);
        assert!((interpolated(&points, 1e3) - 2.0).abs() < 1e-12);
    }
}
