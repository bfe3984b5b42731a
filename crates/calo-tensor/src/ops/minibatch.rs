//! Features of the whole batch for a critic, so that a generator gains nothing by repeating one shower.
//!
//! * [`minibatch_standard_deviation`]: one more map, constant (the photon GAN);
//! * [`minibatch_discrimination`]: how close each shower is to the others in learned projections (LAGAN);
//! * [`batch_difference`]: an embedding of how each shower differs from the others in energy and spread (the
//!   pion model of fast-and-accurate-showers).
//!
//! The others are made of operations that differentiate any number of times; where a standard deviation is 0 its
//! derivative is 0.

use candle_core::{CpuStorage, Shape, Tensor, WithDType};

use super::operation::{Node, Operation};
use super::{leaky_relu, sqrt_or_zero};
use crate::autograd::Backward;
use crate::cpu::minibatch as cpu;
use crate::cpu::{Operand, by_dtype, elements};
use crate::{Error, Result};

/// Slope below zero of the activations in the embedding.
const SLOPE: f64 = 0.01;

/// `x` with one more map: the standard deviation of each feature in each place over the batch, averaged over features
/// and places to a single number.
///
/// The variance is over n - 1, with 1e-8 added below the root, as published with the model; a batch of one gets a map
/// of zeros.
///
/// # Shapes
/// `[n, c, ..]` to `[n, c + 1, ..]`.
///
/// # Errors
/// [`Error::Operand`] for fewer than two axes or no elements.
///
/// # Reference
/// Fast and accurate electromagnetic and hadronic showers, section 3.4 (minibatch); Karras et al., arXiv 1710.10196,
/// section 3.
pub fn minibatch_standard_deviation(x: &Tensor) -> Result<Tensor> {
    let &[n, _, ..] = x.dims() else {
        return Err(Error::operand("minibatch_standard_deviation", "x", x.shape(), "[n, c, ..]"));
    };
    if x.elem_count() == 0 {
        return Err(Error::operand("minibatch_standard_deviation", "x", x.shape(), "at least one element"));
    }
    let mut map = x.dims().to_vec();
    map[1] = 1;
    let map = if n == 1 {
        Tensor::zeros(map, x.dtype(), x.device())?
    } else {
        let deviation = (variance(x, 0)? + 1e-8)?.sqrt()?.mean_all()?;
        deviation.broadcast_as(map)?
    };
    Ok(Tensor::cat(&[x, &map], 1)?)
}

/// How close each shower of a batch is to the others: for each kernel b the sum over all showers j but i itself of
/// `exp(-|x[i, b] - x[j, b]|_1)`.
///
/// The showers are given by their learned projections; a batch of one gets zeros. It differentiates once on a CPU, where it
/// is one operation.
///
/// # Shapes
/// `x` `[n, kernels, projections]` to `[n, kernels]`.
///
/// # Errors
/// [`Error::Operand`] for other shapes, or no elements.
///
/// # Reference
/// Salimans et al., arXiv 1606.03498, section 3.2.
pub fn minibatch_discrimination(x: &Tensor) -> Result<Tensor> {
    let &[_, _, _] = x.dims() else {
        let expected = "[n, kernels, projections]";
        return Err(Error::operand("minibatch_discrimination", "x", x.shape(), expected));
    };
    if x.elem_count() == 0 {
        return Err(Error::operand("minibatch_discrimination", "x", x.shape(), "at least one element"));
    }
    if x.device().is_cpu() {
        return Ok(x.contiguous()?.apply_op1(Node(Closeness))?);
    }
    let distances = x.unsqueeze(1)?.broadcast_sub(&x.unsqueeze(0)?)?.abs()?.sum(3)?;
    // Each shower is as close as can be to itself.
    Ok(distances.neg()?.exp()?.sum(1)?.affine(1.0, -1.0)?)
}

/// [`minibatch_discrimination`] on the CPU as one operation, without a number for each pair and projection in memory.
#[derive(Debug, Clone)]
struct Closeness;

/// Its gradient: operands x, g.
#[derive(Debug, Clone)]
struct ClosenessGradient;

/// Extents of the projections.
fn sizes(x: &Operand<'_>) -> candle_core::Result<cpu::Sizes> {
    let (n, kernels, projections) = x.1.shape().dims3()?;
    Ok(cpu::Sizes { n, kernels, projections })
}

impl Operation<1> for Closeness {
    fn name(&self) -> &'static str {
        "minibatch_discrimination"
    }

    fn cpu(&self, [x]: [Operand<'_>; 1]) -> candle_core::Result<(CpuStorage, Shape)> {
        let sizes = sizes(&x)?;
        let name = Operation::<1>::name(self);
        let out = by_dtype!(name, x.0, T => {
            Ok(T::to_cpu_storage_owned(cpu::closeness(elements::<T>(name, x.0, x.1)?, sizes)))
        })?;
        Ok((out, Shape::from((sizes.n, sizes.kernels))))
    }

    fn gradients(
        &self,
        [x]: [&Tensor; 1],
        _result: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 1]> {
        let pass = Backward::now();
        if !pass.wants(x) {
            return Ok([None]);
        }
        let (x, g) = (pass.keep(x), pass.keep(g).contiguous()?);
        Ok([Some(x.apply_op2(&g, Node(ClosenessGradient))?)])
    }
}

impl Operation<2> for ClosenessGradient {
    fn name(&self) -> &'static str {
        "minibatch_discrimination_gradient"
    }

    fn cpu(&self, [x, g]: [Operand<'_>; 2]) -> candle_core::Result<(CpuStorage, Shape)> {
        let sizes = sizes(&x)?;
        let name = Operation::<2>::name(self);
        let out = by_dtype!(name, x.0, T => {
            let (values, g) = (elements::<T>(name, x.0, x.1)?, elements(name, g.0, g.1)?);
            Ok(T::to_cpu_storage_owned(cpu::gradient(values, g, sizes)))
        })?;
        Ok((out, x.1.shape().clone()))
    }
}

/// Weights of [`batch_difference`]: two networks of three 1x1 convolutions without bias, each `[out, in]` or
/// `[out, in, 1]`, the first `in` being 1 (published widths 1, 64, 64, 16).
#[derive(Debug, Clone, Copy)]
pub struct BatchDifference<'a> {
    /// Network on differences of the standard deviation.
    pub deviation: [&'a Tensor; 3],
    /// Network on differences of the sum.
    pub sum: [&'a Tensor; 3],
}

/// How each shower differs from the others of its batch: sum and standard deviation over its cells, the matrices of
/// their differences, each entry through a small network (LeakyReLU(0.01) after each layer), then standard deviation
/// and mean over the batch.
///
/// Columns: standard deviation and mean for the deviations, then for the sums. Published critics use it twice with the
/// same weights, on the energies and on [`log_scaled`] ones.
///
/// # Shapes
/// `x` `[n, ..]` with n and the cells at least 2; `[n, 4 embedding]` (published: 64).
///
/// # Errors
/// [`Error::Operand`] for smaller batches or showers and for weights that do not follow each other.
///
/// # Reference
/// Fast and accurate electromagnetic and hadronic showers, section 3.4 (minibatch).
pub fn batch_difference(x: &Tensor, weights: &BatchDifference<'_>) -> Result<Tensor> {
    const OP: &str = "batch_difference";
    let n = x.dims().first().copied().unwrap_or(0);
    if n < 2 || x.rank() < 2 || x.elem_count() < 2 * n {
        return Err(Error::operand(
            OP,
            "x",
            x.shape(),
            "[n, ..] with at least two showers of at least two cells",
        ));
    }
    let cells = x.flatten_from(1)?;
    let deviation = sqrt_or_zero(&variance(&cells, 1)?)?;
    let sum = cells.sum_keepdim(1)?;
    let mut columns = Vec::with_capacity(4);
    for (values, layers) in [(deviation, &weights.deviation), (sum, &weights.sum)] {
        let embedded = embed_differences(OP, &values, layers)?;
        columns.push(sqrt_or_zero(&variance(&embedded, 1)?)?.squeeze(1)?);
        columns.push(embedded.mean(1)?);
    }
    Ok(Tensor::cat(&columns, 1)?)
}

/// `ln(x + e^-5) + 5`: 0 for an empty cell, and low energies spread out. For x >= 0.
///
/// # Errors
/// Candle's, for element types without a logarithm.
pub fn log_scaled(x: &Tensor) -> Result<Tensor> {
    Ok(((x + (-5.0_f64).exp())?.log()? + 5.0)?)
}

/// Of `values` `[n, 1]` the differences `values[j] - values[i]` through `layers`: `[n, n, embedding]`.
fn embed_differences(op: &'static str, values: &Tensor, layers: &[&Tensor; 3]) -> Result<Tensor> {
    let n = values.dim(0)?;
    let mut entries = values.t()?.broadcast_sub(values)?.reshape((n * n, 1))?;
    for layer in layers {
        let width = entries.dim(1)?;
        let weight = match *layer.dims() {
            [_, found] | [_, found, 1] if found == width => layer.flatten_from(1)?,
            _ => {
                return Err(Error::operand(
                    op,
                    "weight of a layer",
                    layer.shape(),
                    format!("[out, {width}, 1]"),
                ));
            }
        };
        entries = leaky_relu(&entries.matmul(&weight.t()?)?, SLOPE)?;
    }
    let embedding = entries.dim(1)?;
    Ok(entries.reshape((n, n, embedding))?)
}

/// Variance along an axis, over its length less one (at least 2 long); the axis stays with length 1.
fn variance(x: &Tensor, axis: usize) -> Result<Tensor> {
    let length = x.dim(axis)?;
    let share = 1.0 / (length - 1) as f64;
    let deviation = x.broadcast_sub(&x.mean_keepdim(axis)?)?;
    Ok((deviation.sqr()?.sum_keepdim(axis)? * share)?)
}
