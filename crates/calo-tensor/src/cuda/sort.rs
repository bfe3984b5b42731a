//! Sorted rows: sorting, taking and putting back, and the kernel MMD of sorted rows.

use candle_core::backend::BackendStorage as _;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::{CudaStorage, DType, Result, Shape};

use super::kernels::{Element, Grid, Source, by_dtype, elements, launch, rows, sized, uninitialised};
use super::operand::{Operand, Output};
use crate::Error;
use crate::arguments::SortedMmd;

/// The threads that `argsort_descending` is written for.
const SORTERS: u32 = 512;

/// Shape of `operand` with another last axis.
fn with_last(operand: Operand, last: usize) -> Shape {
    let mut dims = operand.1.dims().to_vec();
    if let Some(end) = dims.last_mut() {
        *end = last;
    }
    Shape::from(dims)
}

fn last(op: &'static str, what: &'static str, operand: Operand) -> Result<usize> {
    let found = operand.1.dims();
    Ok(found.last().copied().ok_or_else(|| Error::operand(op, what, found, "one axis or more"))?)
}

fn indices<T: Element>(op: &'static str, x: Operand, count: usize) -> Result<CudaSlice<u32>> {
    let device = &x.0.device;
    let (mut len, mut count) = (last(op, "operand", x)?, count);
    let rows = rows(op, "operand", x, len)?;
    if count == 0 || count > len || u32::try_from(len).is_err() {
        return Err(Error::operand(op, "count", count, format!("1 to the length of a row, {len}")).into());
    }
    let mut view = elements::<T>(op, x)?;
    let mut indices = uninitialised::<u32>(device, rows * count)?;
    // Two sets of keys and places, between which the sort goes back and forth; keys are as wide as what is summed in.
    let mut keys = uninitialised::<T::Sum>(device, 2 * rows * len)?;
    let mut places = uninitialised::<u32>(device, 2 * rows * len)?;
    launch::<T>(
        device,
        Source::Sort,
        "argsort_descending",
        Grid::Blocks { rows, threads: SORTERS },
        &mut [&mut view, &mut indices, &mut keys, &mut places, &mut len, &mut count],
    )?;
    Ok(indices)
}

pub(super) fn argsort_descending(x: Operand, count: usize) -> Result<Output> {
    by_dtype!("argsort_descending", x, T => {
        let indices = indices::<T>("argsort_descending", x, count)?;
        Ok((CudaStorage::wrap_cuda_slice(indices, x.0.device.clone()), with_last(x, count)))
    })
}

pub(super) fn gather_rows(x: Operand, indices: Operand) -> Result<Output> {
    fn run<T: Element>(x: Operand, indices: Operand) -> Result<Output> {
        let op = "gather_rows";
        let device = &x.0.device;
        let (mut len, mut count) = (last(op, "operand", x)?, last(op, "indices", indices)?);
        let rows = rows(op, "operand", x, len)?;
        let mut n = rows * count;
        let (mut view, mut places) = (elements::<T>(op, x)?, sized::<u32>(op, "indices", indices, n)?);
        let mut out = uninitialised::<T>(device, n)?;
        launch::<T>(
            device,
            Source::Sort,
            op,
            Grid::Elements(n),
            &mut [&mut view, &mut places, &mut out, &mut n, &mut len, &mut count],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), with_last(x, count)))
    }
    by_dtype!("gather_rows", x, T => run::<T>(x, indices))
}

pub(super) fn scatter_rows(g: Operand, indices: Operand, len: usize) -> Result<Output> {
    fn run<T: Element>(g: Operand, indices: Operand, mut len: usize) -> Result<Output> {
        let op = "scatter_rows";
        let device = &g.0.device;
        let mut count = last(op, "gradient", g)?;
        let rows = rows(op, "gradient", g, count)?;
        let mut n = rows * count;
        let (mut view, mut places) = (elements::<T>(op, g)?, sized::<u32>(op, "indices", indices, n)?);
        let mut out = device.alloc_zeros::<T>(rows * len)?;
        launch::<T>(
            device,
            Source::Sort,
            op,
            Grid::Elements(n),
            &mut [&mut view, &mut places, &mut out, &mut n, &mut len, &mut count],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), with_last(g, len)))
    }
    by_dtype!("scatter_rows", g, T => run::<T>(g, indices, len))
}

fn checked(op: &'static str, settings: SortedMmd, len: usize) -> Result<()> {
    let SortedMmd { window, stride, windows: many, .. } = settings;
    let fit = window > 0
        && stride > 0
        && many > 0
        && (many - 1).saturating_mul(stride).saturating_add(window) <= len;
    if fit {
        return Ok(());
    }
    Err(Error::operand(op, "windows", settings, format!("windows within rows of {len}")).into())
}

pub(super) fn sorted_mmd(x: Operand, y: Operand, settings: SortedMmd) -> Result<Output> {
    fn run<T: Element>(x: Operand, y: Operand, settings: SortedMmd) -> Result<Output> {
        let op = "sorted_mmd";
        let device = &x.0.device;
        let mut len = last(op, "rows", x)?;
        checked(op, settings, len)?;
        let rows = rows(op, "rows", x, len)?;
        let mut n = 2 * rows * len;
        let SortedMmd { mut window, mut stride, mut windows, mut exponent } = settings;
        let (mut x, mut y) = (elements::<T>(op, x)?, sized::<T>(op, "other rows", y, rows * len)?);
        let mut out = uninitialised::<T>(device, rows * (1 + 2 * len))?;
        launch::<T>(
            device,
            Source::SortedMmd,
            op,
            Grid::Blocks { rows, threads: 1024 },
            &mut [&mut x, &mut y, &mut out, &mut len, &mut window, &mut stride, &mut windows, &mut exponent],
        )?;
        launch::<T>(
            device,
            Source::SortedMmd,
            "sorted_mmd_gradients",
            Grid::Elements(n),
            &mut [
                &mut x,
                &mut y,
                &mut out,
                &mut n,
                &mut len,
                &mut window,
                &mut stride,
                &mut windows,
                &mut exponent,
            ],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), Shape::from((rows, 1 + 2 * len))))
    }
    // Differences of sorted energies do not survive the 8 bits of bf16.
    if let dtype @ DType::BF16 = x.0.dtype() {
        return Err(candle_core::Error::UnsupportedDTypeForOp(dtype, "sorted_mmd"));
    }
    by_dtype!("sorted_mmd", x, T => run::<T>(x, y, settings))
}
