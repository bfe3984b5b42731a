//! Showers as input of networks on a grid.

use candle_core::Tensor;

use crate::engine::Grid;
use crate::layers::ConvConfig;
use crate::{Error, Result};

/// Showers as images of one channel: `[n, layer, x, y]` or `[n, 1, layer, x, y]` -> `[n, 1, layer, x, y]`.
pub(crate) fn images(op: &'static str, x: &Tensor, grid: Grid) -> Result<Tensor> {
    let [layers, nx, ny] = grid;
    match x.dims() {
        &[n, l, a, b] | &[n, 1, l, a, b] if [l, a, b] == grid => Ok(x.reshape((n, 1, layers, nx, ny))?),
        other => Err(Error::operand(
            op,
            "showers",
            other,
            format!("[n, {layers}, {nx}, {ny}], the grid of the network"),
        )),
    }
}

/// Checks that `condition` is `[n, 1]` for the `n` of `x`.
pub(crate) fn check_condition(op: &'static str, x: &Tensor, condition: &Tensor) -> Result<()> {
    let n = x.dims().first().copied().unwrap_or(0);
    if condition.dims() != [n, 1] {
        return Err(Error::operand(
            op,
            "incident energies",
            condition.dims(),
            format!("[{n}, 1], one a shower"),
        ));
    }
    Ok(())
}

/// An error unless every one of `values` is positive.
pub(crate) fn positive(values: &[(&str, usize)]) -> Result<()> {
    match values.iter().find(|(_, value)| *value == 0) {
        Some((field, _)) => Err(Error::field(field, 0, "a positive number")),
        None => Ok(()),
    }
}

/// An error for an empty list of layers.
pub(crate) fn no_layers(field: &str) -> Error {
    Error::field(field, "[]", "at least one layer")
}

/// Checks that `layers`, which `field` holds, can follow each other on showers of `grid`.
///
/// # Errors
/// [`Error::Field`] for no layers, or one that does not fit.
pub(crate) fn check_layers(field: &str, layers: &[ConvConfig], grid: Grid) -> Result<()> {
    if layers.is_empty() {
        return Err(no_layers(field));
    }
    layers.iter().try_fold(grid, |size, layer| layer.size(size)).map(|_| ())
}

/// Feature maps of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FeatureMaps {
    pub(crate) channels: usize,
    /// Cells along each axis of a map.
    pub(crate) size: Grid,
}

impl FeatureMaps {
    /// Showers on `grid`: one channel.
    pub(crate) fn of_showers(grid: Grid) -> Self {
        Self { channels: 1, size: grid }
    }

    /// Values of all maps.
    pub(crate) fn n_values(self) -> usize {
        self.channels * self.size.iter().product::<usize>()
    }

    /// Checks that layers which end in these maps make showers on `grid`; `field` holds the layers.
    ///
    /// # Errors
    /// [`Error::Field`] for other maps than one channel of `grid`.
    pub(crate) fn check_showers(self, field: &str, grid: Grid) -> Result<()> {
        let Self { channels, size } = self;
        if self == Self::of_showers(grid) {
            return Ok(());
        }
        let found = format!("{channels} channels of {size:?} cells at the end");
        Err(Error::field(field, found, format!("1 channel of {grid:?} cells")))
    }
}
