//! Sums of cells over layers, rows, columns and the whole grid.

use candle_core::Tensor;

use crate::components::images;
use crate::engine::Grid;
use crate::ops::linear;
use crate::parameters::Path;
use crate::{Error, Result};

/// What takes the sums of a grid's cells: one for each layer, for each row along x and along y, and for all cells.
#[derive(Debug, Clone)]
pub(super) struct Profiles {
    grid: Grid,
    /// 1 where a cell counts, `[sum, cell]`.
    members: Tensor,
}

impl Profiles {
    /// Of this grid.
    ///
    /// # Errors
    /// Candle's, when memory runs out.
    pub(super) fn new(path: &Path<'_>, grid: Grid) -> Result<Self> {
        let members = Tensor::new(members(grid), path.device())?.to_dtype(path.dtype())?;
        Ok(Self { grid, members: members.reshape((n_sums(grid), ()))? })
    }

    /// Sums of a shower's cells.
    ///
    /// # Shapes
    /// `[n, layer, x, y]` or `[n, 1, layer, x, y]` -> `[n, layers + x + y + 1]`
    ///
    /// # Errors
    /// When the shape is another.
    pub(super) fn sums(&self, cells: &Tensor) -> Result<Tensor> {
        let rows = images("profiles", cells, self.grid)?.flatten_from(1).map_err(Error::from)?;
        linear(&rows, &self.members, None)
    }

    /// Number of sums.
    pub(super) fn n_sums(&self) -> usize {
        n_sums(self.grid)
    }
}

/// Sums over cells: one for each layer, row and column, and one for all cells.
pub(super) fn n_sums(grid: Grid) -> usize {
    grid.iter().sum::<usize>() + 1
}

/// 1 where a cell belongs to a sum: sums of layers, of x, of y and of all, each over the cells in order.
fn members([layers, nx, ny]: Grid) -> Vec<f32> {
    let axes = [(layers, nx * ny), (nx, ny), (ny, 1), (1, layers * nx * ny)];
    let n_cells = layers * nx * ny;
    let of_axis = |(length, stride): (usize, usize)| {
        (0..length).flat_map(move |place| (0..n_cells).map(move |cell| (cell / stride) % length == place))
    };
    axes.into_iter().flat_map(of_axis).map(|is_member| if is_member { 1.0 } else { 0.0 }).collect()
}
