//! Layer normalisation over the trailing axes, with an activation in the same pass.
//!
//! With m and s^2 the mean and biased variance of a row, r = (s^2 + 1e-5)^(-1/2), xh = r (x - m):
//!
//! * forward: y = LeakyReLU(weight * xh + bias);
//! * gradient: with u = weight * gate * g, dx = J u = r (u - mean(u) - xh mean(u xh)); dweight = sum over rows of
//!   gate * g * xh, dbias = sum over rows of gate * g. The gate, 1 or the slope, is known from the sign of y;
//! * gradient of dx, given v: J is its own transpose, so dg = weight * gate * J v and dweight = sum over rows of
//!   gate * g * J v. J depends on x through r and xh, which gives
//!   dx = -r^2 (xh (c - 3 a b) + b (u - mean(u)) + a (v - mean(v))) with
//!   a = mean(u xh), b = mean(v xh), c = mean(u v) - mean(u) mean(v).
//!
//! Third derivatives are refused. Source: Ba, Kiros and Hinton, arXiv 1607.06450, eq. 4.

use candle_core::{CpuStorage, Shape, Storage, Tensor};

use crate::autograd::Backward;
use crate::cpu::layer_norm as cpu;
use crate::cpu::{Operand, Real, by_dtype, elements};
use crate::cuda;
use crate::ops::activation::leaky_relu_gradient;
use crate::ops::check;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

const NAME: &str = "layer_norm";

/// Normalises `x` over its trailing `weight.rank()` axes, scales and shifts, and applies LeakyReLU(`slope`) if given.
///
/// The variance is the biased one and 1e-5 is added to it, as in PyTorch's `LayerNorm`. Differentiable twice.
///
/// # Shapes
/// `x` `[.., s1, .., sk]`; `weight` and `bias` `[s1, .., sk]`, shared by all leading axes; the result as `x`.
///
/// # Errors
/// [`Error::Operand`] when the shapes do not fit, a tensor is empty or no f32 or f64, the slope is negative or no
/// number, or when a third derivative is asked for.
///
/// # Reference
/// Ba, Kiros and Hinton, "Layer normalization", arXiv 1607.06450, eq. 4.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, slope: Option<f64>) -> Result<Tensor> {
    check::float(NAME, "x", x, x)?;
    check::float(NAME, "weight", weight, x)?;
    check::float(NAME, "bias", bias, x)?;
    if weight.rank() == 0 || !x.dims().ends_with(weight.dims()) {
        return Err(Error::operand(
            NAME,
            "shape of the weight",
            weight.dims(),
            format!("trailing axes of x, {:?}", x.dims()),
        ));
    }
    check::same_dims(NAME, "shape of the bias", bias, weight.dims())?;
    if let Some(slope) = slope {
        check::slope(NAME, slope)?;
    }
    Ok(x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, Node(LayerNorm { slope }))?)
}

/// Forward: operands x, weight, bias.
#[derive(Debug, Clone)]
pub(crate) struct LayerNorm {
    /// Slope of the activation that follows, if any.
    pub(crate) slope: Option<f64>,
}

/// Where the activation let the gradient through.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// Result of the activation, cut from the graph: its sign does not change under differentiation.
    pub(crate) result: Tensor,
    /// Slope where the result is not positive.
    pub(crate) slope: f64,
}

/// Gradient of the input: operands x, weight, gradient of the result. Differentiable.
#[derive(Debug, Clone)]
pub(crate) struct InputGradient {
    /// The activation, if any.
    pub(crate) gate: Option<Gate>,
}

/// Gradients of x, weight and bias, flat and one after the other, in one pass. Operands as [`InputGradient`].
#[derive(Debug, Clone)]
pub(crate) struct Gradients {
    /// The activation, if any.
    pub(crate) gate: Option<Gate>,
}

/// Gradients of [`InputGradient`] for x, for the gradient of the result and, if `affine`, for the weight: flat and
/// one behind the other, in one pass. Operands x, gradient of the result, gradient of the input's gradient.
#[derive(Debug, Clone)]
pub(crate) struct SecondGradients {
    /// The activation, if any.
    pub(crate) gate: Option<Gate>,
    /// The weight, cut from the graph.
    pub(crate) weight: Tensor,
    /// Whether the gradient of the weight is wanted.
    pub(crate) affine: bool,
}

impl Operation<3> for LayerNorm {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu(
        &self,
        [(x, x_layout), (weight, weight_layout), (bias, bias_layout)]: [Operand<'_>; 3],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        by_dtype!(NAME, x, T => {
            let out = cpu::forward::<T>(
                elements(NAME, x, x_layout)?,
                elements(NAME, weight, weight_layout)?,
                elements(NAME, bias, bias_layout)?,
                <T as candle_core::WithDType>::from_f64(self.slope.unwrap_or(1.0)),
            );
            Ok((<T as candle_core::WithDType>::to_cpu_storage_owned(out), x_layout.shape().clone()))
        })
    }

    fn cuda(&self, [a, b, c]: [cuda::Operand<'_>; 3]) -> candle_core::Result<cuda::Output> {
        cuda::layer_norm(a, b, c, self.slope, cpu::EPSILON)
    }

    fn gradients(
        &self,
        [x, weight, bias]: [&Tensor; 3],
        result: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let pass = Backward::now();
        let gate = self.slope.map(|slope| Gate { result: result.detach(), slope });
        let (wants_weight, wants_bias) = (pass.wants_weight(weight), pass.wants_weight(bias));
        let (x, weight, g) = (pass.keep(x), pass.keep(weight), pass.keep(g).contiguous()?);
        if ![&x, &weight, &g].into_iter().any(Tensor::track_op) {
            if !wants_weight && !wants_bias {
                return Ok([
                    Some(x.apply_op3_no_bwd(&weight, &g, &Node(InputGradient { gate }))?),
                    None,
                    None,
                ]);
            }
            let (n, row) = (x.elem_count(), weight.elem_count());
            let all = x.apply_op3_no_bwd(&weight, &g, &Node(Gradients { gate }))?;
            return Ok([
                Some(all.narrow(0, 0, n)?.reshape(x.shape())?),
                Some(all.narrow(0, n, row)?.reshape(weight.shape())?).filter(|_| wants_weight),
                Some(all.narrow(0, n + row, row)?.reshape(weight.shape())?).filter(|_| wants_bias),
            ]);
        }
        let dx = x.apply_op3(&weight, &g, Node(InputGradient { gate }))?;
        if !wants_weight && !wants_bias {
            return Ok([Some(dx), None, None]);
        }
        // A weight that is itself computed, in a gradient that is differentiated again: rare, so made of what is there.
        let gated = match self.slope {
            Some(slope) => leaky_relu_gradient(result, &g, slope)?,
            None => g,
        };
        let rows = (x.elem_count() / weight.elem_count(), weight.elem_count());
        let xh = layer_norm(&x, &weight.ones_like()?, &weight.zeros_like()?, None)?;
        let dweight = (&gated * xh)?.reshape(rows)?.sum(0)?.reshape(weight.shape())?;
        let dbias = gated.reshape(rows)?.sum(0)?.reshape(weight.shape())?;
        Ok([Some(dx), Some(dweight).filter(|_| wants_weight), Some(dbias).filter(|_| wants_bias)])
    }
}

/// The elements of `gate`, or those of `otherwise` with a slope of one where there is no activation.
fn with_gate<T: Real, R>(
    gate: Option<&Gate>,
    otherwise: &[T],
    kernel: impl FnOnce(&[T], T) -> R,
) -> candle_core::Result<R> {
    let Some(Gate { result, slope }) = gate else {
        return Ok(kernel(otherwise, T::one()));
    };
    let (storage, layout) = result.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        return Err(Error::operand(NAME, "device of the result", result.device(), "the CPU").into());
    };
    Ok(kernel(elements(NAME, storage, layout)?, T::from_f64(*slope)))
}

/// The same on a GPU: `kernel` with the result of the activation there, and its slope.
fn on_device<R>(
    gate: Option<&Gate>,
    kernel: impl FnOnce(Option<(cuda::Operand<'_>, f64)>) -> candle_core::Result<R>,
) -> candle_core::Result<R> {
    let Some(Gate { result, slope }) = gate else { return kernel(None) };
    let (storage, layout) = result.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else {
        return Err(Error::operand(NAME, "device of the result", result.device(), "the GPU").into());
    };
    kernel(Some(((storage, layout), *slope)))
}

/// [`InputGradient`], and with `affine` [`Gradients`], on the CPU.
fn input_and_affine<T: Real>(
    gate: Option<&Gate>,
    affine: bool,
    [(x, x_layout), (weight, weight_layout), (g, g_layout)]: [Operand<'_>; 3],
) -> candle_core::Result<CpuStorage> {
    let x = elements::<T>(NAME, x, x_layout)?;
    let weight = elements(NAME, weight, weight_layout)?;
    let g = elements(NAME, g, g_layout)?;
    let out = with_gate(gate, x, |gate, slope| {
        cpu::gradients(cpu::Operands { x, gate, slope, weight, g }, affine)
    })?;
    Ok(T::to_cpu_storage_owned(out))
}

impl Operation<3> for InputGradient {
    fn name(&self) -> &'static str {
        "layer_norm_input_gradient"
    }

    fn cpu(&self, operands: [Operand<'_>; 3]) -> candle_core::Result<(CpuStorage, Shape)> {
        let [(x, x_layout), _, _] = operands;
        let out = by_dtype!(NAME, x, T => input_and_affine::<T>(self.gate.as_ref(), false, operands))?;
        Ok((out, x_layout.shape().clone()))
    }

    fn cuda(&self, [x, weight, g]: [cuda::Operand<'_>; 3]) -> candle_core::Result<cuda::Output> {
        on_device(self.gate.as_ref(), |gate| {
            let operands = cuda::LayerNormOperands { x, weight, g, gate };
            cuda::layer_norm_gradient(operands, false, cpu::EPSILON)
        })
    }

    fn gradients(
        &self,
        [x, weight, g]: [&Tensor; 3],
        _dx: &Tensor,
        v: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let pass = Backward::now();
        if [x, weight, g, v].into_iter().any(|operand| pass.keep(operand).track_op()) {
            return Err(Error::operand(NAME, "order of the derivative", 3, "first or second").into());
        }
        let affine = pass.wants_weight(weight);
        let second = SecondGradients { gate: self.gate.clone(), weight: weight.detach(), affine };
        let all = x.detach().apply_op3_no_bwd(g, &v.contiguous()?, &Node(second))?;
        let n = x.elem_count();
        let part =
            |start: usize, like: &Tensor| all.narrow(0, start, like.elem_count())?.reshape(like.shape());
        Ok([
            Some(part(0, x)?).filter(|_| pass.wants(x)),
            if affine { Some(part(2 * n, weight)?) } else { None },
            Some(part(n, g)?).filter(|_| pass.wants(g)),
        ])
    }
}

impl Operation<3> for Gradients {
    fn name(&self) -> &'static str {
        "layer_norm_gradients"
    }

    fn cpu(&self, operands: [Operand<'_>; 3]) -> candle_core::Result<(CpuStorage, Shape)> {
        let [(x, x_layout), (_, weight_layout), _] = operands;
        let out = by_dtype!(NAME, x, T => input_and_affine::<T>(self.gate.as_ref(), true, operands))?;
        let len = x_layout.shape().elem_count() + 2 * weight_layout.shape().elem_count();
        Ok((out, Shape::from(len)))
    }

    fn cuda(&self, [x, weight, g]: [cuda::Operand<'_>; 3]) -> candle_core::Result<cuda::Output> {
        on_device(self.gate.as_ref(), |gate| {
            let operands = cuda::LayerNormOperands { x, weight, g, gate };
            cuda::layer_norm_gradient(operands, true, cpu::EPSILON)
        })
    }
}

impl Operation<3> for SecondGradients {
    fn name(&self) -> &'static str {
        "layer_norm_second_gradients"
    }

    fn cpu(
        &self,
        [(x, x_layout), (g, g_layout), (v, v_layout)]: [Operand<'_>; 3],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (weight, weight_layout) = self.weight.storage_and_layout();
        let Storage::Cpu(weight) = &*weight else {
            return Err(Error::operand(NAME, "device of the weight", self.weight.device(), "the CPU").into());
        };
        let out = by_dtype!(NAME, x, T => {
            let x = elements::<T>(NAME, x, x_layout)?;
            let (g, v) = (elements(NAME, g, g_layout)?, elements(NAME, v, v_layout)?);
            let weight = elements(NAME, weight, weight_layout)?;
            let out = with_gate(self.gate.as_ref(), x, |gate, slope| {
                cpu::second_gradients(cpu::Operands { x, gate, slope, weight, g }, v, self.affine)
            })?;
            Ok(<T as candle_core::WithDType>::to_cpu_storage_owned(out))
        })?;
        let affine = if self.affine { weight_layout.shape().elem_count() } else { 0 };
        Ok((out, Shape::from(2 * x_layout.shape().elem_count() + affine)))
    }

    fn cuda(&self, [x, g, v]: [cuda::Operand<'_>; 3]) -> candle_core::Result<cuda::Output> {
        let (weight, weight_layout) = self.weight.storage_and_layout();
        let Storage::Cuda(weight) = &*weight else {
            return Err(Error::operand(NAME, "device of the weight", self.weight.device(), "the GPU").into());
        };
        on_device(self.gate.as_ref(), |gate| {
            let operands = cuda::LayerNormOperands { x, weight: (weight, weight_layout), g, gate };
            cuda::layer_norm_second(operands, v, self.affine, cpu::EPSILON)
        })
    }
}
