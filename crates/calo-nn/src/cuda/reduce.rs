//! Sums in a fixed order, without atomic additions: in parts, then over the parts.

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaStorage, Result, Shape};

use super::kernels::{Element, Grid, Source, by_dtype, elements, launch, optional, rows, uninitialised};
use super::{Operand, Output};

/// Sum over rows of `len` of u, gated and times the normalised rows where given (x, mean and 1/sigma of each row).
pub(super) fn column_sums<T: Element>(
    op: &'static str,
    u: Operand,
    gate: Option<(Operand, f64)>,
    normalised: Option<(CudaView<'_, T>, CudaSlice<T::Sum>)>,
    mut len: usize,
) -> Result<CudaSlice<T>> {
    let device = &u.0.device;
    let mut rows = rows(op, "gradient", u, len)?;
    let n = rows * len;
    let mut slope = gate.map_or(1.0, |(_, slope)| slope);
    let mut y = optional::<T>(op, "result", gate.map(|(y, _)| y), n)?;
    let (mut x, statistics) = normalised.unzip();
    if x.as_ref().is_some_and(|x| x.len() != n) {
        return Err(crate::Error::operand(op, "gradient", u.1.dims(), "the shape of the input").into());
    }
    let mut gradient = elements::<T>(op, u)?;
    // Some 100,000 threads fill a card; few columns are cut in many parts, but no part is a single row of many.
    let wanted = (1_usize << 17).div_ceil(len).clamp(1, rows.div_ceil(4).min(1024));
    let mut rows_per_part = rows.div_ceil(wanted);
    let mut parts = rows.div_ceil(rows_per_part);
    let mut partial = uninitialised::<T::Sum>(device, parts * len)?;
    let mut statistics = statistics.as_ref().map(|statistics| statistics.as_view());
    launch::<T>(
        device,
        Source::Reduce,
        "column_sums",
        Grid::Columns { len, parts },
        &mut [
            &mut gradient,
            &mut y,
            &mut x,
            &mut statistics,
            &mut partial,
            &mut rows,
            &mut len,
            &mut rows_per_part,
            &mut slope,
        ],
    )?;
    let mut sums = uninitialised::<T>(device, len)?;
    launch::<T>(
        device,
        Source::Reduce,
        "add_parts",
        Grid::Elements(len),
        &mut [&mut partial, &mut sums, &mut parts, &mut len],
    )?;
    Ok(sums)
}

pub(super) fn sum_leading(u: Operand, gate: Option<(Operand, f64)>, axes: &[usize]) -> Result<Output> {
    let len = axes.iter().product();
    by_dtype!("sum_leading", u, T => {
        let sums = column_sums::<T>("sum_leading", u, gate, None, len)?;
        Ok((CudaStorage::wrap_cuda_slice(sums, u.0.device.clone()), Shape::from(axes)))
    })
}

/// Sums of the rows that the trailing axes make, and how many channels and samples they belong to.
fn row_sums<T: Element>(op: &'static str, u: Operand) -> Result<(CudaSlice<T::Sum>, [usize; 2])> {
    let device = &u.0.device;
    let [samples, channels] = [u.1.dim(0)?, u.1.dim(1)?];
    let mut len = u.1.dims().iter().skip(2).product::<usize>();
    let rows = rows(op, "operand", u, len)?;
    let mut view = elements::<T>(op, u)?;
    let mut sums = uninitialised::<T::Sum>(device, rows)?;
    launch::<T>(
        device,
        Source::Reduce,
        "row_sums",
        Grid::Rows { rows, len },
        &mut [&mut view, &mut sums, &mut len],
    )?;
    Ok((sums, [samples, channels]))
}

/// Adds `parts` rows of `len` sums.
fn add<T: Element>(
    u: Operand,
    mut sums: CudaSlice<T::Sum>,
    mut parts: usize,
    mut len: usize,
) -> Result<CudaStorage> {
    let device = &u.0.device;
    let mut out = uninitialised::<T>(device, len)?;
    launch::<T>(
        device,
        Source::Reduce,
        "add_parts",
        Grid::Elements(len),
        &mut [&mut sums, &mut out, &mut parts, &mut len],
    )?;
    Ok(CudaStorage::wrap_cuda_slice(out, device.clone()))
}

pub(super) fn channel_sums(u: Operand) -> Result<Output> {
    by_dtype!("channel_sums", u, T => {
        let (sums, [samples, channels]) = row_sums::<T>("channel_sums", u)?;
        Ok((add::<T>(u, sums, samples, channels)?, Shape::from(channels)))
    })
}

pub(super) fn sample_channel_sums(u: Operand) -> Result<Output> {
    by_dtype!("sample_channel_sums", u, T => {
        let (sums, [samples, channels]) = row_sums::<T>("sample_channel_sums", u)?;
        Ok((add::<T>(u, sums, 1, samples * channels)?, Shape::from((samples, channels))))
    })
}
