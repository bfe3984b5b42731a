//! Kernels for the CPU: plain slices in, plain slices out, all cores, runtime-dispatched vectors.
//!
//! Work is cut in blocks that do not depend on the number of threads, and every sum runs in one fixed order, so
//! results are the same bits for any number of threads.

pub(crate) mod adam;
pub(crate) mod batch_norm;
pub(crate) mod conv3d;
mod gemm;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod locally_connected;
pub(crate) mod minibatch;
pub(crate) mod per_cell;
mod runs;
pub(crate) mod simd;
pub(crate) mod sorted_mmd;
mod sum;
mod tile;
pub(crate) mod vector;

pub(crate) use sum::channel_sum;

use candle_core::{CpuStorage, Layout, WithDType};

/// A number the kernels compute with: `f32`, and `f64` for checks against finite differences.
pub(crate) trait Real: WithDType + num_traits::Float + std::iter::Sum + num_traits::NumAssign {}

impl Real for f32 {}
impl Real for f64 {}

/// A tensor as Candle passes it to an operation.
pub(crate) type Operand<'a> = (&'a CpuStorage, &'a Layout);

/// The elements of a contiguous tensor.
pub(crate) fn elements<'a, T: WithDType>(
    op: &'static str,
    storage: &'a CpuStorage,
    layout: &Layout,
) -> candle_core::Result<&'a [T]> {
    let (start, end) = layout.contiguous_offsets().ok_or(candle_core::Error::RequiresContiguous { op })?;
    Ok(&storage.as_slice::<T>()?[start..end])
}

/// Runs `$body` with `$t` standing for the element type of `$storage`: f32 or f64.
macro_rules! by_dtype {
    ($op:expr, $storage:expr, $t:ident => $body:expr) => {
        match candle_core::backend::BackendStorage::dtype($storage) {
            candle_core::DType::F32 => {
                type $t = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $t = f64;
                $body
            }
            other => Err(candle_core::Error::UnsupportedDTypeForOp(other, $op)),
        }
    };
}
pub(crate) use by_dtype;
