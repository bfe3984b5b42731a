//! Locally connected 2-D layer: a convolution whose weights differ from place to place. On the CPU three products, each
//! bilinear, whose derivatives are one another; on a GPU a gather and a batched product.
//!
//! For images x `[n, i, cell]`, weights w `[p, o, i, t]`, g `[n, o, p]`:
//!
//! * forward: y = sum of w x over taps; dx = input gradient(g, w), dw = weight gradient(g, x);
//! * input gradient: dx = sum of w g; given v like x: dg = forward(v, w), dw = weight gradient(g, v);
//! * weight gradient: dw = sum of g x over n; given v like w: dg = forward(x, v), dx = input gradient(g, v).
//!
//! So the layer can be differentiated any number of times.

use std::sync::Arc;

use candle_core::{CpuStorage, Shape, Tensor, WithDType};

use crate::autograd::Backward;
use crate::cpu::locally_connected as cpu;
use crate::cpu::locally_connected::{Sizes, Taps};
use crate::cpu::{Operand, by_dtype, elements};
use crate::ops::check;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

const OP: &str = "locally_connected";

/// `y[n, o, p] = bias[o, p] + sum over i, k of x[n, i, p * stride + k - padding] weight[p, o, i, k]`, p and k being
/// places in two dimensions and x zero outside.
///
/// # Shapes
/// `x` `[n, ci, h, w]`, `weight` `[oh, ow, co, ci, kh, kw]`, `bias` `[co, oh, ow]`; `[n, co, oh, ow]` with
/// `oh = (h + 2 padding - kh) / stride + 1` rounded down, and the same for `ow`.
///
/// # Errors
/// [`Error::Operand`] for shapes that do not fit, empty ones, or a stride of 0.
///
/// # Reference
/// de Oliveira et al., arXiv 1701.05927, section 4 (LAGAN).
pub fn locally_connected(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<Tensor> {
    let &[_, ci, h, w] = x.dims() else {
        return Err(Error::operand(OP, "x", x.shape(), "[n, ci, h, w]"));
    };
    let [oh, ow, co, weight_ci, kh, kw] = six(weight)?;
    if x.elem_count() == 0 || weight.elem_count() == 0 || weight_ci != ci {
        return Err(Error::operand(
            OP,
            "weight",
            weight.shape(),
            format!("[oh, ow, co, {ci}, kh, kw], for x {:?}, none empty", x.shape()),
        ));
    }
    let rows = Axis { length: h, kernel: kh, stride: stride[0], padding: padding[0] };
    let columns = Axis { length: w, kernel: kw, stride: stride[1], padding: padding[1] };
    let expected = (rows.places(), columns.places());
    if expected != (Some(oh), Some(ow)) {
        return Err(Error::operand(
            OP,
            "grid of the weight",
            [oh, ow],
            format!("{expected:?} for {rows:?} and {columns:?}"),
        ));
    }
    if let Some(bias) = bias
        && bias.dims() != [co, oh, ow]
    {
        return Err(Error::operand(OP, "bias", bias.shape(), format!("[{co}, {oh}, {ow}]")));
    }

    check::float(OP, "x", x, x)?;
    check::float(OP, "weight", weight, x)?;
    let layer = Layer { rows, columns };
    let y = if x.device().is_cpu() { on_cpu(x, weight, layer)? } else { composed(x, weight, layer)? };
    Ok(match bias {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    })
}

/// Extents of a weight.
fn six(weight: &Tensor) -> Result<[usize; 6]> {
    let wrong = |_| Error::operand(OP, "weight", weight.shape(), "[oh, ow, co, ci, kh, kw]");
    weight.dims().try_into().map_err(wrong)
}

/// The layer as one operation.
fn on_cpu(x: &Tensor, weight: &Tensor, layer: Layer) -> Result<Tensor> {
    let (n, ci, h, w) = x.dims4()?;
    let [oh, ow, co, _, kh, kw] = six(weight)?;
    let taps = Arc::new(Taps::new(h * w, kh * kw, &layer.cells()));
    let x = x.contiguous()?.reshape((n, ci, h * w))?;
    let weight = weight.contiguous()?.reshape((oh * ow, co, ci, kh * kw))?;
    let y = x.apply_op2(&weight, Node(Forward(taps)))?;
    Ok(y.reshape((n, co, oh, ow))?)
}

/// The layer of Candle's operations: the patches are gathered by index, and each place's patches are multiplied by its own
/// weights, all places in one batched product.
fn composed(x: &Tensor, weight: &Tensor, layer: Layer) -> Result<Tensor> {
    let (n, ci, ..) = x.dims4()?;
    let [oh, ow, co, _, kh, kw] = six(weight)?;
    // One more cell, 0, for whatever lies outside.
    let outside = Tensor::zeros((n, ci, 1), x.dtype(), x.device())?;
    let cells = Tensor::cat(&[&x.flatten_from(2)?, &outside], 2)?;
    let (places, taps) = (oh * ow, kh * kw);
    let n_cells = (layer.rows.length * layer.columns.length) as u32;
    let indices: Vec<u32> = layer.cells().into_iter().map(|cell| cell.unwrap_or(n_cells)).collect();
    let patches = cells.index_select(&Tensor::new(indices, x.device())?, 2)?;
    let patches =
        patches.reshape((n, ci, places, taps))?.permute((2, 0, 1, 3))?.reshape((places, n, ci * taps))?;
    let weight = weight.reshape((places, co, ci * taps))?;
    Ok(patches.matmul(&weight.t()?)?.permute((1, 2, 0))?.reshape((n, co, oh, ow))?)
}

/// y of x `[n, in, cell]` and w `[place, out, in, tap]`.
#[derive(Debug, Clone)]
struct Forward(Arc<Taps>);

/// dx of g `[n, out, place]` and w.
#[derive(Debug, Clone)]
struct InputGradient(Arc<Taps>);

/// dw of g and x.
#[derive(Debug, Clone)]
struct WeightGradient(Arc<Taps>);

impl Operation<2> for Forward {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu(&self, [x, weight]: [Operand<'_>; 2]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, n_in, _) = x.1.shape().dims3()?;
        let (n_places, n_out, _, _) = weight.1.shape().dims4()?;
        let sizes = Sizes { n, n_in, n_out };
        let out = by_dtype!(OP, x.0, T => {
            let (x, weight) = (elements::<T>(OP, x.0, x.1)?, elements(OP, weight.0, weight.1)?);
            Ok(T::to_cpu_storage_owned(cpu::forward(x, weight, &self.0, sizes)))
        })?;
        Ok((out, Shape::from((n, n_out, n_places))))
    }

    fn gradients(
        &self,
        [x, weight]: [&Tensor; 2],
        _y: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let (wants_x, wants_weight) = (pass.wants(x), pass.wants_weight(weight));
        let (x, kept_weight, g) = (pass.keep(x), pass.keep(weight), pass.keep(g).contiguous()?);
        let taps = || Arc::clone(&self.0);
        Ok([
            if wants_x { Some(g.apply_op2(&kept_weight, Node(InputGradient(taps())))?) } else { None },
            if wants_weight {
                pass.leave(weight, g.apply_op2(&x, Node(WeightGradient(taps())))?)
            } else {
                None
            },
        ])
    }
}

impl Operation<2> for InputGradient {
    fn name(&self) -> &'static str {
        "locally_connected_input_gradient"
    }

    fn cpu(&self, [g, weight]: [Operand<'_>; 2]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, n_out, _) = g.1.shape().dims3()?;
        let n_in = weight.1.shape().dims4()?.2;
        let sizes = Sizes { n, n_in, n_out };
        let out = by_dtype!(OP, g.0, T => {
            let (g, weight) = (elements::<T>(OP, g.0, g.1)?, elements(OP, weight.0, weight.1)?);
            Ok(T::to_cpu_storage_owned(cpu::input_gradient(g, weight, &self.0, sizes)))
        })?;
        Ok((out, Shape::from((n, n_in, self.0.n_cells()))))
    }

    fn gradients(
        &self,
        [g, weight]: [&Tensor; 2],
        _dx: &Tensor,
        v: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let (wants_g, wants_weight) = (pass.wants(g), pass.wants_weight(weight));
        let (g, weight, v) = (pass.keep(g), pass.keep(weight), pass.keep(v).contiguous()?);
        let taps = || Arc::clone(&self.0);
        Ok([
            if wants_g { Some(v.apply_op2(&weight, Node(Forward(taps())))?) } else { None },
            if wants_weight { Some(g.apply_op2(&v, Node(WeightGradient(taps())))?) } else { None },
        ])
    }
}

impl Operation<2> for WeightGradient {
    fn name(&self) -> &'static str {
        "locally_connected_weight_gradient"
    }

    fn cpu(&self, [g, x]: [Operand<'_>; 2]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, n_out, n_places) = g.1.shape().dims3()?;
        let n_in = x.1.shape().dims3()?.1;
        let sizes = Sizes { n, n_in, n_out };
        let out = by_dtype!(OP, g.0, T => {
            let (g, x) = (elements::<T>(OP, g.0, g.1)?, elements(OP, x.0, x.1)?);
            Ok(T::to_cpu_storage_owned(cpu::weight_gradient(g, x, &self.0, sizes)))
        })?;
        Ok((out, Shape::from((n_places, n_out, n_in, self.0.n_taps()))))
    }

    fn gradients(
        &self,
        [g, x]: [&Tensor; 2],
        _dweight: &Tensor,
        v: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let (wants_g, wants_x) = (pass.wants(g), pass.wants(x));
        let (g, x, v) = (pass.keep(g), pass.keep(x), pass.keep(v).contiguous()?);
        let taps = || Arc::clone(&self.0);
        Ok([
            if wants_g { Some(x.apply_op2(&v, Node(Forward(taps())))?) } else { None },
            if wants_x { Some(g.apply_op2(&v, Node(InputGradient(taps())))?) } else { None },
        ])
    }
}

/// Both axes of a layer.
#[derive(Debug, Clone, Copy)]
struct Layer {
    rows: Axis,
    columns: Axis,
}

impl Layer {
    /// The cells of all taps of all places; none outside.
    fn cells(&self) -> Vec<Option<u32>> {
        let Self { rows, columns } = self;
        let mut cells = Vec::new();
        for p in 0..rows.places().unwrap_or(0) {
            for q in 0..columns.places().unwrap_or(0) {
                for k in 0..rows.kernel {
                    for l in 0..columns.kernel {
                        let cell = rows.index(p, k).zip(columns.index(q, l));
                        cells.push(cell.map(|(i, j)| (i * columns.length + j) as u32));
                    }
                }
            }
        }
        cells
    }
}

/// One of the two axes of the layer.
#[derive(Debug, Clone, Copy)]
struct Axis {
    length: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl Axis {
    /// Number of places, if there are any.
    fn places(&self) -> Option<usize> {
        Some((self.length + 2 * self.padding).checked_sub(self.kernel)?.checked_div(self.stride)? + 1)
    }

    /// Where the tap of a place stands in the input, if inside.
    fn index(&self, place: usize, tap: usize) -> Option<usize> {
        (place * self.stride + tap).checked_sub(self.padding).filter(|&i| i < self.length)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;

    fn waves(dims: &[usize], k: f64, dtype: DType) -> Tensor {
        let n: usize = dims.iter().product();
        let values: Vec<f64> = (0..n).map(|i| (k * i as f64).sin()).collect();
        Tensor::from_vec(values, dims, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
    }

    /// A layer's result and its gradients in x and weight.
    fn differentiated(
        layer: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
        [x, weight]: [&Tensor; 2],
    ) -> [Tensor; 3] {
        let [x, weight] = [x, weight].map(|tensor| Var::from_tensor(tensor).unwrap());
        let y = layer(&x, &weight).unwrap();
        let gradients =
            (&y * waves(y.dims(), 0.9, y.dtype())).unwrap().sum_all().unwrap().backward().unwrap();
        let [dx, dw] = [&x, &weight].map(|var| gradients.get(var).unwrap().clone());
        [y, dx, dw]
    }

    /// Fewer samples than a block of lanes and more, whole blocks and not, channels in whole groups and not.
    #[test]
    fn kernels_of_the_cpu_are_the_composition() {
        let axis = |length, kernel, stride, padding| Axis { length, kernel, stride, padding };
        for (rows, columns) in [(axis(5, 3, 1, 1), axis(4, 3, 1, 1)), (axis(6, 2, 2, 0), axis(7, 3, 2, 2))] {
            for [n, ci, co] in [[1, 1, 1], [15, 5, 4], [16, 4, 5], [19, 3, 2], [50, 8, 9]] {
                let layer = Layer { rows, columns };
                let [oh, ow] = [rows, columns].map(|axis| axis.places().unwrap());
                for dtype in [DType::F64, DType::F32] {
                    let x = waves(&[n, ci, rows.length, columns.length], 0.7, dtype);
                    let weight = waves(&[oh, ow, co, ci, rows.kernel, columns.kernel], 0.3, dtype);
                    let ours = differentiated(|x, w| on_cpu(x, w, layer), [&x, &weight]);
                    let theirs = differentiated(|x, w| composed(x, w, layer), [&x, &weight]);
                    for (ours, theirs) in ours.iter().zip(&theirs) {
                        let worst = (ours - theirs).unwrap().abs().unwrap().max_all().unwrap();
                        let worst = worst.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap();
                        let limit = if dtype == DType::F64 { 1e-12 } else { 2e-5 };
                        assert!(worst < limit, "{n} samples, {ci} to {co} channels, {dtype:?}: {worst}");
                    }
                }
            }
        }
    }
}
