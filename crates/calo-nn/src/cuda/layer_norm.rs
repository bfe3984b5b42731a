//! Layer normalisation and its derivatives, each one pass over the tensors.

use candle_core::{CudaStorage, Result, Shape};

use super::kernels::{
    Element, Grid, Source, by_dtype, elements, launch, optional, rows, sized, uninitialised,
};
use super::reduce::column_sums;
use super::{Operand, Output};

pub(super) fn layer_norm(
    x: Operand,
    affine: Option<(Operand, Operand)>,
    axes: &[usize],
    eps: f64,
    slope: Option<f64>,
) -> Result<Output> {
    fn run<T: Element>(
        x: Operand,
        affine: Option<(Operand, Operand)>,
        mut len: usize,
        mut eps: f64,
        mut slope: f64,
    ) -> Result<Output> {
        let op = "layer_norm";
        let device = &x.0.device;
        let rows = rows(op, "input", x, len)?;
        let mut weight = optional::<T>(op, "weight", affine.map(|(weight, _)| weight), len)?;
        let mut bias = optional::<T>(op, "bias", affine.map(|(_, bias)| bias), len)?;
        let mut view = elements::<T>(op, x)?;
        let mut y = uninitialised::<T>(device, rows * len)?;
        launch::<T>(
            device,
            Source::LayerNorm,
            op,
            Grid::Rows { rows, len },
            &mut [&mut view, &mut weight, &mut bias, &mut y, &mut len, &mut eps, &mut slope],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(y, device.clone()), x.1.shape().clone()))
    }
    let len = axes.iter().product();
    by_dtype!("layer_norm", x, T => run::<T>(x, affine, len, eps, slope.unwrap_or(1.0)))
}

pub(super) fn layer_norm_backward(
    x: Operand,
    u: Operand,
    gate: Option<(Operand, f64)>,
    weight: Option<Operand>,
    axes: &[usize],
    eps: f64,
) -> Result<Output> {
    fn run<T: Element>(
        x: Operand,
        u: Operand,
        gate: Option<(Operand, f64)>,
        weight: Option<Operand>,
        mut len: usize,
        mut eps: f64,
    ) -> Result<Output> {
        let op = "layer_norm_backward";
        let device = &x.0.device;
        let rows = rows(op, "input", x, len)?;
        let n = rows * len;
        let mut slope = gate.map_or(1.0, |(_, slope)| slope);
        let mut y = optional::<T>(op, "result", gate.map(|(y, _)| y), n)?;
        let mut weight = optional::<T>(op, "weight", weight, len)?;
        let (mut view, mut gradient) = (elements::<T>(op, x)?, sized::<T>(op, "gradient", u, n)?);
        let mut out = uninitialised::<T>(device, n)?;
        launch::<T>(
            device,
            Source::LayerNorm,
            op,
            Grid::Rows { rows, len },
            &mut [&mut view, &mut gradient, &mut y, &mut weight, &mut out, &mut len, &mut eps, &mut slope],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), x.1.shape().clone()))
    }
    let len = axes.iter().product();
    by_dtype!("layer_norm_backward", x, T => run::<T>(x, u, gate, weight, len, eps))
}

pub(super) fn layer_norm_second(
    x: Operand,
    u: Operand,
    v: Operand,
    axes: &[usize],
    eps: f64,
) -> Result<Output> {
    fn run<T: Element>(x: Operand, u: Operand, v: Operand, mut len: usize, mut eps: f64) -> Result<Output> {
        let op = "layer_norm_second";
        let device = &x.0.device;
        let rows = rows(op, "input", x, len)?;
        let n = rows * len;
        let mut view = elements::<T>(op, x)?;
        let (mut u, mut v) = (sized::<T>(op, "u", u, n)?, sized::<T>(op, "v", v, n)?);
        let mut out = uninitialised::<T>(device, n)?;
        launch::<T>(
            device,
            Source::LayerNorm,
            op,
            Grid::Rows { rows, len },
            &mut [&mut view, &mut u, &mut v, &mut out, &mut len, &mut eps],
        )?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), x.1.shape().clone()))
    }
    let len = axes.iter().product();
    by_dtype!("layer_norm_second", x, T => run::<T>(x, u, v, len, eps))
}

pub(super) fn layer_norm_weight_gradient(
    x: Operand,
    u: Operand,
    gate: Option<(Operand, f64)>,
    axes: &[usize],
    eps: f64,
) -> Result<Output> {
    fn run<T: Element>(
        x: Operand,
        u: Operand,
        gate: Option<(Operand, f64)>,
        axes: &[usize],
        mut eps: f64,
    ) -> Result<Output> {
        let op = "layer_norm_weight_gradient";
        let device = &x.0.device;
        let mut len = axes.iter().product::<usize>();
        let rows = rows(op, "input", x, len)?;
        let mut view = elements::<T>(op, x)?;
        let mut statistics = uninitialised::<T::Sum>(device, 2 * rows)?;
        launch::<T>(
            device,
            Source::LayerNorm,
            "row_statistics",
            Grid::Rows { rows, len },
            &mut [&mut view, &mut statistics, &mut len, &mut eps],
        )?;
        let sums = column_sums::<T>(op, u, gate, Some((view, statistics)), len)?;
        Ok((CudaStorage::wrap_cuda_slice(sums, device.clone()), Shape::from(axes)))
    }
    by_dtype!("layer_norm_weight_gradient", x, T => run::<T>(x, u, gate, axes, eps))
}
