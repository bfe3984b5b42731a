//! Our operations on a GPU: cuDNN convolutions, cuBLAS products, and kernels compiled at run time.
//!
//! No other module depends on the feature `cuda`. Without it, each function below returns an error that says that this
//! build has no CUDA. An operation's `cuda_fwd` is one call of one of these functions.
//!
//! Operands are contiguous. Elements are f32; f64 for checks and bf16 for inference work too, with sums in f64 and f32.
//! Our kernels give the same bits each time. cuDNN is asked for deterministic algorithms, and cuBLAS has them where one
//! stream is used, which is the case here.

mod capability;
#[cfg(feature = "cuda")]
mod conv3d;
#[cfg(feature = "cuda")]
mod cudnn;
#[cfg(feature = "cuda")]
mod elementwise;
#[cfg(feature = "cuda")]
mod kernels;
#[cfg(feature = "cuda")]
mod layer_norm;
#[cfg(feature = "cuda")]
mod linear;
mod operand;
#[cfg(feature = "cuda")]
mod optimiser;
#[cfg(feature = "cuda")]
mod reduce;
#[cfg(feature = "cuda")]
mod sort;

use candle_core::Result;

#[doc(hidden)]
pub use capability::ComputeCapability;
pub(crate) use operand::{LayerNormOperands, Operand, OperandMut, Output, Steps};

use crate::arguments::{AdamUpdate, SortedMmd};

/// Lets f32 convolutions and products run in TF32 (10 bits of mantissa), for which GPUs have special units. It is off by
/// default, and a setting of the whole process. Without CUDA this has no effect.
pub fn allow_tf32(allow: bool) {
    #[cfg(feature = "cuda")]
    candle_core::cuda_backend::set_gemm_reduced_precision_f32(allow);
    #[cfg(not(feature = "cuda"))]
    let _ = allow;
}

/// Whether f32 convolutions and products may run in TF32, see [`allow_tf32`].
pub fn tf32_allowed() -> bool {
    #[cfg(feature = "cuda")]
    return candle_core::cuda_backend::gemm_reduced_precision_f32();
    #[cfg(not(feature = "cuda"))]
    false
}

/// Compiles every kernel for a compute capability, which takes NVRTC but no GPU, and returns the number of files. `None`
/// without NVRTC: in a build without CUDA, or with stubs in place of its libraries.
///
/// # Errors
/// What NVRTC says of a kernel that does not compile.
#[doc(hidden)]
pub fn compile_kernels(capability: ComputeCapability) -> Result<Option<usize>> {
    #[cfg(feature = "cuda")]
    return kernels::compile_all(capability);
    #[cfg(not(feature = "cuda"))]
    {
        let _ = capability;
        Ok(None)
    }
}

/// Declares functions of the modules above that exist without CUDA too.
macro_rules! on_device {
    ($($(#[$doc:meta])* fn $module:ident::$name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name($($arg: $type),*) -> Result<$result> {
            #[cfg(feature = "cuda")]
            return $module::$name($($arg),*);
            #[cfg(not(feature = "cuda"))]
            {
                let _ = ($($arg,)*);
                Err(candle_core::Error::NotCompiledWithCudaSupport)
            }
        }
    )*};
}

on_device! {
    /// Convolution of x `[n, ci, d, h, w]` with w `[co, ci, kd, kh, kw]`; bias `[co]`, or `[n, co]` for one per sample.
    fn conv3d::conv3d(x: Operand, w: Operand, bias: Option<Operand>, steps: Steps) -> Output;
    /// Its gradient for x, of shape `x`: the transposed convolution of gy with w; bias as of [`conv3d`].
    fn conv3d::conv3d_input_gradient(
        gy: Operand, w: Operand, bias: Option<Operand>, x: [usize; 5], steps: Steps,
    ) -> Output;
    /// Its gradient for w, of shape `w`.
    fn conv3d::conv3d_weight_gradient(x: Operand, gy: Operand, w: [usize; 5], steps: Steps) -> Output;

    /// `x w^T + bias`: x `[.., in]`, w `[out, in]`, bias `[out]`.
    fn linear::linear(x: Operand, w: Operand, bias: Option<Operand>) -> Output;
    /// Its gradient for x: `gy w`.
    fn linear::linear_input_gradient(gy: Operand, w: Operand) -> Output;
    /// Its gradient for w: `gy^T x`.
    fn linear::linear_weight_gradient(gy: Operand, x: Operand) -> Output;

    /// x normalised over rows as long as the weight, times weight plus bias, then LeakyReLU(slope), where given.
    fn layer_norm::layer_norm(x: Operand, weight: Operand, bias: Operand, slope: Option<f64>, eps: f64) -> Output;
    /// Its gradient for x. With `affine` those for weight and bias stand behind, all of it flat.
    fn layer_norm::layer_norm_gradient(operands: LayerNormOperands, affine: bool, eps: f64) -> Output;
    /// Gradients of the gradient for x, given v: for x, then for g, then, with `affine`, for the weight, flat.
    fn layer_norm::layer_norm_second(operands: LayerNormOperands, v: Operand, affine: bool, eps: f64) -> Output;

    /// Sums over all axes but the second, `[n, c, ..]` to `[c]`, or but the first two, to `[n, c]`.
    fn reduce::channel_sum(a: Operand, per_sample: bool) -> Output;
    /// Sums of a and of a b by channel, `[n, c, ..]` to `[2, c]`.
    fn reduce::channel_moments(a: Operand, b: Operand) -> Output;
    /// Mean and biased variance by channel, `[n, c, ..]` to `[2, c]`.
    fn reduce::batch_statistics(x: Operand) -> Output;
    /// x * scale + shift by channel; x `[n, c, ..]`, scale and shift `[c]`.
    fn elementwise::channel_affine(x: Operand, scale: Operand, shift: Option<Operand>) -> Output;

    /// LeakyReLU; ReLU with slope 0.
    fn elementwise::leaky_relu(x: Operand, slope: f64) -> Output;
    /// g, times the slope where y <= 0: y is x or the result, which have the same sign.
    fn elementwise::leaky_relu_gradient(g: Operand, y: Operand, slope: f64) -> Output;
    /// ln(1 + e^x), without overflow.
    fn elementwise::softplus(x: Operand) -> Output;
    /// g / (1 + e^-x), the gradient of [`softplus`].
    fn elementwise::softplus_gradient(x: Operand, g: Operand) -> Output;

    /// Where the `count` largest of each row of the last axis stand, in falling order, ties by index: u32.
    fn sort::argsort_descending(x: Operand, count: usize) -> Output;
    /// `x[.., indices[.., j]]` along the last axis, indices u32.
    fn sort::gather_rows(x: Operand, indices: Operand) -> Output;
    /// What [`gather_rows`] took, put back into rows of `len` zeros: its gradient. No index comes twice in a row.
    fn sort::scatter_rows(g: Operand, indices: Operand, len: usize) -> Output;
    /// MMD between sorted rows x and y `[n, len]`, mean over windows, then its gradients for x and for y:
    /// `[n, 1 + 2 len]`.
    fn sort::sorted_mmd(x: Operand, y: Operand, settings: SortedMmd) -> Output;

    /// A step of Adam in place: moments `[2, ..weight]`, first then second.
    fn optimiser::adam(
        weight: OperandMut, moments: OperandMut, gradient: Operand, update: AdamUpdate,
    ) -> ();
}
