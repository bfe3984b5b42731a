//! 3-D convolutions: per-cell ones as matrix products, all others by cuDNN.

use candle_core::backend::BackendStorage as _;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::{CudaStorage, Layout, Result, Shape};

use super::cudnn::{self, Convolved, Problem};
use super::elementwise::add_channels;
use super::kernels::{by_dtype, elements, sized};
use super::operand::{Operand, Output, Steps};
use super::reduce::sum_samples;
use crate::Error;

pub(super) fn conv3d(x: Operand, w: Operand, bias: Option<Operand>, steps: Steps) -> Result<Output> {
    let op = "conv3d";
    let problem = problem(op, dims(x)?, dims(w)?, steps)?;
    by_dtype!(op, x, T => {
        let mut y = if problem.is_per_cell() {
            per_cell::<T>(x, w, Side::Input, problem)?
        } else {
            let (x_view, w_view) = (elements::<T>(op, x)?, elements::<T>(op, w)?);
            cudnn::forward::<T>(&x.0.device, problem, &x_view, &w_view)?
        };
        if let Some(bias) = bias {
            add_channels::<T>(&mut y, bias, &problem.y)?;
        }
        Ok((CudaStorage::wrap_cuda_slice(y, x.0.device.clone()), Shape::from(problem.y.as_slice())))
    })
}

pub(super) fn conv3d_input_gradient(
    gy: Operand,
    w: Operand,
    bias: Option<Operand>,
    x: [usize; 5],
    steps: Steps,
) -> Result<Output> {
    let op = "conv3d_input_gradient";
    let problem = problem(op, x, dims(w)?, steps)?;
    problem.check_result(op, gy)?;
    by_dtype!(op, gy, T => {
        let mut gx = if problem.is_per_cell() {
            per_cell::<T>(gy, w, Side::Output, problem)?
        } else {
            let (gy_view, w_view) = (elements::<T>(op, gy)?, elements::<T>(op, w)?);
            cudnn::input_gradient::<T>(&gy.0.device, problem, &gy_view, &w_view)?
        };
        if let Some(bias) = bias {
            add_channels::<T>(&mut gx, bias, &problem.x)?;
        }
        Ok((CudaStorage::wrap_cuda_slice(gx, gy.0.device.clone()), Shape::from(x.as_slice())))
    })
}

pub(super) fn conv3d_weight_gradient(x: Operand, gy: Operand, w: [usize; 5], steps: Steps) -> Result<Output> {
    let op = "conv3d_weight_gradient";
    let problem = problem(op, dims(x)?, w, steps)?;
    problem.check_result(op, gy)?;
    if problem.is_per_cell() {
        // gy x^T for each sample, then their sum.
        let ([n, ci, co], cells) = (problem.channels(), problem.cells());
        let (x_layout, gy_layout) = (flat(op, x, [n, ci, cells])?, flat(op, gy, [n, co, cells])?);
        let each = gy.0.matmul(x.0, (n, co, ci, cells), &gy_layout, &x_layout.transpose(1, 2)?)?;
        return sum_samples((&each, &Layout::contiguous((n, co, ci))), n, &w);
    }
    by_dtype!(op, x, T => {
        let gy = sized::<T>(op, "gradient", gy, problem.y.iter().product())?;
        let gw = cudnn::weight_gradient::<T>(&x.0.device, problem, &elements::<T>(op, x)?, &gy)?;
        Ok((CudaStorage::wrap_cuda_slice(gw, x.0.device.clone()), Shape::from(w.as_slice())))
    })
}

fn dims((_, layout): Operand) -> Result<[usize; 5]> {
    let (n, c, d, h, w) = layout.shape().dims5()?;
    Ok([n, c, d, h, w])
}

/// The convolution of x with w, if it is one.
fn problem(op: &'static str, x: [usize; 5], w: [usize; 5], steps: Steps) -> Result<Problem> {
    if x[1] != w[1] {
        return Err(Error::operand(op, "channels of the kernel", w, format!("{} channels in", x[1])).into());
    }
    let mut y = [x[0], w[0], 0, 0, 0];
    for axis in 0..3 {
        let (size, kernel) = (x[2 + axis] + 2 * steps.padding[axis], w[2 + axis]);
        let stride = steps.stride[axis];
        if stride == 0 || kernel == 0 || kernel > size {
            let expected = format!("a stride, and kernels within the padded input {x:?}");
            return Err(Error::operand(op, "kernel and steps", (w, steps), expected).into());
        }
        y[2 + axis] = (size - kernel) / stride + 1;
    }
    if x.iter().chain(&y).any(|&size| size == 0) {
        return Err(Error::operand(op, "shape", x, "no empty axis").into());
    }
    Ok(Problem { x, w, y, steps })
}

impl Problem {
    /// Whether each cell is transformed on its own: a matrix product over channels.
    fn is_per_cell(&self) -> bool {
        self.w[2..] == [1; 3] && self.steps == Steps { stride: [1; 3], padding: [0; 3] }
    }

    /// Samples, channels in, channels out.
    fn channels(&self) -> [usize; 3] {
        [self.x[0], self.x[1], self.w[0]]
    }

    fn cells(&self) -> usize {
        self.x[2..].iter().product()
    }

    fn check_result(&self, op: &'static str, gy: Operand) -> Result<()> {
        if gy.1.dims() == self.y {
            return Ok(());
        }
        Err(Error::operand(op, "gradient", gy.1.dims(), format!("{:?}", self.y)).into())
    }
}

/// Which end of the convolution is given.
#[derive(Debug, Clone, Copy)]
enum Side {
    Input,
    Output,
}

/// w x for each sample, or w^T gy; w is the same for all, so its stride over samples is zero.
fn per_cell<T: Convolved>(given: Operand, w: Operand, side: Side, problem: Problem) -> Result<CudaSlice<T>> {
    let op = "conv3d";
    let ([n, ci, co], cells) = (problem.channels(), problem.cells());
    let w_layout = flat(op, w, [1, co, ci])?.broadcast_as((n, co, ci))?;
    let product = match side {
        Side::Input => {
            w.0.matmul(given.0, (n, co, cells, ci), &w_layout, &flat(op, given, [n, ci, cells])?)?
        }
        Side::Output => {
            let w_layout = w_layout.transpose(1, 2)?;
            w.0.matmul(given.0, (n, ci, cells, co), &w_layout, &flat(op, given, [n, co, cells])?)?
        }
    };
    T::take(product)
}

/// A contiguous operand seen as a batch of matrices.
fn flat(op: &'static str, (_, layout): Operand, dims: [usize; 3]) -> Result<Layout> {
    let (start, _) = layout.contiguous_offsets().ok_or(candle_core::Error::RequiresContiguous { op })?;
    Ok(Layout::contiguous_with_offset((dims[0], dims[1], dims[2]), start))
}
