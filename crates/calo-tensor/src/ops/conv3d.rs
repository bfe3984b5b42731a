//! 3-D convolution: output, gradient for the input (the transposed convolution), gradient for the weight.
//!
//! The three are one trilinear form, `sum over n, o, i, p, k of gy[n,o,p] w[o,i,k] x[n,i,s p + k - padding]`, with one
//! of its factors left out:
//!
//! | product | of | derivatives |
//! | --- | --- | --- |
//! | `Product::Output` | x, w | for x: `InputGradient(gy, w)`; for w: `WeightGradient(x, gy)` |
//! | `Product::InputGradient` | gy, w | for gy: `Output(g, w)`; for w: `WeightGradient(g, gy)` |
//! | `Product::WeightGradient` | x, gy | for x: `InputGradient(gy, g)`; for gy: `Output(x, g)` |
//!
//! with g the gradient that comes in. So the set is closed, and can be differentiated any number of times. A bias is
//! added as results are written; its gradient is a sum over samples and positions, whose gradient is a broadcast.

mod bias;
mod operands;

use candle_core::{CpuStorage, Shape, Tensor};

#[doc(hidden)]
pub use crate::cpu::conv3d::{Kernels, with_kernels};
use bias::{bias_dims, channel_sum};
use operands::{dims, same_dtype};

use crate::arguments::conv3d::{Geometry, Product};
use crate::autograd::Backward;
use crate::cpu::conv3d::{Bias, convolution, transposed, weight_gradient};
use crate::cpu::{Operand, by_dtype, elements};
use crate::cuda;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

/// Convolution: `y[n,o,p] = bias[o] + sum over i, k of w[o,i,k] * x[n, i, stride * p + k - padding]`.
///
/// The same as `torch.nn.functional.conv3d`. Differentiable any number of times.
///
/// # Shapes
/// `x` `[n, in, depth, height, width]`, `w` `[out, in, kd, kh, kw]`, `bias` `[out]`, or `[n, out]` for a bias per
/// sample; the result is `[n, out, (depth + 2 padding - kd) / stride + 1, ..]`.
///
/// # Errors
/// [`Error::Operand`] when shapes or types do not fit each other, an axis is empty, or the kernel is larger than the
/// padded input.
pub fn conv3d(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 3],
    padding: [usize; 3],
) -> Result<Tensor> {
    Conv3d::convolution(x, w, stride, padding)?.apply(x, w, bias)
}

/// Transposed convolution: the gradient of a convolution for its input, with a bias.
///
/// The same as `torch.nn.functional.conv_transpose3d`. Differentiable any number of times.
///
/// # Shapes
/// `x` `[n, in, depth, height, width]`, `w` `[in, out, kd, kh, kw]`, `bias` `[out]`, or `[n, out]` for a bias per
/// sample; the result is `[n, out, (depth - 1) stride - 2 padding + kd + output_padding, ..]`.
///
/// # Errors
/// [`Error::Operand`] when shapes or types do not fit each other, an axis is empty, or an output padding is not less
/// than its stride.
pub fn conv_transpose3d(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 3],
    padding: [usize; 3],
    output_padding: [usize; 3],
) -> Result<Tensor> {
    Conv3d::transposed(x, w, stride, padding, output_padding)?.apply(x, w, bias)
}

/// Gradient of [`conv3d`] for its weight, given the gradient of its output.
///
/// The same as `torch.nn.grad.conv3d_weight`. Differentiable any number of times.
///
/// # Shapes
/// `x` `[n, in, depth, height, width]`, `gy` as the output of the convolution, `kernel` its extent per axis; the result
/// is `[out, in, kd, kh, kw]`.
///
/// # Errors
/// [`Error::Operand`] when shapes or types do not fit each other, or an axis is empty.
pub fn conv3d_weight_gradient(
    x: &Tensor,
    gy: &Tensor,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
) -> Result<Tensor> {
    let op = "conv3d_weight_gradient";
    let (xd, yd) = (dims(op, "the input", x)?, dims(op, "the output's gradient", gy)?);
    let wd = [yd[1], xd[1], kernel[0], kernel[1], kernel[2]];
    let geometry = Geometry::of_convolution(op, xd, wd, stride, padding)?;
    if geometry.y != yd {
        return Err(Error::operand(op, "the output's gradient", yd, format!("{:?}", geometry.y)));
    }
    same_dtype(op, "the type of the output's gradient", gy, x)?;
    Conv3d { product: Product::WeightGradient, geometry }.apply(x, gy, None)
}

/// One product of a convolution, as an operation on two tensors; with a bias, on three. What
/// [`FusedOps::convolve`](crate::ops::FusedOps::convolve) takes.
#[derive(Debug, Clone, Copy)]
pub struct Conv3d {
    pub(crate) product: Product,
    pub(crate) geometry: Geometry,
}

impl Conv3d {
    /// The operation of [`conv3d`].
    ///
    /// # Errors
    /// As [`conv3d`].
    pub fn convolution(x: &Tensor, w: &Tensor, stride: [usize; 3], padding: [usize; 3]) -> Result<Self> {
        let op = "conv3d";
        let (xd, wd) = (dims(op, "the input", x)?, dims(op, "the weight", w)?);
        let geometry = Geometry::of_convolution(op, xd, wd, stride, padding)?;
        same_dtype(op, "the weight's type", w, x)?;
        Ok(Self { product: Product::Output, geometry })
    }

    /// The operation of [`conv_transpose3d`].
    ///
    /// # Errors
    /// As [`conv_transpose3d`].
    pub fn transposed(
        x: &Tensor,
        w: &Tensor,
        stride: [usize; 3],
        padding: [usize; 3],
        output_padding: [usize; 3],
    ) -> Result<Self> {
        let op = "conv_transpose3d";
        let (xd, wd) = (dims(op, "the input", x)?, dims(op, "the weight", w)?);
        let geometry = Geometry::of_transposed(op, xd, wd, stride, padding, output_padding)?;
        same_dtype(op, "the weight's type", w, x)?;
        Ok(Self { product: Product::InputGradient, geometry })
    }

    /// The dimensions of the result.
    pub(crate) fn result(&self) -> [usize; 5] {
        match self.product {
            Product::Output => self.geometry.y,
            Product::InputGradient => self.geometry.x,
            Product::WeightGradient => self.geometry.w,
        }
    }

    pub(crate) fn apply(self, a: &Tensor, b: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let (a, b) = (a.contiguous()?, b.contiguous()?);
        let Some(bias) = bias else { return Ok(a.apply_op2(&b, Node(self))?) };
        let op = self.name();
        same_dtype(op, "the bias's type", bias, &a)?;
        bias_dims(op, bias, self.result())?;
        Ok(a.apply_op3(&b, &bias.contiguous()?, Node(self))?)
    }

    /// The product that is the gradient for the first factor; see the table at the top.
    pub(crate) fn of_first_factor(self) -> Self {
        let product = match self.product {
            Product::Output | Product::WeightGradient => Product::InputGradient,
            Product::InputGradient => Product::Output,
        };
        Self { product, ..self }
    }

    fn name(&self) -> &'static str {
        match self.product {
            Product::Output => "conv3d",
            Product::InputGradient => "conv_transpose3d",
            Product::WeightGradient => "conv3d_weight_gradient",
        }
    }

    /// The gradients for both factors; see the table at the top.
    pub(crate) fn factor_gradients(
        &self,
        a: &Tensor,
        b: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let wants_b = match self.product {
            Product::WeightGradient => pass.wants(b),
            Product::Output | Product::InputGradient => pass.wants_weight(b),
        };
        let for_a = self.of_first_factor().product;
        let for_b = match self.product {
            Product::Output | Product::InputGradient => Product::WeightGradient,
            Product::WeightGradient => Product::Output,
        };
        let (kept_a, kept_b, g) = (pass.keep(a), pass.keep(b), pass.keep(gradient));
        let of = |product, x: &Tensor, y: &Tensor| Self { product, ..*self }.apply(x, y, None);
        let gradient_a = if pass.wants(a) {
            Some(match self.product {
                Product::Output | Product::InputGradient => of(for_a, &g, &kept_b)?,
                Product::WeightGradient => of(for_a, &kept_b, &g)?,
            })
        } else {
            None
        };
        let gradient_b = if wants_b {
            Some(match self.product {
                Product::Output | Product::WeightGradient => of(for_b, &kept_a, &g)?,
                Product::InputGradient => of(for_b, &g, &kept_a)?,
            })
        } else {
            None
        };
        Ok([gradient_a, gradient_b])
    }

    fn compute(
        &self,
        (a, layout_a): Operand<'_>,
        (b, layout_b): Operand<'_>,
        bias: Option<Operand<'_>>,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let op = self.name();
        by_dtype!(op, a, T => {
            let (a, b) = (elements::<T>(op, a, layout_a)?, elements::<T>(op, b, layout_b)?);
            let bias = match bias {
                None => Bias::None,
                Some((bias, layout)) => {
                    let elements = elements::<T>(op, bias, layout)?;
                    if layout.dims().len() == 2 { Bias::PerSample(elements) } else { Bias::PerChannel(elements) }
                }
            };
            let result = match self.product {
                Product::Output => convolution(a, b, bias, &self.geometry),
                Product::InputGradient => transposed(a, b, bias, &self.geometry),
                Product::WeightGradient => weight_gradient(a, b, &self.geometry),
            };
            Ok((candle_core::WithDType::to_cpu_storage_owned(result), Shape::from_dims(&self.result())))
        })
    }

    fn compute_on_device(
        &self,
        a: cuda::Operand<'_>,
        b: cuda::Operand<'_>,
        bias: Option<cuda::Operand<'_>>,
    ) -> candle_core::Result<cuda::Output> {
        let Geometry { x, w, stride, padding, .. } = self.geometry;
        let steps = cuda::Steps { stride, padding };
        match self.product {
            Product::Output => cuda::conv3d(a, b, bias, steps),
            Product::InputGradient => cuda::conv3d_input_gradient(a, b, bias, x, steps),
            Product::WeightGradient => cuda::conv3d_weight_gradient(a, b, w, steps),
        }
    }
}

impl Operation<2> for Conv3d {
    fn name(&self) -> &'static str {
        Self::name(self)
    }

    fn cpu(&self, [a, b]: [Operand<'_>; 2]) -> candle_core::Result<(CpuStorage, Shape)> {
        self.compute(a, b, None)
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        self.compute_on_device(a, b, None)
    }

    fn gradients(
        &self,
        [a, b]: [&Tensor; 2],
        _result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        self.factor_gradients(a, b, gradient)
    }
}

impl Operation<3> for Conv3d {
    fn name(&self) -> &'static str {
        Self::name(self)
    }

    fn cpu(&self, [a, b, bias]: [Operand<'_>; 3]) -> candle_core::Result<(CpuStorage, Shape)> {
        self.compute(a, b, Some(bias))
    }

    fn cuda(&self, [a, b, c]: [cuda::Operand<'_>; 3]) -> candle_core::Result<cuda::Output> {
        self.compute_on_device(a, b, Some(c))
    }

    fn gradients(
        &self,
        [a, b, bias]: [&Tensor; 3],
        _result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let pass = Backward::now();
        let [gradient_a, gradient_b] = self.factor_gradients(a, b, gradient)?;
        let gradient_bias = if pass.wants_weight(bias) {
            Some(channel_sum(&pass.keep(gradient), bias.dims().len() == 2)?)
        } else {
            None
        };
        Ok([gradient_a, gradient_b, gradient_bias])
    }
}
