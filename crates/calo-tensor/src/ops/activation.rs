//! Activations: LeakyReLU (ReLU among them) and softplus, each one pass over memory.
//!
//! * LeakyReLU: y = max(x, 0) + slope * min(x, 0); gradient g * (1 if y > 0 else slope), linear in g, its own
//!   gradient of that form again, and none for x. At x = 0 the gradient is the slope, as in PyTorch.
//! * softplus: y = ln(1 + e^x); gradient sigma(x) g; gradients of that, given v: sigma(x) v for g and
//!   sigma(x) (1 - sigma(x)) g v for x, made of operations that can be differentiated on.

use candle_core::{CpuStorage, Shape, Storage, Tensor, WithDType};

use crate::autograd::Backward;
use crate::cpu::vector::{map, map2};
use crate::cpu::{Operand, Real, by_dtype, elements};
use crate::cuda;
use crate::ops::check;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

/// LeakyReLU: `x` where positive, `slope * x` elsewhere; a slope of 0 is ReLU.
///
/// Differentiable any number of times.
///
/// # Shapes
/// Any; the result as `x`.
///
/// # Errors
/// [`Error::Operand`] when `x` is empty or of another element type, or the slope is negative or no finite number.
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    check::float("leaky_relu", "x", x, x)?;
    check::slope("leaky_relu", slope)?;
    Ok(x.contiguous()?.apply_op1(Node(LeakyRelu { slope }))?)
}

/// Softplus, `ln(1 + e^x)`, without overflow and without loss where `e^x` is small.
///
/// Differentiable any number of times.
///
/// # Shapes
/// Any; the result as `x`.
///
/// # Errors
/// [`Error::Operand`] when `x` is empty or of another element type.
pub fn softplus(x: &Tensor) -> Result<Tensor> {
    check::float("softplus", "x", x, x)?;
    Ok(x.contiguous()?.apply_op1(Node(Softplus))?)
}

/// Gradient `g` of the `result` of [`leaky_relu`], seen from its argument; differentiable for `g`.
pub(crate) fn leaky_relu_gradient(result: &Tensor, g: &Tensor, slope: f64) -> candle_core::Result<Tensor> {
    g.contiguous()?.apply_op1(Node(LeakyReluGradient { result: result.detach(), slope }))
}

/// Forward of [`leaky_relu`].
#[derive(Debug, Clone)]
pub(crate) struct LeakyRelu {
    /// Slope below zero.
    pub(crate) slope: f64,
}

/// The incoming gradient times the slope where `result` is not positive.
#[derive(Debug, Clone)]
pub(crate) struct LeakyReluGradient {
    /// Result of the forward pass, cut from the graph.
    pub(crate) result: Tensor,
    /// Slope below zero.
    pub(crate) slope: f64,
}

/// Forward of [`softplus`].
#[derive(Debug, Clone)]
pub(crate) struct Softplus;

/// sigma(x) g: operands x and g.
#[derive(Debug, Clone)]
pub(crate) struct SoftplusGradient;

impl Operation<1> for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky_relu"
    }

    fn cpu(&self, [(x, layout)]: [Operand<'_>; 1]) -> candle_core::Result<(CpuStorage, Shape)> {
        let out = by_dtype!(self.name(), x, T => {
            let slope = T::from_f64(self.slope);
            let out = map(elements::<T>(self.name(), x, layout)?, #[inline(always)] |x| if x > 0.0 { x } else { x * slope });
            Ok(T::to_cpu_storage_owned(out))
        })?;
        Ok((out, layout.shape().clone()))
    }

    fn cuda(&self, [a]: [cuda::Operand<'_>; 1]) -> candle_core::Result<cuda::Output> {
        cuda::leaky_relu(a, self.slope)
    }

    fn gradients(
        &self,
        [_x]: [&Tensor; 1],
        result: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 1]> {
        let pass = Backward::now();
        leaky_relu_gradient(result, &pass.keep(g), self.slope).map(|dx| [Some(dx)])
    }
}

impl Operation<1> for LeakyReluGradient {
    fn name(&self) -> &'static str {
        "leaky_relu_gradient"
    }

    fn cpu(&self, [(g, layout)]: [Operand<'_>; 1]) -> candle_core::Result<(CpuStorage, Shape)> {
        let (result, result_layout) = self.result.storage_and_layout();
        let Storage::Cpu(result) = &*result else {
            return Err(
                Error::operand(self.name(), "device of the result", self.result.device(), "the CPU").into()
            );
        };
        let out = by_dtype!(self.name(), g, T => {
            let slope = T::from_f64(self.slope);
            let g = elements::<T>(self.name(), g, layout)?;
            let result = elements::<T>(self.name(), result, result_layout)?;
            let out = map2(g, result, #[inline(always)] |g, y| if y > 0.0 { g } else { g * slope });
            Ok(T::to_cpu_storage_owned(out))
        })?;
        Ok((out, layout.shape().clone()))
    }

    fn cuda(&self, [a]: [cuda::Operand<'_>; 1]) -> candle_core::Result<cuda::Output> {
        let (result, result_layout) = self.result.storage_and_layout();
        let Storage::Cuda(result) = &*result else {
            return Err(
                Error::operand(self.name(), "device of the result", self.result.device(), "the GPU").into()
            );
        };
        cuda::leaky_relu_gradient(a, (result, result_layout), self.slope)
    }

    fn gradients(
        &self,
        [_g]: [&Tensor; 1],
        _dx: &Tensor,
        v: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 1]> {
        let pass = Backward::now();
        leaky_relu_gradient(&self.result, &pass.keep(v), self.slope).map(|dx| [Some(dx)])
    }
}

/// 1 / (1 + e^-x) without overflow.
fn sigmoid<T: Real>(x: T) -> T {
    let e = (-x.abs()).exp();
    if x >= T::zero() { T::one() / (T::one() + e) } else { e / (T::one() + e) }
}

impl Operation<1> for Softplus {
    fn name(&self) -> &'static str {
        "softplus"
    }

    fn cpu(&self, [(x, layout)]: [Operand<'_>; 1]) -> candle_core::Result<(CpuStorage, Shape)> {
        let out = by_dtype!(self.name(), x, T => {
            let x = elements::<T>(self.name(), x, layout)?;
            Ok(T::to_cpu_storage_owned(map(x, |x| x.max(0.0) + (-x.abs()).exp().ln_1p())))
        })?;
        Ok((out, layout.shape().clone()))
    }

    fn cuda(&self, [a]: [cuda::Operand<'_>; 1]) -> candle_core::Result<cuda::Output> {
        cuda::softplus(a)
    }

    fn gradients(
        &self,
        [x]: [&Tensor; 1],
        _result: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 1]> {
        let pass = Backward::now();
        pass.keep(x).apply_op2(&pass.keep(g).contiguous()?, Node(SoftplusGradient)).map(|dx| [Some(dx)])
    }
}

impl Operation<2> for SoftplusGradient {
    fn name(&self) -> &'static str {
        "softplus_gradient"
    }

    fn cpu(
        &self,
        [(x, x_layout), (g, g_layout)]: [Operand<'_>; 2],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let out = by_dtype!(self.name(), x, T => {
            let x = elements::<T>(self.name(), x, x_layout)?;
            let g = elements::<T>(self.name(), g, g_layout)?;
            Ok(T::to_cpu_storage_owned(map2(x, g, |x, g| sigmoid(x) * g)))
        })?;
        Ok((out, x_layout.shape().clone()))
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        cuda::softplus_gradient(a, b)
    }

    fn gradients(
        &self,
        [x, g]: [&Tensor; 2],
        dx: &Tensor,
        v: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let (wants_x, wants_g) = (pass.wants(x), pass.wants(g));
        let (x, g, v) = (pass.keep(x), pass.keep(g), pass.keep(v).contiguous()?);
        let dg = x.apply_op2(&v, Node(Self))?;
        let for_x = if wants_x {
            // sigma (1 - sigma) g v = (sigma(x) v) (g - sigma(x) g).
            Some((&dg * (&g - pass.keep(dx))?)?)
        } else {
            None
        };
        Ok([for_x, Some(dg).filter(|_| wants_g)])
    }
}
