//! Element by element: activations, their gradients, channel-wise scales.

use candle_core::{CudaStorage, Result, Shape};

use super::kernels::{
    Element, Grid, Source, by_dtype, elements, launch, optional, rows, sized, uninitialised,
};
use super::{Operand, Output};

/// `y = kernel(x)`, with a number where the kernel takes one.
fn unary<T: Element>(op: &'static str, x: Operand, setting: Option<f64>) -> Result<Output> {
    let device = &x.0.device;
    let n = rows(op, "operand", x, 1)?;
    let (mut view, mut size) = (elements::<T>(op, x)?, n);
    let mut y = uninitialised::<T>(device, n)?;
    let grid = Grid::Elements(n);
    match setting {
        Some(mut setting) => {
            launch::<T>(
                device,
                Source::Elementwise,
                op,
                grid,
                &mut [&mut view, &mut y, &mut size, &mut setting],
            )?;
        }
        None => launch::<T>(device, Source::Elementwise, op, grid, &mut [&mut view, &mut y, &mut size])?,
    }
    Ok((CudaStorage::wrap_cuda_slice(y, device.clone()), x.1.shape().clone()))
}

pub(super) fn leaky_relu(x: Operand, slope: f64) -> Result<Output> {
    by_dtype!("leaky_relu", x, T => unary::<T>("leaky_relu", x, Some(slope)))
}

pub(super) fn softplus(x: Operand) -> Result<Output> {
    by_dtype!("softplus", x, T => unary::<T>("softplus", x, None))
}

pub(super) fn sigmoid(x: Operand) -> Result<Output> {
    by_dtype!("sigmoid", x, T => unary::<T>("sigmoid", x, None))
}

pub(super) fn leaky_relu_backward(u: Operand, y: Operand, slope: f64) -> Result<Output> {
    fn run<T: Element>(u: Operand, y: Operand, mut slope: f64) -> Result<Output> {
        let op = "leaky_relu_backward";
        let device = &u.0.device;
        let mut n = rows(op, "gradient", u, 1)?;
        let (mut gradient, mut result) = (elements::<T>(op, u)?, sized::<T>(op, "result", y, n)?);
        let mut out = uninitialised::<T>(device, n)?;
        launch::<T>(
            device,
            Source::Elementwise,
            op,
            Grid::Elements(n),
            &mut [&mut gradient, &mut result, &mut out, &mut n, &mut slope],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), u.1.shape().clone()))
    }
    by_dtype!("leaky_relu_backward", u, T => run::<T>(u, y, slope))
}

pub(super) fn scale_rows(u: Operand, weight: Operand, gate: Option<(Operand, f64)>) -> Result<Output> {
    fn run<T: Element>(u: Operand, weight: Operand, gate: Option<(Operand, f64)>) -> Result<Output> {
        let op = "scale_rows";
        let device = &u.0.device;
        let mut len = weight.1.shape().elem_count();
        let mut n = rows(op, "operand", u, len)? * len;
        let mut slope = gate.map_or(1.0, |(_, slope)| slope);
        let mut y = optional::<T>(op, "result", gate.map(|(y, _)| y), n)?;
        let (mut gradient, mut weight) = (elements::<T>(op, u)?, elements::<T>(op, weight)?);
        let mut out = uninitialised::<T>(device, n)?;
        launch::<T>(
            device,
            Source::Elementwise,
            op,
            Grid::Elements(n),
            &mut [&mut gradient, &mut weight, &mut y, &mut out, &mut n, &mut len, &mut slope],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), u.1.shape().clone()))
    }
    by_dtype!("scale_rows", u, T => run::<T>(u, weight, gate))
}

pub(super) fn channel_affine(
    x: Operand,
    scale: Option<Operand>,
    shift: Operand,
    slope: Option<f64>,
) -> Result<Output> {
    fn run<T: Element>(
        x: Operand,
        scale: Option<Operand>,
        shift: Operand,
        slope: Option<f64>,
    ) -> Result<Output> {
        let op = "channel_affine";
        let device = &x.0.device;
        let mut channels = x.1.dim(1)?;
        let mut n = rows(op, "operand", x, channels)? * channels;
        let mut len = x.1.dims().iter().skip(2).product::<usize>();
        let mut slope = slope.unwrap_or(1.0);
        let mut scale = optional::<T>(op, "scale", scale, channels)?;
        let mut shift = sized::<T>(op, "shift", shift, channels)?;
        let mut view = elements::<T>(op, x)?;
        let mut out = uninitialised::<T>(device, n)?;
        launch::<T>(
            device,
            Source::Elementwise,
            op,
            Grid::Elements(n),
            &mut [&mut view, &mut scale, &mut shift, &mut out, &mut n, &mut len, &mut channels, &mut slope],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), x.1.shape().clone()))
    }
    by_dtype!("channel_affine", x, T => run::<T>(x, scale, shift, slope))
}

pub(super) fn broadcast_channels(v: Operand, shape: &[usize]) -> Result<Output> {
    fn run<T: Element>(v: Operand, shape: &[usize]) -> Result<Output> {
        let op = "broadcast_channels";
        let device = &v.0.device;
        let mut channels = channel_values(op, v, shape)?;
        let mut n = shape.iter().product::<usize>();
        let mut len = shape.iter().skip(2).product::<usize>();
        let mut values = elements::<T>(op, v)?;
        let mut out = uninitialised::<T>(device, n)?;
        launch::<T>(
            device,
            Source::Elementwise,
            op,
            Grid::Elements(n),
            &mut [&mut values, &mut out, &mut n, &mut len, &mut channels],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), Shape::from(shape)))
    }
    by_dtype!("broadcast_channels", v, T => run::<T>(v, shape))
}

/// Adds values by channel to what was just computed, `[n, c, ..]` of `shape`.
pub(super) fn add_channels<T: Element>(
    y: &mut candle_core::cuda_backend::cudarc::driver::CudaSlice<T>,
    values: Operand,
    shape: &[usize],
) -> Result<()> {
    let op = "add_channels";
    let device = values.0.device.clone();
    let mut channels = channel_values(op, values, shape)?;
    let mut n = shape.iter().product::<usize>();
    let mut len = shape.iter().skip(2).product::<usize>();
    let mut values = elements::<T>(op, values)?;
    launch::<T>(
        &device,
        Source::Elementwise,
        op,
        Grid::Elements(n),
        &mut [y, &mut values, &mut n, &mut len, &mut channels],
    )
}

/// How many values there are: one for each channel, or for each channel of each sample.
fn channel_values(op: &'static str, v: Operand, shape: &[usize]) -> Result<usize> {
    let n = v.1.shape().elem_count();
    match shape {
        [samples, channels, ..] if n > 0 && (n == *channels || n == samples * channels) => Ok(n),
        _ => {
            let expected = format!("a value for each channel, or channel of a sample, of {shape:?}");
            Err(crate::Error::operand(op, "values", v.1.dims(), expected).into())
        }
    }
}
