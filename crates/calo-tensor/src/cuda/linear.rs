//! Dense layers: products by cuBLAS, as Candle calls it.

use candle_core::backend::BackendStorage as _;
use candle_core::{CudaStorage, Layout, Result, Shape};

use super::elementwise::add_channels;
use super::kernels::by_dtype;
use super::operand::{Operand, Output};
use crate::Error;

/// All leading axes as one: `[rows, last]`, without moving anything.
fn matrix(op: &'static str, what: &'static str, (_, layout): Operand) -> Result<(Layout, usize, usize)> {
    let Some((start, _)) = layout.contiguous_offsets() else {
        return Err(candle_core::Error::RequiresContiguous { op });
    };
    match layout.dims().last() {
        Some(&last) if layout.shape().elem_count() > 0 => {
            let rows = layout.shape().elem_count() / last;
            Ok((Layout::contiguous_with_offset((rows, last), start), rows, last))
        }
        _ => Err(Error::operand(op, what, layout.dims(), "at least one element").into()),
    }
}

fn fits(op: &'static str, what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::operand(op, what, found, expected.to_string()).into())
}

/// Shape of `operand` with another last axis.
fn with_last(operand: Operand, last: usize) -> Shape {
    let mut dims = operand.1.dims().to_vec();
    if let Some(end) = dims.last_mut() {
        *end = last;
    }
    Shape::from(dims)
}

pub(super) fn linear(x: Operand, w: Operand, bias: Option<Operand>) -> Result<Output> {
    let op = "linear";
    let (x_layout, rows, inputs) = matrix(op, "input", x)?;
    let (w_layout, outputs, columns) = matrix(op, "weight", w)?;
    fits(op, "inputs of the weight", columns, inputs)?;
    let mut y = x.0.matmul(w.0, (1, rows, outputs, inputs), &x_layout, &w_layout.transpose(0, 1)?)?;
    if let Some(bias) = bias {
        by_dtype!(op, x, T => add_channels::<T>(y.as_cuda_slice_mut::<T>()?, bias, &[rows, outputs]))?;
    }
    Ok((y, with_last(x, outputs)))
}

pub(super) fn linear_input_gradient(gy: Operand, w: Operand) -> Result<Output> {
    let op = "linear_input_gradient";
    let (gy_layout, rows, outputs) = matrix(op, "gradient", gy)?;
    let (w_layout, w_rows, inputs) = matrix(op, "weight", w)?;
    fits(op, "outputs of the weight", w_rows, outputs)?;
    let gx = gy.0.matmul(w.0, (1, rows, inputs, outputs), &gy_layout, &w_layout)?;
    Ok((gx, with_last(gy, inputs)))
}

pub(super) fn linear_weight_gradient(gy: Operand, x: Operand) -> Result<Output> {
    let op = "linear_weight_gradient";
    let (gy_layout, rows, outputs) = matrix(op, "gradient", gy)?;
    let (x_layout, x_rows, inputs) = matrix(op, "input", x)?;
    fits(op, "rows of the input", x_rows, rows)?;
    let gw: CudaStorage =
        gy.0.matmul(x.0, (1, outputs, inputs, rows), &gy_layout.transpose(0, 1)?, &x_layout)?;
    Ok((gw, Shape::from((outputs, inputs))))
}
