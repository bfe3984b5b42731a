//! Adam's update in one pass over memory: parameter, both moments and gradient are read once, all but the gradient
//! written once.

use std::any::Any;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, Layout, Result, Storage, Tensor};
use rayon::prelude::*;

use super::{Real, by_dtype, elements};
use crate::arguments::AdamUpdate;

pub(crate) const NAME: &str = "adam";

/// Numbers a task works on: 16 KiB of f32 for each of the four operands.
const BLOCK: usize = 4096;

/// The elements of a contiguous tensor, to change them.
pub(crate) fn elements_mut<'a, T: Real>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [T]> {
    let (start, end) =
        layout.contiguous_offsets().ok_or(candle_core::Error::RequiresContiguous { op: NAME })?;
    let dtype = storage.dtype();
    let all: &mut dyn Any = match storage {
        CpuStorage::F32(all) => all,
        CpuStorage::F64(all) => all,
        _ => return Err(candle_core::Error::UnsupportedDTypeForOp(dtype, NAME)),
    };
    match all.downcast_mut::<Vec<T>>() {
        Some(all) => Ok(&mut all[start..end]),
        None => candle_core::bail!("{NAME}: operands of {:?} and {dtype:?}", T::DTYPE),
    }
}

/// The numbers of an update in the element type.
#[derive(Clone, Copy)]
struct Factors<T> {
    beta2: T,
    one_minus_beta1: T,
    one_minus_beta2: T,
    epsilon: T,
    weight_decay: T,
    step_size: T,
    root_correction: T,
}

/// Changes the parameter and both moments.
pub(crate) fn update_all<T: Real>(
    parameter: &mut [T],
    first: &mut [T],
    second: &mut [T],
    gradient: &[T],
    update: &AdamUpdate,
) {
    let factors = Factors {
        beta2: T::from_f64(update.beta2),
        one_minus_beta1: T::from_f64(1.0 - update.beta1),
        one_minus_beta2: T::from_f64(1.0 - update.beta2),
        epsilon: T::from_f64(update.epsilon),
        weight_decay: T::from_f64(update.weight_decay),
        step_size: T::from_f64(update.step_size),
        root_correction: T::from_f64(update.root_correction),
    };
    let arch = pulp::Arch::new();
    let blocks = parameter
        .par_chunks_mut(BLOCK)
        .zip(first.par_chunks_mut(BLOCK))
        .zip(second.par_chunks_mut(BLOCK))
        .zip(gradient.par_chunks(BLOCK));
    blocks.for_each(|(((parameter, first), second), gradient)| {
        arch.dispatch(
            #[inline(always)]
            || update_block(parameter, first, second, gradient, factors),
        );
    });
}

/// In the order of operations of `torch.optim.Adam`.
#[inline(always)]
fn update_block<T: Real>(
    parameter: &mut [T],
    first: &mut [T],
    second: &mut [T],
    gradient: &[T],
    factors: Factors<T>,
) {
    let Factors {
        beta2,
        one_minus_beta1,
        one_minus_beta2,
        epsilon,
        weight_decay,
        step_size,
        root_correction,
    } = factors;
    for (((p, m), v), g) in parameter.iter_mut().zip(first).zip(second).zip(gradient) {
        let g = *g + weight_decay * *p;
        *m += one_minus_beta1 * (g - *m);
        *v = *v * beta2 + one_minus_beta2 * g * g;
        *p -= step_size * *m / (v.sqrt() / root_correction + epsilon);
    }
}

/// Whether all elements of a contiguous tensor are finite.
pub(crate) fn is_finite(tensor: &Tensor) -> Result<bool> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        candle_core::bail!("{NAME}: the gradient is not on the CPU")
    };
    by_dtype!(NAME, storage, T => Ok(all_finite(elements::<T>(NAME, storage, layout)?)))
}

fn all_finite<T: Real>(values: &[T]) -> bool {
    let arch = pulp::Arch::new();
    values.par_chunks(BLOCK).all(|block| {
        // Without a way out in the middle the loop is done by vectors.
        arch.dispatch(
            #[inline(always)]
            || block.iter().fold(true, |finite, value| finite & value.is_finite()),
        )
    })
}
