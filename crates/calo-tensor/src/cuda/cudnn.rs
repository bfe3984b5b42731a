//! cuDNN's N-d convolutions: handles and workspace for each thread and device, algorithms chosen once per shape.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use candle_core::cuda_backend::DeviceId;
use candle_core::cuda_backend::cudarc::cudnn::sys::{
    cudnnConvolutionBwdDataAlgo_t as InputAlgorithm, cudnnConvolutionBwdFilterAlgo_t as WeightAlgorithm,
    cudnnConvolutionFwdAlgo_t as ForwardAlgorithm, cudnnConvolutionMode_t, cudnnMathType_t,
    cudnnTensorFormat_t,
};
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnDataType, CudnnError,
    FilterDescriptor, TensorDescriptor,
};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, DType, Result};

use super::kernels::{Element, uninitialised};
use super::operand::Steps;
use crate::Error;

/// What cuDNN computes with: its arithmetic is f32 for bf16.
pub(super) trait Convolved: Element + CudnnDataType {
    type Arithmetic: CudnnDataType;
}

impl Convolved for f32 {
    type Arithmetic = Self;
}

impl Convolved for f64 {
    type Arithmetic = Self;
}

impl Convolved for half::bf16 {
    type Arithmetic = f32;
}

/// A convolution of x `[n, ci, ..]` with w `[co, ci, ..]` to y `[n, co, ..]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Problem {
    pub(super) x: [usize; 5],
    pub(super) w: [usize; 5],
    pub(super) y: [usize; 5],
    pub(super) steps: Steps,
}

/// A larger workspace is not worth its memory: algorithms that want it are passed over.
const WORKSPACE_LIMIT: usize = 2 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Algorithm {
    Forward(ForwardAlgorithm),
    Input(InputAlgorithm),
    Weight(WeightAlgorithm),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Pass {
    Forward,
    Input,
    Weight,
}

type Key = (Problem, Pass, DType, bool);

/// What a thread keeps for a device. cuDNN's handles may not be shared between threads.
struct State {
    cudnn: Arc<Cudnn>,
    chosen: HashMap<Key, (Algorithm, usize)>,
    /// Used by one convolution after the other: they run on one stream.
    workspace: Option<CudaSlice<u8>>,
}

thread_local! {
    static STATES: RefCell<HashMap<DeviceId, State>> = RefCell::default();
}

fn with_state<R>(device: &CudaDevice, run: impl FnOnce(&mut State) -> Result<R>) -> Result<R> {
    STATES.with_borrow_mut(|states| {
        if let Some(state) = states.get_mut(&device.id()) {
            return run(state);
        }
        let cudnn = Cudnn::new(device.cuda_stream())?;
        run(states.entry(device.id()).or_insert(State { cudnn, chosen: HashMap::new(), workspace: None }))
    })
}

impl State {
    /// The algorithm chosen for this shape before, or what `choose` says; with its workspace ready.
    fn algorithm(
        &mut self,
        device: &CudaDevice,
        key: Key,
        choose: impl FnOnce() -> Result<(Algorithm, usize)>,
    ) -> Result<Algorithm> {
        let (algorithm, bytes) = match self.chosen.get(&key) {
            Some(&known) => known,
            None => *self.chosen.entry(key).or_insert(choose()?),
        };
        if bytes > self.workspace.as_ref().map_or(0, CudaSlice::len) {
            // The smaller one goes first; what still uses it on the stream is waited for there.
            self.workspace = None;
            self.workspace = Some(uninitialised::<u8>(device, bytes)?);
        }
        Ok(algorithm)
    }
}

/// The first of `candidates` that cuDNN can run here within the limit, with its workspace.
fn first_that_runs<A: Copy>(
    problem: Problem,
    candidates: &[A],
    workspace: impl Fn(A) -> std::result::Result<usize, CudnnError>,
) -> Result<(A, usize)> {
    let mut tried = candidates.iter().filter_map(|&candidate| Some((candidate, workspace(candidate).ok()?)));
    let found = tried.find(|&(_, bytes)| bytes <= WORKSPACE_LIMIT);
    Ok(found
        .ok_or_else(|| Error::operand("conv3d", "shape", problem, "one that cuDNN has an algorithm for"))?)
}

struct Descriptors<T: Convolved> {
    convolution: ConvDescriptor<T::Arithmetic>,
    x: TensorDescriptor<T>,
    w: FilterDescriptor<T>,
    y: TensorDescriptor<T>,
}

impl<T: Convolved> Descriptors<T> {
    fn new(cudnn: &Arc<Cudnn>, problem: &Problem) -> Result<Self> {
        let [x, w, y] = [sizes(&problem.x)?, sizes(&problem.w)?, sizes(&problem.y)?];
        let mode = cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        let (padding, stride) = (sizes(&problem.steps.padding)?, sizes(&problem.steps.stride)?);
        let mut convolution = cudnn.create_convnd::<T::Arithmetic>(&padding, &stride, &[1; 3], mode)?;
        convolution.set_math_type(math::<T>())?;
        Ok(Self {
            convolution,
            x: cudnn.create_nd_tensor::<T>(&x, &strides(&x))?,
            w: cudnn.create_nd_filter::<T>(cudnnTensorFormat_t::CUDNN_TENSOR_NCHW, &w)?,
            y: cudnn.create_nd_tensor::<T>(&y, &strides(&y))?,
        })
    }
}

/// By default cuDNN rounds f32 to TF32: that is for the user to allow.
fn math<T: Convolved>() -> cudnnMathType_t {
    match T::DTYPE {
        DType::F32 if super::tf32_allowed() => cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
        DType::F32 => cudnnMathType_t::CUDNN_FMA_MATH,
        DType::BF16 => cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
        _ => cudnnMathType_t::CUDNN_DEFAULT_MATH,
    }
}

fn sizes(dims: &[usize]) -> Result<Vec<i32>> {
    let too_large = |_| Error::operand("conv3d", "shape", dims, "axes below 2^31").into();
    dims.iter().map(|&dim| i32::try_from(dim).map_err(too_large)).collect()
}

/// Strides of a contiguous tensor; axes are few and checked, so nothing overflows that fits in memory of 2^31 elements.
fn strides(dims: &[i32]) -> Vec<i32> {
    let mut strides = vec![1_i32; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(dims[axis]);
    }
    strides
}

/// One and zero: the result is `1 * convolution + 0 * what was there`.
fn scales<T: Element>() -> (T, T) {
    (T::from_f64(1.0), T::from_f64(0.0))
}

fn key<T: Convolved>(problem: Problem, pass: Pass) -> Key {
    (problem, pass, T::DTYPE, super::tf32_allowed())
}

/// y = x * w
#[expect(unsafe_code, reason = "cuDNN takes pointers; the slices below are as long as the descriptors say")]
pub(super) fn forward<T: Convolved>(
    device: &CudaDevice,
    problem: Problem,
    x: &CudaView<'_, T>,
    w: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    use ForwardAlgorithm as A;
    let mut y = uninitialised::<T>(device, problem.y.iter().product())?;
    with_state(device, |state| {
        let descriptors = Descriptors::<T>::new(&state.cudnn, &problem)?;
        let Descriptors { convolution: conv, x: x_of, w: w_of, y: y_of } = &descriptors;
        let operation = ConvForward { conv, x: x_of, w: w_of, y: y_of };
        let choose = || {
            // All of these are deterministic.
            let candidates = [
                operation.pick_algorithm()?,
                A::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
                A::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
            ];
            let (algorithm, bytes) =
                first_that_runs(problem, &candidates, |a| operation.get_workspace_size(a))?;
            Ok((Algorithm::Forward(algorithm), bytes))
        };
        if let Algorithm::Forward(algorithm) =
            state.algorithm(device, key::<T>(problem, Pass::Forward), choose)?
        {
            // SAFETY: x, w and y hold as many elements as their descriptors say, as the caller has checked.
            unsafe { operation.launch(algorithm, state.workspace.as_mut(), scales::<T>(), x, w, &mut y)? };
        }
        Ok(())
    })?;
    Ok(y)
}

/// The gradient for x: the transposed convolution of gy with w.
#[expect(unsafe_code, reason = "cuDNN takes pointers; the slices below are as long as the descriptors say")]
pub(super) fn input_gradient<T: Convolved>(
    device: &CudaDevice,
    problem: Problem,
    gy: &CudaView<'_, T>,
    w: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    use InputAlgorithm as A;
    let mut gx = uninitialised::<T>(device, problem.x.iter().product())?;
    with_state(device, |state| {
        let descriptors = Descriptors::<T>::new(&state.cudnn, &problem)?;
        let Descriptors { convolution: conv, x: dx, w: w_of, y: dy } = &descriptors;
        let operation = ConvBackwardData { conv, dx, w: w_of, dy };
        let choose = || {
            // Algorithm 0 adds atomically, in no fixed order: it is the last resort.
            let picked = match operation.pick_algorithm()? {
                A::CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 => A::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
                other => other,
            };
            let candidates =
                [picked, A::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, A::CUDNN_CONVOLUTION_BWD_DATA_ALGO_0];
            let (algorithm, bytes) =
                first_that_runs(problem, &candidates, |a| operation.get_workspace_size(a))?;
            Ok((Algorithm::Input(algorithm), bytes))
        };
        if let Algorithm::Input(algorithm) =
            state.algorithm(device, key::<T>(problem, Pass::Input), choose)?
        {
            // SAFETY: gx, w and gy hold as many elements as their descriptors say, as the caller has checked.
            unsafe { operation.launch(algorithm, state.workspace.as_mut(), scales::<T>(), &mut gx, w, gy)? };
        }
        Ok(())
    })?;
    Ok(gx)
}

/// The gradient for w.
#[expect(unsafe_code, reason = "cuDNN takes pointers; the slices below are as long as the descriptors say")]
pub(super) fn weight_gradient<T: Convolved>(
    device: &CudaDevice,
    problem: Problem,
    x: &CudaView<'_, T>,
    gy: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    use WeightAlgorithm as A;
    let mut gw = uninitialised::<T>(device, problem.w.iter().product())?;
    with_state(device, |state| {
        let descriptors = Descriptors::<T>::new(&state.cudnn, &problem)?;
        let Descriptors { convolution: conv, x: x_of, w: dw, y: dy } = &descriptors;
        let operation = ConvBackwardFilter { conv, x: x_of, dw, dy };
        let choose = || {
            // Algorithms 0 and 3 add atomically, in no fixed order: they are the last resort.
            let picked = match operation.pick_algorithm()? {
                A::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 | A::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3 => {
                    A::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1
                }
                other => other,
            };
            let candidates =
                [picked, A::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, A::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0];
            let (algorithm, bytes) =
                first_that_runs(problem, &candidates, |a| operation.get_workspace_size(a))?;
            Ok((Algorithm::Weight(algorithm), bytes))
        };
        if let Algorithm::Weight(algorithm) =
            state.algorithm(device, key::<T>(problem, Pass::Weight), choose)?
        {
            // SAFETY: x, gw and gy hold as many elements as their descriptors say, as the caller has checked.
            unsafe { operation.launch(algorithm, state.workspace.as_mut(), scales::<T>(), x, &mut gw, gy)? };
        }
        Ok(())
    })?;
    Ok(gw)
}
