//! Batch normalisation over all axes but the second, in two halves: the statistics, and the map with given ones.
//!
//! Four operations, each one pass over memory, whose derivatives are made of one another, so that all can be
//! differentiated any number of times. For x `[n, c, ..]`, per-channel s, t `[c]` and N elements per channel:
//!
//! * affine: y = s x + t; dx = scale(g, s), (dt, ds) = moments(g, x);
//! * scale: y = s x; dx = scale(g, s), ds = the second of moments(g, x);
//! * moments: (sum of a, sum of a b) `[2, c]`; given (v0, v1): da = affine(b, v1, v0), db = scale(a, v1);
//! * statistics: (mean, biased variance) `[2, c]`; given (v0, v1): dx = 2 v1 / N x + (v0 - 2 v1 mean) / N.
//!
//! Source: Ioffe and Szegedy, arXiv 1502.03167, algorithms 1 and 2.

use candle_core::{CpuStorage, Layout, Shape, Tensor, WithDType};

use crate::autograd::Backward;
use crate::cpu::batch_norm as cpu;
use crate::cpu::{Operand, by_dtype, elements};
use crate::cuda;
use crate::ops::check;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

const NAME: &str = "batch_norm";

/// Added to the variance, as in PyTorch.
const EPSILON: f64 = 1e-5;

/// Normalises every channel of `x` with the given statistics, scales and shifts it.
///
/// With [`batch_statistics`] of `x` itself this is the normalisation of training, with running ones that of
/// inference. 1e-5 is added to the variance. Differentiable any number of times for all five operands.
///
/// # Shapes
/// `x` `[n, c, ..]`; `weight`, `bias`, `mean` and `variance` `[c]`; the result as `x`.
///
/// # Errors
/// [`Error::Operand`] when the shapes do not fit, or a tensor is empty or of another element type.
///
/// # Reference
/// Ioffe and Szegedy, "Batch normalization", arXiv 1502.03167, algorithm 2.
pub fn batch_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
) -> Result<Tensor> {
    let channels = channels(x)?;
    for (what, tensor) in [("weight", weight), ("bias", bias), ("mean", mean), ("variance", variance)] {
        check::float(NAME, what, tensor, x)?;
        check::same_dims(NAME, what, tensor, &[channels])?;
    }
    let scale = (weight / (variance + EPSILON)?.sqrt()?)?;
    let shift = (bias - (mean * &scale)?)?;
    Ok(affine(&x.contiguous()?, &scale, &shift)?)
}

/// Mean and biased variance of every channel of `x`; differentiable any number of times.
///
/// # Shapes
/// `x` `[n, c, ..]`; the results `[c]`.
///
/// # Errors
/// [`Error::Operand`] when `x` is empty, has less than two axes or is of another element type.
///
/// # Reference
/// Ioffe and Szegedy, "Batch normalization", arXiv 1502.03167, algorithm 1.
pub fn batch_statistics(x: &Tensor) -> Result<(Tensor, Tensor)> {
    channels(x)?;
    let both = x.contiguous()?.apply_op1(Node(Statistics))?;
    Ok((both.get(0)?, both.get(1)?))
}

/// Number of channels of an operand that has some.
fn channels(x: &Tensor) -> Result<usize> {
    check::float(NAME, "x", x, x)?;
    match x.dims() {
        [_, channels, ..] => Ok(*channels),
        dims => Err(Error::operand(NAME, "x", dims, "at least two axes: [n, c, ..]")),
    }
}

/// y = s x + t: operands x, s, t.
#[derive(Debug, Clone)]
pub(crate) struct Affine;

/// y = s x: operands x, s.
#[derive(Debug, Clone)]
pub(crate) struct Scale;

/// (sum of a, sum of a b) per channel `[2, c]`: operands a, b.
#[derive(Debug, Clone)]
pub(crate) struct Moments;

/// (mean, biased variance) per channel `[2, c]`.
#[derive(Debug, Clone)]
pub(crate) struct Statistics;

fn affine(x: &Tensor, scale: &Tensor, shift: &Tensor) -> candle_core::Result<Tensor> {
    x.apply_op3(&scale.contiguous()?, &shift.contiguous()?, Node(Affine))
}

fn scale(x: &Tensor, scale: &Tensor) -> candle_core::Result<Tensor> {
    x.apply_op2(&scale.contiguous()?, Node(Scale))
}

fn moments(a: &Tensor, b: &Tensor) -> candle_core::Result<Tensor> {
    a.apply_op2(b, Node(Moments))
}

/// `[n, c, elements of a channel]` of a contiguous layout.
fn split(layout: &Layout) -> (usize, usize, usize) {
    let dims = layout.dims();
    let (n, c) = (dims.first().copied().unwrap_or(1), dims.get(1).copied().unwrap_or(1));
    (n, c, dims.iter().skip(2).product())
}

impl Operation<3> for Affine {
    fn name(&self) -> &'static str {
        "channel_affine"
    }

    fn cpu(
        &self,
        [(x, x_layout), (scale, scale_layout), (shift, shift_layout)]: [Operand<'_>; 3],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let out = by_dtype!(NAME, x, T => {
            let x = elements::<T>(NAME, x, x_layout)?;
            let scale = elements(NAME, scale, scale_layout)?;
            let shift = elements(NAME, shift, shift_layout)?;
            Ok(T::to_cpu_storage_owned(cpu::affine(x, scale, Some(shift), split(x_layout).2)))
        })?;
        Ok((out, x_layout.shape().clone()))
    }

    fn cuda(&self, [a, b, c]: [cuda::Operand<'_>; 3]) -> candle_core::Result<cuda::Output> {
        cuda::channel_affine(a, b, Some(c))
    }

    fn gradients(
        &self,
        [x, s, t]: [&Tensor; 3],
        _result: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let pass = Backward::now();
        let (wants_x, wants_s, wants_t) = (pass.wants(x), pass.wants_weight(s), pass.wants_weight(t));
        let (x, s, g) = (pass.keep(x), pass.keep(s), pass.keep(g).contiguous()?);
        let dx = if wants_x { Some(scale(&g, &s)?) } else { None };
        if !wants_s && !wants_t {
            return Ok([dx, None, None]);
        }
        let both = moments(&g, &x)?;
        Ok([
            dx,
            if wants_s { Some(both.get(1)?) } else { None },
            if wants_t { Some(both.get(0)?) } else { None },
        ])
    }
}

impl Operation<2> for Scale {
    fn name(&self) -> &'static str {
        "channel_scale"
    }

    fn cpu(
        &self,
        [(x, x_layout), (scale, scale_layout)]: [Operand<'_>; 2],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let out = by_dtype!(NAME, x, T => {
            let x = elements::<T>(NAME, x, x_layout)?;
            let scale = elements(NAME, scale, scale_layout)?;
            Ok(T::to_cpu_storage_owned(cpu::affine(x, scale, None, split(x_layout).2)))
        })?;
        Ok((out, x_layout.shape().clone()))
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        cuda::channel_affine(a, b, None)
    }

    fn gradients(
        &self,
        [x, s]: [&Tensor; 2],
        _result: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let (wants_x, wants_s) = (pass.wants(x), pass.wants_weight(s));
        let (x, s, g) = (pass.keep(x), pass.keep(s), pass.keep(g).contiguous()?);
        Ok([
            if wants_x { Some(scale(&g, &s)?) } else { None },
            if wants_s { Some(moments(&g, &x)?.get(1)?) } else { None },
        ])
    }
}

impl Operation<2> for Moments {
    fn name(&self) -> &'static str {
        "channel_moments"
    }

    fn cpu(
        &self,
        [(a, a_layout), (b, b_layout)]: [Operand<'_>; 2],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, c, inner) = split(a_layout);
        let out = by_dtype!(NAME, a, T => {
            let (a, b) = (elements::<T>(NAME, a, a_layout)?, elements::<T>(NAME, b, b_layout)?);
            Ok(T::to_cpu_storage_owned(cpu::moments(a, b, n, c, inner)))
        })?;
        Ok((out, Shape::from((2, c))))
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        cuda::channel_moments(a, b)
    }

    fn gradients(
        &self,
        [a, b]: [&Tensor; 2],
        _result: &Tensor,
        v: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let (wants_a, wants_b) = (pass.wants(a), pass.wants(b));
        let (a, b, v) = (pass.keep(a), pass.keep(b), pass.keep(v).contiguous()?);
        let (v0, v1) = (v.get(0)?, v.get(1)?);
        Ok([
            if wants_a { Some(affine(&b, &v1, &v0)?) } else { None },
            if wants_b { Some(scale(&a, &v1)?) } else { None },
        ])
    }
}

impl Operation<1> for Statistics {
    fn name(&self) -> &'static str {
        "batch_statistics"
    }

    fn cpu(&self, [(x, layout)]: [Operand<'_>; 1]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, c, inner) = split(layout);
        let out = by_dtype!(NAME, x, T => {
            Ok(T::to_cpu_storage_owned(cpu::statistics(elements::<T>(NAME, x, layout)?, n, c, inner)))
        })?;
        Ok((out, Shape::from((2, c))))
    }

    fn cuda(&self, [a]: [cuda::Operand<'_>; 1]) -> candle_core::Result<cuda::Output> {
        cuda::batch_statistics(a)
    }

    fn gradients(
        &self,
        [x]: [&Tensor; 1],
        both: &Tensor,
        v: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 1]> {
        let pass = Backward::now();
        let (x, mean, v) = (pass.keep(x), pass.keep(both).get(0)?, pass.keep(v).contiguous()?);
        let per_element = both.dim(1)? as f64 / x.elem_count() as f64;
        let slope = (v.get(1)? * (2.0 * per_element))?;
        // The mean is that of this operation's own result, so differentiating again goes through it.
        let shift = ((v.get(0)? * per_element)? - (&slope * mean)?)?;
        affine(&x, &slope, &shift).map(|dx| [Some(dx)])
    }
}
