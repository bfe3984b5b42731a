//! The linear layer: three products, each bilinear, whose derivatives are one another.
//!
//! For x `[m, k]`, w `[o, k]`, g `[m, o]`:
//!
//! * forward: y = x w^T (+ bias); dx = input gradient(g, w), dw = weight gradient(g, x), dbias = sum over rows of g;
//! * input gradient: dx = g w; given v `[m, k]`: dg = forward(v, w), dw = weight gradient(g, v);
//! * weight gradient: dw = g^T x; given v `[o, k]`: dg = forward(x, v), dx = input gradient(g, v).
//!
//! So the layer can be differentiated any number of times, and a pass that needs no gradients of weights skips them.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, Shape, Tensor, WithDType};

use crate::autograd::Backward;
use crate::cpu::linear as cpu;
use crate::cpu::{Operand, by_dtype, elements};
use crate::cuda;
use crate::ops::check;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

const NAME: &str = "linear";

/// `x weight^T + bias`, as PyTorch's `linear`; differentiable any number of times.
///
/// # Shapes
/// `x` `[.., in]`, `weight` `[out, in]`, `bias` `[out]`; the result `[.., out]`.
///
/// # Errors
/// [`Error::Operand`] when the shapes do not fit, or a tensor is empty or of another element type.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    check::float(NAME, "x", x, x)?;
    check::float(NAME, "weight", weight, x)?;
    let &[out, inner] = weight.dims() else {
        return Err(Error::operand(NAME, "weight", weight.dims(), "two axes: [out, in]"));
    };
    let Some((&last, leading)) = x.dims().split_last().filter(|(last, _)| **last == inner) else {
        return Err(Error::operand(
            NAME,
            "x",
            x.dims(),
            format!("[.., {inner}], for the weight {:?}", weight.dims()),
        ));
    };
    let rows = x.contiguous()?.reshape((x.elem_count() / last, last))?;
    let weight = weight.contiguous()?;
    let y = match bias {
        None => forward(&rows, &weight)?,
        Some(bias) => {
            check::float(NAME, "bias", bias, x)?;
            check::same_dims(NAME, "bias", bias, &[out])?;
            rows.apply_op3(&weight, &bias.contiguous()?, Node(LinearWithBias))?
        }
    };
    Ok(y.reshape([leading, &[out]].concat())?)
}

/// y = x w^T: operands x, w.
#[derive(Debug, Clone)]
pub(crate) struct Linear;

/// y = x w^T + bias: operands x, w, bias.
#[derive(Debug, Clone)]
pub(crate) struct LinearWithBias;

/// dx = g w: operands g, w.
#[derive(Debug, Clone)]
pub(crate) struct InputGradient;

/// dw = g^T x: operands g, x.
#[derive(Debug, Clone)]
pub(crate) struct WeightGradient;

fn forward(x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
    x.apply_op2(weight, Node(Linear))
}

fn input_gradient(g: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
    g.apply_op2(weight, Node(InputGradient))
}

fn weight_gradient(g: &Tensor, x: &Tensor) -> candle_core::Result<Tensor> {
    g.apply_op2(x, Node(WeightGradient))
}

/// Sum over the rows of g `[m, o]`: a weight gradient for an input of ones.
fn bias_gradient(g: &Tensor) -> candle_core::Result<Tensor> {
    let ones = Tensor::ones((g.dim(0)?, 1), g.dtype(), g.device())?;
    weight_gradient(g, &ones)?.flatten_all()
}

/// x w^T + bias on the CPU.
fn product(
    x: Operand<'_>,
    weight: Operand<'_>,
    bias: Option<Operand<'_>>,
) -> candle_core::Result<(CpuStorage, Shape)> {
    let ((m, k), (o, _)) = (x.1.shape().dims2()?, weight.1.shape().dims2()?);
    let out = by_dtype!(NAME, x.0, T => {
        let bias = bias.map(|(bias, layout)| elements::<T>(NAME, bias, layout)).transpose()?;
        if m <= cpu::FEW_ROWS {
            let (x, weight) = (elements(NAME, x.0, x.1)?, elements(NAME, weight.0, weight.1)?);
            Ok(T::to_cpu_storage_owned(cpu::forward::<T>(x, weight, bias, k)))
        } else {
            // Threads share out tiles of the result; the sum over k of an element has one order for any number of them.
            let out = x.0.matmul(weight.0, (1, m, o, k), x.1, &weight.1.transpose(0, 1)?)?;
            let Some(bias) = bias else { return Ok((out, Shape::from((m, o)))) };
            let mut out = T::cpu_storage_data(out)?;
            cpu::add_bias(&mut out, bias);
            Ok(T::to_cpu_storage_owned(out))
        }
    })?;
    Ok((out, Shape::from((m, o))))
}

impl Operation<2> for Linear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu(&self, [x, weight]: [Operand<'_>; 2]) -> candle_core::Result<(CpuStorage, Shape)> {
        product(x, weight, None)
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        cuda::linear(a, b, None)
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
        Ok([
            if wants_x { Some(input_gradient(&g, &kept_weight)?) } else { None },
            if wants_weight { pass.leave(weight, weight_gradient(&g, &x)?) } else { None },
        ])
    }
}

impl Operation<3> for LinearWithBias {
    fn name(&self) -> &'static str {
        "linear_with_bias"
    }

    fn cpu(&self, [x, weight, bias]: [Operand<'_>; 3]) -> candle_core::Result<(CpuStorage, Shape)> {
        product(x, weight, Some(bias))
    }

    fn cuda(&self, [a, b, c]: [cuda::Operand<'_>; 3]) -> candle_core::Result<cuda::Output> {
        cuda::linear(a, b, Some(c))
    }

    fn gradients(
        &self,
        [x, weight, bias]: [&Tensor; 3],
        y: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let pass = Backward::now();
        let [dx, dweight] = Linear.gradients([x, weight], y, g)?;
        let dbias =
            if pass.wants_weight(bias) { Some(bias_gradient(&pass.keep(g).contiguous()?)?) } else { None };
        Ok([dx, dweight, dbias])
    }
}

impl Operation<2> for InputGradient {
    fn name(&self) -> &'static str {
        "linear_input_gradient"
    }

    fn cpu(
        &self,
        [(g, g_layout), (weight, weight_layout)]: [Operand<'_>; 2],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let ((m, o), (_, k)) = (g_layout.shape().dims2()?, weight_layout.shape().dims2()?);
        let out = if m <= cpu::FEW_ROWS {
            by_dtype!(NAME, g, T => {
                let (g, weight) = (elements(NAME, g, g_layout)?, elements(NAME, weight, weight_layout)?);
                Ok(T::to_cpu_storage_owned(cpu::input_gradient::<T>(g, weight, k)))
            })?
        } else {
            g.matmul(weight, (1, m, k, o), g_layout, weight_layout)?
        };
        Ok((out, Shape::from((m, k))))
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        cuda::linear_input_gradient(a, b)
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
        Ok([
            if wants_g { Some(forward(&v, &weight)?) } else { None },
            if wants_weight { Some(weight_gradient(&g, &v)?) } else { None },
        ])
    }
}

impl Operation<2> for WeightGradient {
    fn name(&self) -> &'static str {
        "linear_weight_gradient"
    }

    fn cpu(
        &self,
        [(g, g_layout), (x, x_layout)]: [Operand<'_>; 2],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let ((m, o), (_, k)) = (g_layout.shape().dims2()?, x_layout.shape().dims2()?);
        let out = if m <= cpu::FEW_ROWS {
            by_dtype!(NAME, g, T => {
                let (g, x) = (elements(NAME, g, g_layout)?, elements(NAME, x, x_layout)?);
                Ok(T::to_cpu_storage_owned(cpu::weight_gradient::<T>(g, x, m)))
            })?
        } else {
            g.matmul(x, (1, o, k, m), &g_layout.transpose(0, 1)?, x_layout)?
        };
        Ok((out, Shape::from((o, k))))
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        cuda::linear_weight_gradient(a, b)
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
        Ok([
            if wants_g { Some(forward(&x, &v)?) } else { None },
            if wants_x { Some(input_gradient(&g, &v)?) } else { None },
        ])
    }
}
