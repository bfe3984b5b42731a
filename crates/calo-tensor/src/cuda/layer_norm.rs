//! Layer normalisation and its derivatives, each one pass over the tensors, and one more for what all rows share.

use candle_core::cuda_backend::cudarc::driver::CudaView;
use candle_core::{CudaStorage, Result, Shape};

use super::kernels::{
    Element, Grid, Source, by_dtype, elements, launch, optional, rows, sized, uninitialised,
};
use super::operand::{LayerNormOperands, Operand, Output};
use super::reduce::{self, add_parts};

pub(super) fn layer_norm(
    x: Operand,
    weight: Operand,
    bias: Operand,
    slope: Option<f64>,
    eps: f64,
) -> Result<Output> {
    fn run<T: Element>(
        x: Operand,
        weight: Operand,
        bias: Operand,
        mut slope: f64,
        mut eps: f64,
    ) -> Result<Output> {
        let op = "layer_norm";
        let device = &x.0.device;
        let mut len = weight.1.shape().elem_count();
        let rows = rows(op, "input", x, len)?;
        let (mut weight, mut bias) = (elements::<T>(op, weight)?, sized::<T>(op, "bias", bias, len)?);
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
    by_dtype!("layer_norm", x, T => run::<T>(x, weight, bias, slope.unwrap_or(1.0), eps))
}

/// The activation behind: its result, known to be as large as x, and its slope.
fn activation<'a, T: Element>(
    op: &'static str,
    gate: Option<(Operand<'a>, f64)>,
    n: usize,
) -> Result<(Option<CudaView<'a, T>>, f64)> {
    let slope = gate.map_or(1.0, |(_, slope)| slope);
    Ok((optional(op, "result", gate.map(|(y, _)| y), n)?, slope))
}

pub(super) fn layer_norm_gradient(operands: LayerNormOperands, affine: bool, eps: f64) -> Result<Output> {
    fn run<T: Element>(operands: LayerNormOperands, affine: bool, mut eps: f64) -> Result<Output> {
        let op = "layer_norm_gradient";
        let LayerNormOperands { x, weight, g, gate } = operands;
        let (device, shape) = (&x.0.device, x.1.shape());
        let mut len = weight.1.shape().elem_count();
        let mut rows = rows(op, "input", x, len)?;
        let n = rows * len;
        let (mut y, mut slope) = activation::<T>(op, gate, n)?;
        let (mut x, mut weight) = (elements::<T>(op, x)?, elements::<T>(op, weight)?);
        let mut g = sized::<T>(op, "gradient", g, n)?;
        let extra = if affine { 2 * len } else { 0 };
        let mut out = uninitialised::<T>(device, n + extra)?;
        let mut statistics = uninitialised::<T::Sum>(device, if affine { 2 * rows } else { 1 })?;
        let mut wanted = affine.then(|| statistics.as_view_mut());
        launch::<T>(
            device,
            Source::LayerNorm,
            op,
            Grid::Rows { rows, len },
            &mut [
                &mut x,
                &mut weight,
                &mut g,
                &mut y,
                &mut out.slice_mut(..n),
                &mut wanted,
                &mut len,
                &mut eps,
                &mut slope,
            ],
        )?;
        if !affine {
            return Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), shape.clone()));
        }
        let (mut rows_per_part, parts) = reduce::cut(rows, len);
        let mut weight_parts = uninitialised::<T::Sum>(device, parts * len)?;
        let mut bias_parts = uninitialised::<T::Sum>(device, parts * len)?;
        launch::<T>(
            device,
            Source::LayerNorm,
            "affine_gradient",
            Grid::Columns { len, parts },
            &mut [
                &mut x,
                &mut g,
                &mut y,
                &mut statistics,
                &mut weight_parts,
                &mut bias_parts,
                &mut rows,
                &mut len,
                &mut rows_per_part,
                &mut slope,
            ],
        )?;
        add_parts::<T>(device, &mut weight_parts, &mut out.slice_mut(n..n + len), parts, 1.0)?;
        add_parts::<T>(device, &mut bias_parts, &mut out.slice_mut(n + len..), parts, 1.0)?;
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), Shape::from(n + extra)))
    }
    by_dtype!("layer_norm_gradient", operands.x, T => run::<T>(operands, affine, eps))
}

pub(super) fn layer_norm_second(
    operands: LayerNormOperands,
    v: Operand,
    affine: bool,
    eps: f64,
) -> Result<Output> {
    fn run<T: Element>(
        operands: LayerNormOperands,
        v: Operand,
        affine: bool,
        mut eps: f64,
    ) -> Result<Output> {
        let op = "layer_norm_second";
        let LayerNormOperands { x, weight, g, gate } = operands;
        let device = &x.0.device;
        let mut len = weight.1.shape().elem_count();
        let mut rows = rows(op, "input", x, len)?;
        let n = rows * len;
        let (mut y, mut slope) = activation::<T>(op, gate, n)?;
        let (mut x, mut weight) = (elements::<T>(op, x)?, elements::<T>(op, weight)?);
        let (mut g, mut v) = (sized::<T>(op, "gradient", g, n)?, sized::<T>(op, "second gradient", v, n)?);
        let mut out = uninitialised::<T>(device, 2 * n + if affine { len } else { 0 })?;
        let mut statistics = uninitialised::<T::Sum>(device, if affine { 4 * rows } else { 1 })?;
        let mut wanted = affine.then(|| statistics.as_view_mut());
        let (mut dx, mut rest) = out.split_at_mut(n);
        launch::<T>(
            device,
            Source::LayerNorm,
            op,
            Grid::Rows { rows, len },
            &mut [
                &mut x,
                &mut g,
                &mut v,
                &mut weight,
                &mut y,
                &mut dx,
                &mut rest,
                &mut wanted,
                &mut len,
                &mut eps,
                &mut slope,
            ],
        )?;
        if affine {
            let (mut rows_per_part, parts) = reduce::cut(rows, len);
            let mut weight_parts = uninitialised::<T::Sum>(device, parts * len)?;
            launch::<T>(
                device,
                Source::LayerNorm,
                "weight_second",
                Grid::Columns { len, parts },
                &mut [
                    &mut x,
                    &mut g,
                    &mut v,
                    &mut y,
                    &mut statistics,
                    &mut weight_parts,
                    &mut rows,
                    &mut len,
                    &mut rows_per_part,
                    &mut slope,
                ],
            )?;
            add_parts::<T>(device, &mut weight_parts, &mut rest.slice_mut(n..), parts, 1.0)?;
        }
        let shape = Shape::from(out.len());
        Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), shape))
    }
    by_dtype!("layer_norm_second", operands.x, T => run::<T>(operands, v, affine, eps))
}
