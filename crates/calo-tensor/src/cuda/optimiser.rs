//! One fused kernel for a step of Adam: weight and both moments are read and written once.

use candle_core::backend::BackendStorage as _;
use candle_core::cuda_backend::cudarc::driver::CudaViewMut;
use candle_core::{DType, Result};

use super::kernels::{Element, Grid, Source, by_dtype, launch, rows, sized};
use super::operand::{Operand, OperandMut};
use crate::Error;
use crate::arguments::AdamUpdate;

pub(super) fn adam(
    weight: OperandMut,
    moments: OperandMut,
    gradient: Operand,
    update: AdamUpdate,
) -> Result<()> {
    if let dtype @ DType::BF16 = gradient.0.dtype() {
        return Err(candle_core::Error::UnsupportedDTypeForOp(dtype, "adam"));
    }
    by_dtype!("adam", gradient, T => run::<T>(weight, moments, gradient, update))
}

fn run<T: Element>(
    weight: OperandMut,
    moments: OperandMut,
    gradient: Operand,
    update: AdamUpdate,
) -> Result<()> {
    let op = "adam";
    let device = gradient.0.device.clone();
    let AdamUpdate {
        mut beta1,
        mut beta2,
        mut epsilon,
        mut weight_decay,
        mut step_size,
        mut root_correction,
    } = update;
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
    OperandMut { storage, layout }: OperandMut<'a>,
    n: usize,
) -> Result<CudaViewMut<'a, T>> {
    let (start, end) =
        layout.contiguous_offsets().ok_or(candle_core::Error::RequiresContiguous { op: "adam" })?;
    let slice = storage.as_cuda_slice_mut::<T>()?;
    let view = slice.try_slice_mut(start..end).filter(|view| view.len() == n);
    Ok(view.ok_or_else(|| Error::operand("adam", what, layout.dims(), format!("{n} elements")))?)
}
