//! Summing neighbouring cells into larger ones.

use calo_core::{Error, Grid, Real, Result, ShowerBatch, ShowerSource};
use ndarray::{Array3, ArrayView3, Axis};

/// Each shower of another source on a coarser grid: cells are added up in blocks of `by` layers, x and y.
///
/// Sums are taken in f64, in order of layer, x and y, and rounded once.
#[derive(Debug)]
pub struct PoolSource<S, T = f32> {
    inner: S,
    by: Grid,
    grid: Grid,
    buffer: ShowerBatch<T>,
}

impl<T: Real, S: ShowerSource<T>> PoolSource<S, T> {
    /// Pools the showers of `inner` by blocks of `by` cells; `1x3x3` makes one cell of three by three in every layer.
    ///
    /// # Errors
    /// A block without cells, or a grid that is no multiple of it.
    pub fn new(inner: S, by: Grid) -> Result<Self> {
        let grid = pooled_grid(inner.grid(), by)?;
        Ok(Self { buffer: ShowerBatch::empty(inner.grid()), inner, by, grid })
    }

    /// The source of the fine showers.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

/// The grid after every block of `by` cells of `grid` has become one cell.
fn pooled_grid(grid: Grid, by: Grid) -> Result<Grid> {
    for (axis, n, block) in [("layers", grid.layers, by.layers), ("x", grid.nx, by.nx), ("y", grid.ny, by.ny)]
    {
        if block == 0 || n % block != 0 {
            let found = format!("blocks of {block} along {axis}");
            return Err(Error::option("by", found, format!("a divisor of the {n} of the grid {grid}")));
        }
    }
    Ok(Grid { layers: grid.layers / by.layers, nx: grid.nx / by.nx, ny: grid.ny / by.ny })
}

/// Adds the blocks of `fine` up in `sums`, which has their number along every axis.
fn pool<T: Real>(fine: &ArrayView3<'_, T>, by: Grid, sums: &mut Array3<f64>) {
    sums.fill(0.0);
    for (layer, cells) in fine.outer_iter().enumerate() {
        let mut sums = sums.index_axis_mut(Axis(0), layer / by.layers);
        for (x, cells) in cells.outer_iter().enumerate() {
            let mut sums = sums.row_mut(x / by.nx);
            for (y, cell) in cells.iter().enumerate() {
                sums[y / by.ny] += cell.to_f64();
            }
        }
    }
}

impl<T: Real, S: ShowerSource<T>> ShowerSource<T> for PoolSource<S, T> {
    fn grid(&self) -> Grid {
        self.grid
    }

    fn n_showers(&self) -> Option<u64> {
        self.inner.n_showers()
    }

    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool> {
        let more = self.inner.next_batch(max_showers, &mut self.buffer)?;
        batch.restart_on(self.grid, self.buffer.first_shower, &self.buffer);
        let mut sums = Array3::zeros(self.grid.shape());
        for i in 0..self.buffer.len() {
            pool(&self.buffer.cells_mev.index_axis(Axis(0), i), self.by, &mut sums);
            batch.push_with_cells(&self.buffer, i, &sums.mapv(T::from_f64).view());
        }
        Ok(more)
    }

    fn rewind(&mut self) -> Result<()> {
        self.inner.rewind()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, s};
    use proptest::prelude::*;

    use super::*;
    use calo_core::MemorySource;

    fn numbered(n: usize, grid: Grid) -> ShowerBatch<f64> {
        let mut batch = ShowerBatch::empty(grid);
        batch.energies_gev = (0..n).map(|i| 1.0 + i as f64).collect();
        let (layers, nx, ny) = (grid.layers, grid.nx, grid.ny);
        // Whole numbers: their sums are exact.
        batch.cells_mev = Array4::from_shape_fn((n, layers, nx, ny), |(i, l, x, y)| {
            (((i * layers + l) * nx + x) * ny + y) as f64
        });
        batch.extras.shower_ids = Some((0..n as i64).collect());
        batch
    }

    #[test]
    fn grids_that_are_no_multiple_are_named() {
        let source = || MemorySource::new(numbered(1, Grid { layers: 30, nx: 30, ny: 32 }));
        let message = |by| PoolSource::<_, f64>::new(source(), by).map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            message(Grid { layers: 1, nx: 3, ny: 3 }),
            "options, field `by`: blocks of 3 along y; expected a divisor of the 32 of the grid 30x30x32"
        );
        assert!(message(Grid { layers: 4, nx: 3, ny: 1 }).contains("blocks of 4 along layers"));
        assert!(message(Grid { layers: 1, nx: 0, ny: 1 }).contains("blocks of 0 along x"));
    }

    proptest! {
        /// Every pooled cell is the sum over its block, whatever the batches.
        #[test]
        fn cells_are_sums_of_their_blocks(
            n in 1_usize..4, size in 1_usize..4,
            coarse in (1_usize..4, 1_usize..4, 1_usize..4), by in (1_usize..4, 1_usize..4, 1_usize..4),
        ) {
            let grid = Grid { layers: coarse.0 * by.0, nx: coarse.1 * by.1, ny: coarse.2 * by.2 };
            let fine = numbered(n, grid);
            let by = Grid { layers: by.0, nx: by.1, ny: by.2 };
            let mut source = PoolSource::new(MemorySource::new(fine.clone()), by).unwrap();
            prop_assert_eq!(source.grid().shape(), [coarse.0, coarse.1, coarse.2]);
            let (mut batch, mut seen) = (ShowerBatch::empty(source.grid()), 0);
            while source.next_batch(size, &mut batch).unwrap() {
                for i in 0..batch.len() {
                    for ((l, x, y), cell) in batch.cells_mev.index_axis(Axis(0), i).indexed_iter() {
                        let block = s![
                            seen,
                            l * by.layers..(l + 1) * by.layers,
                            x * by.nx..(x + 1) * by.nx,
                            y * by.ny..(y + 1) * by.ny,
                        ];
                        prop_assert_eq!(cell.to_bits(), fine.cells_mev.slice(block).sum().to_bits());
                    }
                    prop_assert_eq!(batch.energies_gev[i].to_bits(), fine.energies_gev[seen].to_bits());
                    prop_assert_eq!(batch.extras.shower_ids.as_ref().unwrap()[i], seen as i64);
                    seen += 1;
                }
            }
            prop_assert_eq!(seen, n);
        }
    }
}
