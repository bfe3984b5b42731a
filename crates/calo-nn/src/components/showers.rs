//! Showers as networks on a grid get them.

use candle_core::Tensor;

use crate::{Error, Result};

/// Cells along [layer, x, y].
pub type Grid = [usize; 3];

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
        Some((field, _)) => Err(Error::Field {
            field: (*field).to_owned(),
            value: "0".to_owned(),
            expected: "a positive number".to_owned(),
        }),
        None => Ok(()),
    }
}

/// An error for an empty list of layers.
pub(crate) fn no_layers(field: &str) -> Error {
    Error::Field {
        field: field.to_owned(),
        value: "[]".to_owned(),
        expected: "at least one layer".to_owned(),
    }
}

/// Checks that layers end in one channel of `grid`.
pub(crate) fn check_result(field: &str, (channels, size): (usize, Grid), grid: Grid) -> Result<()> {
    if channels == 1 && size == grid {
        return Ok(());
    }
    Err(Error::Field {
        field: field.to_owned(),
        value: format!("{channels} channels of {size:?} cells at the end"),
        expected: format!("1 channel of {grid:?} cells"),
    })
}
