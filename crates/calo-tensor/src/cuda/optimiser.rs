//! One fused kernel for a step of Adam: weight and both moments are read and written once.

use candle_core::backend::BackendStorage as _;
use candle_core::cuda_backend::cudarc::driver::CudaViewMut;
use candle_core::{CudaStorage, DType, Layout, Result};

use super::kernels::{Element, Grid, Source, by_dtype, launch, rows, sized};
use super::{AdamStep, Operand};
use crate::Error;

pub(super) fn adam(
    weight: (&mut CudaStorage, &Layout),
    moments: (&mut CudaStorage, &Layout),
    gradient: Operand,
    step: AdamStep,
) -> Result<()> {
    if let dtype @ DType::BF16 = gradient.0.dtype() {
        return Err(candle_core::Error::UnsupportedDTypeForOp(dtype, "adam"));
    }
    by_dtype!("adam", gradient, T => run::<T>(weight, moments, gradient, step))
}

fn run<T: Element>(
    weight: (&mut CudaStorage, &Layout),
    moments: (&mut CudaStorage, &Layout),
    gradient: Operand,
    step: AdamStep,
) -> Result<()> {
    let op = "adam";
    let device = gradient.0.device.clone();
    let AdamStep { mut beta1, mut beta2, mut epsilon, mut weight_decay, mut step_size, mut root_correction } =
        step;
    let mut n = rows(op, "gradient", gradient, 1)?;
    let mut gradient = sized::<T>(op, "gradient", gradient, n)?;
    let mut weight = elements_mut::<T>("weight", weight, n)?;
    let mut moments = elements_mut::<T>("moments", moments, 2 * n)?;
    launch::<T>(
        &device,
        Source::Adam,
        op,
        Grid::Elements(n),
        &mut [
            &mut weight,
            &mut moments,
            &mut gradient,
            &mut n,
            &mut beta1,
            &mut beta2,
            &mut epsilon,
            &mut weight_decay,
            &mut step_size,
            &mut root_correction,
        ],
    )
}

fn elements_mut<'a, T: Element>(
    what: &'static str,
    (storage, layout): (&'a mut CudaStorage, &Layout),
    n: usize,
) -> Result<CudaViewMut<'a, T>> {
    let (start, end) =
        layout.contiguous_offsets().ok_or(candle_core::Error::RequiresContiguous { op: "adam" })?;
    let slice = storage.as_cuda_slice_mut::<T>()?;
    let view = slice.try_slice_mut(start..end).filter(|view| view.len() == n);
    Ok(view.ok_or_else(|| Error::operand("adam", what, layout.dims(), format!("{n} elements")))?)
}
