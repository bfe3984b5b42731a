//! Sums in a fixed order, without atomic additions: in parts or rows, then over these.

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, CudaViewMut};
use candle_core::{CudaDevice, CudaStorage, Result, Shape};

use super::kernels::{
    Argument, Element, Grid, Source, by_dtype, elements, launch, rows, sized, uninitialised,
};
use super::operand::{Operand, Output};
use crate::Error;

/// How a sum over `rows` rows of `len` is cut: rows in a part, and parts. By shape alone, so that the order is fixed.
pub(super) fn cut(rows: usize, len: usize) -> (usize, usize) {
    // Some 100,000 threads fill a GPU; few columns are cut in many parts, but not to less than four rows.
    let wanted = (1_usize << 17).div_ceil(len.max(1)).clamp(1, rows.div_ceil(4).clamp(1, 1024));
    let rows_per_part = rows.div_ceil(wanted).max(1);
    (rows_per_part, rows.div_ceil(rows_per_part))
}

/// `scale` times the sum over `parts` of rows as long as `out`.
pub(super) fn add_parts<T: Element>(
    device: &CudaDevice,
    part: &mut CudaSlice<T::Sum>,
    out: &mut CudaViewMut<'_, T>,
    mut parts: usize,
    mut scale: f64,
) -> Result<()> {
    let mut len = out.len();
    if part.len() != parts * len {
        return Err(Error::operand("add_parts", "parts", part.len(), format!("{parts} times {len}")).into());
    }
    let grid = Grid::Elements(len);
    let arguments: &mut [&mut dyn Argument] = &mut [part, out, &mut parts, &mut len, &mut scale];
    launch::<T>(device, Source::Reduce, "add_parts", grid, arguments)
}

/// Samples, channels, and elements of a channel of a sample.
fn split(op: &'static str, operand: Operand) -> Result<[usize; 3]> {
    match operand.1.dims() {
        [samples, channels, inner @ ..] if operand.1.shape().elem_count() > 0 => {
            Ok([*samples, *channels, inner.iter().product()])
        }
        dims => Err(Error::operand(op, "operand", dims, "[n, c, ..], nothing empty").into()),
    }
}

fn row_sums<T: Element>(op: &'static str, a: Operand, mut len: usize) -> Result<CudaSlice<T::Sum>> {
    let device = &a.0.device;
    let rows = rows(op, "operand", a, len)?;
    let mut view = elements::<T>(op, a)?;
    let mut sums = uninitialised::<T::Sum>(device, rows)?;
    let grid = Grid::Rows { rows, len };
    launch::<T>(device, Source::Reduce, "row_sums", grid, &mut [&mut view, &mut sums, &mut len])?;
    Ok(sums)
}

pub(super) fn channel_sum(a: Operand, per_sample: bool) -> Result<Output> {
    let op = "channel_sum";
    let [samples, channels, len] = split(op, a)?;
    by_dtype!(op, a, T => {
        let mut sums = row_sums::<T>(op, a, len)?;
        let (parts, shape) = if per_sample {
            (1, Shape::from((samples, channels)))
        } else {
            (samples, Shape::from(channels))
        };
        let device = &a.0.device;
        let mut out = uninitialised::<T>(device, shape.elem_count())?;
        add_parts::<T>(device, &mut sums, &mut out.as_view_mut(), parts, 1.0)?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), shape))
    })
}

/// Sum over samples of what cuBLAS gave for each, as a tensor of `shape`.
pub(super) fn sum_samples(each: Operand, samples: usize, shape: &[usize]) -> Result<Output> {
    let op = "sum_samples";
    by_dtype!(op, each, T => {
        let mut len = shape.iter().product::<usize>();
        let mut samples = samples;
        let device = &each.0.device;
        let mut view: CudaView<T> = sized(op, "products", each, samples * len)?;
        let mut out = uninitialised::<T>(device, len)?;
        launch::<T>(
            device,
            Source::Reduce,
            op,
            Grid::Elements(len),
            &mut [&mut view, &mut out, &mut samples, &mut len],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), Shape::from(shape)))
    })
}

pub(super) fn channel_moments(a: Operand, b: Operand) -> Result<Output> {
    fn run<T: Element>(a: Operand, b: Operand) -> Result<Output> {
        let op = "channel_moments";
        let device = &a.0.device;
        let [samples, channels, mut len] = split(op, a)?;
        let rows = samples * channels;
        let (mut a, mut b) = (elements::<T>(op, a)?, sized::<T>(op, "other operand", b, rows * len)?);
        let (mut sums, mut products) = (uninitialised(device, rows)?, uninitialised(device, rows)?);
        launch::<T>(
            device,
            Source::Reduce,
            "row_moments",
            Grid::Rows { rows, len },
            &mut [&mut a, &mut b, &mut sums, &mut products, &mut len],
        )?;
        let mut out = uninitialised::<T>(device, 2 * channels)?;
        add_parts::<T>(device, &mut sums, &mut out.slice_mut(..channels), samples, 1.0)?;
        add_parts::<T>(device, &mut products, &mut out.slice_mut(channels..), samples, 1.0)?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), Shape::from((2, channels))))
    }
    by_dtype!("channel_moments", a, T => run::<T>(a, b))
}

pub(super) fn batch_statistics(x: Operand) -> Result<Output> {
    fn run<T: Element>(x: Operand) -> Result<Output> {
        let op = "batch_statistics";
        let device = &x.0.device;
        let [samples, mut channels, mut len] = split(op, x)?;
        let rows = samples * channels;
        let per_element = 1.0 / (samples * len) as f64;
        let mut sums = row_sums::<T>(op, x, len)?;
        let mut out = uninitialised::<T>(device, 2 * channels)?;
        add_parts::<T>(device, &mut sums, &mut out.slice_mut(..channels), samples, per_element)?;
        // About the mean, so that nothing is lost where it is large.
        let mut view = elements::<T>(op, x)?;
        launch::<T>(
            device,
            Source::Reduce,
            "row_squares",
            Grid::Rows { rows, len },
            &mut [&mut view, &mut out.slice(..channels), &mut sums, &mut len, &mut channels],
        )?;
        add_parts::<T>(device, &mut sums, &mut out.slice_mut(channels..), samples, per_element)?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), Shape::from((2, channels))))
    }
    by_dtype!("batch_statistics", x, T => run::<T>(x))
}
