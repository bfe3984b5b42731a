//! Cutting the core out of larger images.

use calo_core::detector::CoreCrop;
use calo_core::{Error, Grid, Real, Result, ShowerBatch, ShowerSource};
use ndarray::{Axis, s};

/// The core of each shower of another source.
#[derive(Debug)]
pub struct CropSource<S, T = f32> {
    inner: S,
    crop: CoreCrop,
    buffer: ShowerBatch<T>,
}

impl<T: Real, S: ShowerSource<T>> CropSource<S, T> {
    /// Cuts `crop` out of the showers of `inner`.
    ///
    /// # Errors
    /// A crop that is empty or larger than the grid.
    pub fn new(inner: S, crop: CoreCrop) -> Result<Self> {
        let grid = inner.grid();
        for (field, [from, to], n) in [("core_crop.x", crop.x, grid.nx), ("core_crop.y", crop.y, grid.ny)] {
            if from >= to || to > n {
                let expected = format!("cells within the {n} of the grid {grid}");
                return Err(Error::option(field, format!("{from} to {to}"), expected));
            }
        }
        Ok(Self { buffer: ShowerBatch::empty(grid), inner, crop })
    }

    /// The source of the whole images.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<T: Real, S: ShowerSource<T>> ShowerSource<T> for CropSource<S, T> {
    fn grid(&self) -> Grid {
        let CoreCrop { x, y } = self.crop;
        Grid { nx: x[1] - x[0], ny: y[1] - y[0], ..self.inner.grid() }
    }

    fn n_showers(&self) -> Option<u64> {
        self.inner.n_showers()
    }

    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool> {
        let more = self.inner.next_batch(max_showers, &mut self.buffer)?;
        batch.restart_on(self.grid(), self.buffer.first_shower, &self.buffer);
        let CoreCrop { x, y } = self.crop;
        for i in 0..self.buffer.len() {
            let whole = self.buffer.cells_mev.index_axis(Axis(0), i);
            batch.push_with_cells(&self.buffer, i, &whole.slice(s![.., x[0]..x[1], y[0]..y[1]]));
        }
        Ok(more)
    }

    fn rewind(&mut self) -> Result<()> {
        self.inner.rewind()
    }
}
