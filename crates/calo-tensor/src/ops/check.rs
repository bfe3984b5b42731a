//! What operations demand of their operands before they touch them.

use candle_core::{DType, Tensor};

use crate::{Error, Result};

/// `tensor` holds what the kernels compute with: f32, f64, and on a GPU bf16, which is summed in f32 there.
pub(crate) fn element_type(op: &'static str, what: &'static str, tensor: &Tensor) -> Result<()> {
    match tensor.dtype() {
        DType::F32 | DType::F64 => Ok(()),
        DType::BF16 if tensor.device().is_cuda() => Ok(()),
        found => Err(Error::operand(op, what, found, "f32 or f64, or bf16 on a GPU")),
    }
}

/// `tensor` is of an [`element_type`], that of `like`, and not empty.
pub(crate) fn float(op: &'static str, what: &'static str, tensor: &Tensor, like: &Tensor) -> Result<()> {
    element_type(op, what, tensor)?;
    if tensor.dtype() != like.dtype() {
        return Err(Error::operand(op, what, tensor.dtype(), format!("{:?}, as the input", like.dtype())));
    }
    if tensor.elem_count() == 0 {
        return Err(Error::operand(op, what, tensor.dims(), "at least one element"));
    }
    Ok(())
}

/// `tensor` has the shape `dims`.
pub(crate) fn same_dims(op: &'static str, what: &'static str, tensor: &Tensor, dims: &[usize]) -> Result<()> {
    if tensor.dims() == dims {
        return Ok(());
    }
    Err(Error::operand(op, what, tensor.dims(), format!("{dims:?}")))
}

/// `slope` is one that keeps the sign of its argument, so that the gradient can be told from the result.
pub(crate) fn slope(op: &'static str, slope: f64) -> Result<()> {
    if slope.is_finite() && slope >= 0.0 {
        return Ok(());
    }
    Err(Error::operand(op, "slope", slope, "a finite number, zero or above"))
}
