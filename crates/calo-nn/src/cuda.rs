//! Our operations on a GPU: cuDNN convolutions, cuBLAS products, and kernels compiled at run time.
//!
//! Nothing outside this module asks for the feature `cuda`. Each function below is there without it too, and then says
//! that this build has no CUDA. An operation's `cuda_fwd` is one call of one of them.
//!
//! Operands are contiguous. Elements are f32; f64 for checks and bf16 for inference work too, with sums in f64 and f32.
//! Our kernels give the same bits each time. cuDNN is asked for deterministic algorithms, and cuBLAS has them where one
//! stream is used, which is the case here.

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
#[cfg(feature = "cuda")]
mod optimiser;
#[cfg(feature = "cuda")]
mod reduce;
#[cfg(feature = "cuda")]
mod sort;

use candle_core::{CudaStorage, Layout, Result, Shape};

/// A tensor as Candle hands it to an operation.
pub(crate) type Operand<'a> = (&'a CudaStorage, &'a Layout);

/// What an operation hands back.
pub(crate) type Output = (CudaStorage, Shape);

/// Steps of a kernel per axis of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Steps {
    pub(crate) stride: [usize; 3],
    pub(crate) padding: [usize; 3],
}

/// Windows of a sorted row, see [`sorted_mmd`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Windows {
    /// Cells of a window.
    pub(crate) window: usize,
    /// From the start of one to the start of the next.
    pub(crate) stride: usize,
    /// How many there are.
    pub(crate) windows: usize,
    /// The kernel is `exp(-exponent d^2)`.
    pub(crate) exponent: f64,
}

/// What a step of Adam depends on, see [`adam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AdamStep {
    pub(crate) rate: f64,
    pub(crate) beta1: f64,
    pub(crate) beta2: f64,
    pub(crate) epsilon: f64,
    pub(crate) weight_decay: f64,
    /// 1 for the first step.
    pub(crate) step: u32,
}

/// Lets f32 convolutions and products run in TF32 (10 bits of mantissa), which is several times as fast; off unless
/// called. Whether it is allowed is one setting of the process. Without CUDA nothing happens.
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

/// Compiles every kernel for a compute capability such as (9, 0), which takes NVRTC but no GPU. `None` where NVRTC is
/// not there: in a build without CUDA, or one that runs with stubs of its libraries.
#[doc(hidden)]
pub fn compile_kernels(capability: (i32, i32)) -> Result<Option<usize>> {
    #[cfg(feature = "cuda")]
    return kernels::compile_all(capability);
    #[cfg(not(feature = "cuda"))]
    {
        let _ = capability;
        Ok(None)
    }
}

/// Declares functions of the modules above that are there without CUDA too.
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

    /// Normalised over the trailing axes `axes`, with weight and bias of that shape, then LeakyReLU(slope), where given.
    fn layer_norm::layer_norm(
        x: Operand, affine: Option<(Operand, Operand)>, axes: &[usize], eps: f64, slope: Option<f64>,
    ) -> Output;
    /// `J g` with g = u * gate(y) * weight: u times the slope where y <= 0, times weight, either where given.
    fn layer_norm::layer_norm_backward(
        x: Operand, u: Operand, gate: Option<(Operand, f64)>, weight: Option<Operand>, axes: &[usize], eps: f64,
    ) -> Output;
    /// `S(x, u, v)`: the gradient for x of `v . J(x) u`.
    fn layer_norm::layer_norm_second(x: Operand, u: Operand, v: Operand, axes: &[usize], eps: f64) -> Output;
    /// Gradient of the weight, of shape `axes`: the sum over leading axes of u * gate(y) * normalised x.
    fn layer_norm::layer_norm_weight_gradient(
        x: Operand, u: Operand, gate: Option<(Operand, f64)>, axes: &[usize], eps: f64,
    ) -> Output;

    /// Sum over leading axes of u * gate(y), of shape `axes`: the gradient of a bias shared by them.
    fn reduce::sum_leading(u: Operand, gate: Option<(Operand, f64)>, axes: &[usize]) -> Output;
    /// Sum over all axes but the second: `[n, c, ..]` to `[c]`.
    fn reduce::channel_sums(u: Operand) -> Output;
    /// Sum over all axes but the first two: `[n, c, ..]` to `[n, c]`.
    fn reduce::sample_channel_sums(u: Operand) -> Output;

    /// v `[c]`, or `[n, c]`, for every cell of `shape`, `[n, c, ..]`.
    fn elementwise::broadcast_channels(v: Operand, shape: &[usize]) -> Output;
    /// leaky(x * scale + shift) by channel, scale and shift `[c]`; no scale is 1, no slope no activation.
    fn elementwise::channel_affine(x: Operand, scale: Option<Operand>, shift: Operand, slope: Option<f64>) -> Output;
    /// u * weight * gate(y), weight of the shape of u's trailing axes.
    fn elementwise::scale_rows(u: Operand, weight: Operand, gate: Option<(Operand, f64)>) -> Output;
    /// LeakyReLU; ReLU with slope 0.
    fn elementwise::leaky_relu(x: Operand, slope: f64) -> Output;
    /// u, times the slope where y <= 0: y is x or the result, which have the same sign.
    fn elementwise::leaky_relu_backward(u: Operand, y: Operand, slope: f64) -> Output;
    /// ln(1 + e^x), without overflow.
    fn elementwise::softplus(x: Operand) -> Output;
    /// 1 / (1 + e^-x), the derivative of [`softplus`].
    fn elementwise::sigmoid(x: Operand) -> Output;

    /// Where the `count` largest of each row of the last axis stand, in falling order, ties by index: u32.
    fn sort::argsort_descending(x: Operand, count: usize) -> Output;
    /// The `count` largest of each row of the last axis, in falling order.
    fn sort::sort_descending(x: Operand, count: usize) -> Output;
    /// `x[.., indices[.., j]]` along the last axis, indices u32.
    fn sort::gather_rows(x: Operand, indices: Operand) -> Output;
    /// What [`gather_rows`] took, put back into rows of `len` zeros: its gradient. No index comes twice in a row.
    fn sort::scatter_rows(g: Operand, indices: Operand, len: usize) -> Output;
    /// MMD between the sorted rows x and y `[n, len]`, mean over windows: `[n]`.
    fn sort::sorted_mmd(x: Operand, y: Operand, windows: Windows) -> Output;
    /// `g[row]` times the gradient of [`sorted_mmd`] for x; for y exchange the two.
    fn sort::sorted_mmd_gradient(x: Operand, y: Operand, g: Operand, windows: Windows) -> Output;

    /// A step of Adam in place: moments `[2, ..weight]`, first then second.
    fn optimiser::adam(
        weight: (&mut CudaStorage, &Layout), moments: (&mut CudaStorage, &Layout), gradient: Operand, step: AdamStep,
    ) -> ();
}
