//! Operands and results of operations on a GPU, also without the feature `cuda`.

use candle_core::{CudaStorage, Layout, Shape};

/// A tensor as Candle passes it to an operation.
pub(crate) type Operand<'a> = (&'a CudaStorage, &'a Layout);

/// A tensor that an operation changes.
#[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "read in builds with CUDA alone"))]
pub(crate) struct OperandMut<'a> {
    pub(crate) storage: &'a mut CudaStorage,
    pub(crate) layout: &'a Layout,
}

/// What the gradients of a layer normalisation are computed from.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "read in builds with CUDA alone"))]
pub(crate) struct LayerNormOperands<'a> {
    pub(crate) x: Operand<'a>,
    pub(crate) weight: Operand<'a>,
    /// Gradient of the result.
    pub(crate) g: Operand<'a>,
    /// Result and slope of the activation behind, where there is one.
    pub(crate) gate: Option<(Operand<'a>, f64)>,
}

/// What an operation returns to Candle.
pub(crate) type Output = (CudaStorage, Shape);

/// Steps of a kernel per axis of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Steps {
    pub(crate) stride: [usize; 3],
    pub(crate) padding: [usize; 3],
}
