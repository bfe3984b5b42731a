//! Element by element: activations, their gradients, channel-wise scales.

use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::{CudaStorage, Result};

use super::kernels::{
    Argument, Element, Grid, Source, by_dtype, elements, launch, optional, rows, sized, uninitialised,
};
use super::operand::{Operand, Output};

/// `y = kernel(x)`, with a number where the kernel takes one.
fn unary<T: Element>(op: &'static str, x: Operand, setting: Option<f64>) -> Result<Output> {
    let device = &x.0.device;
    let mut n = rows(op, "operand", x, 1)?;
    let mut view = elements::<T>(op, x)?;
    let mut y = uninitialised::<T>(device, n)?;
    let grid = Grid::Elements(n);
    let mut setting = setting;
    let mut arguments: Vec<&mut dyn Argument> = vec![&mut view, &mut y, &mut n];
    if let Some(setting) = &mut setting {
        arguments.push(setting);
    }
    launch::<T>(device, Source::Elementwise, op, grid, &mut arguments)?;
    Ok((CudaStorage::wrap_cuda_slice(y, device.clone()), x.1.shape().clone()))
}

pub(super) fn leaky_relu(x: Operand, slope: f64) -> Result<Output> {
    by_dtype!("leaky_relu", x, T => unary::<T>("leaky_relu", x, Some(slope)))
}

pub(super) fn softplus(x: Operand) -> Result<Output> {
    by_dtype!("softplus", x, T => unary::<T>("softplus", x, None))
}

/// `out = kernel(a, b)`, with a number where the kernel takes one.
fn binary<T: Element>(op: &'static str, a: Operand, b: Operand, setting: Option<f64>) -> Result<Output> {
    let device = &a.0.device;
    let mut n = rows(op, "operand", a, 1)?;
    let (mut left, mut right) = (elements::<T>(op, a)?, sized::<T>(op, "other operand", b, n)?);
    let mut out = uninitialised::<T>(device, n)?;
    let grid = Grid::Elements(n);
    let mut setting = setting;
    let mut arguments: Vec<&mut dyn Argument> = vec![&mut left, &mut right, &mut out, &mut n];
    if let Some(setting) = &mut setting {
        arguments.push(setting);
    }
    launch::<T>(device, Source::Elementwise, op, grid, &mut arguments)?;
    Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), a.1.shape().clone()))
}

pub(super) fn leaky_relu_gradient(g: Operand, y: Operand, slope: f64) -> Result<Output> {
    by_dtype!("leaky_relu_gradient", g, T => binary::<T>("leaky_relu_gradient", g, y, Some(slope)))
}

pub(super) fn softplus_gradient(x: Operand, g: Operand) -> Result<Output> {
    by_dtype!("softplus_gradient", x, T => binary::<T>("softplus_gradient", x, g, None))
}

pub(super) fn channel_affine(x: Operand, scale: Operand, shift: Option<Operand>) -> Result<Output> {
    fn run<T: Element>(x: Operand, scale: Operand, shift: Option<Operand>) -> Result<Output> {
        let op = "channel_affine";
        let device = &x.0.device;
        let mut channels = x.1.dim(1)?;
        let mut n = rows(op, "operand", x, channels)? * channels;
        let mut len = x.1.dims().iter().skip(2).product::<usize>();
        let mut scale = sized::<T>(op, "scale", scale, channels)?;
        let mut shift = optional::<T>(op, "shift", shift, channels)?;
        let mut view = elements::<T>(op, x)?;
        let mut out = uninitialised::<T>(device, n)?;
        launch::<T>(
            device,
            Source::Elementwise,
            op,
            Grid::Elements(n),
            &mut [&mut view, &mut scale, &mut shift, &mut out, &mut n, &mut len, &mut channels],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), x.1.shape().clone()))
    }
    by_dtype!("channel_affine", x, T => run::<T>(x, scale, shift))
}

/// Adds values by channel to what was just computed, `[n, c, ..]` of `shape`.
pub(super) fn add_channels<T: Element>(y: &mut CudaSlice<T>, values: Operand, shape: &[usize]) -> Result<()> {
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
