//! What the operations of a convolution ask of their tensors.

use candle_core::Tensor;

use crate::ops::check;
use crate::{Error, Result};

/// The dimensions of a tensor of five axes, none of them empty, of an element type that there are kernels for.
pub(super) fn dims(op: &'static str, what: &'static str, tensor: &Tensor) -> Result<[usize; 5]> {
    check::element_type(op, what, tensor)?;
    <[usize; 5]>::try_from(tensor.dims())
        .ok()
        .filter(|dims| dims.iter().all(|&dim| dim > 0))
        .ok_or_else(|| Error::operand(op, what, tensor.dims(), "five axes, none of them empty"))
}

/// Refuses operands of two types.
pub(super) fn same_dtype(op: &'static str, what: &'static str, of: &Tensor, like: &Tensor) -> Result<()> {
    if of.dtype() == like.dtype() {
        return Ok(());
    }
    Err(Error::operand(op, what, of.dtype(), format!("{:?}, as the first operand", like.dtype())))
}
