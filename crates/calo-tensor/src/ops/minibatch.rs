//! Features of the whole batch for a critic, so that a generator gains nothing by repeating one shower.
//!
//! * [`minibatch_standard_deviation`]: one more map, constant (the photon GAN);
//! * [`batch_difference`]: an embedding of how each shower differs from the others in energy and spread (the
//!   pion model of fast-and-accurate-showers).
//!
//! Both are made of operations that differentiate any number of times; where a standard deviation is 0 its
//! derivative is 0.

use candle_core::Tensor;

use super::{leaky_relu, sqrt_or_zero};
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
/// Fast and accurate electromagnetic and hadronic showers, section 3 (minibatch); Karras et al., arXiv 1710.10196,
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
/// Fast and accurate electromagnetic and hadronic showers, section 3 (minibatch).
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
