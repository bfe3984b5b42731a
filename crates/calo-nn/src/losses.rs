//! Losses of the papers: differentiable scalar tensors. The table shows how each is reduced.
//!
//! | loss | reduction | derivatives |
//! | --- | --- | --- |
//! | [`binary_cross_entropy`], [`cross_entropy_with`] | mean over all elements | any order |
//! | [`kld`] | [`kld_of_each`], summed over variables | any order |
//! | [`kld_of_each`] | mean over the batch | any order |
//! | [`gaussian_mmd`] | mean over pairs, sum over kernels | any order |
//! | [`sorted_mmd`] | mean over windows and batch | first |
//! | [`sorted_difference`] | mean over cells and batch | any order |
//! | [`gradient_penalty`] | mean over the batch | those of the critic, less one |

mod binary_cross_entropy;
mod gaussian_mmd;
mod gradient_penalty;
mod kld;
mod sorted_difference;

pub use binary_cross_entropy::{binary_cross_entropy, cross_entropy_with};
pub use gaussian_mmd::gaussian_mmd;
pub use gradient_penalty::{gradient_penalty, gradient_penalty_of_all};
pub use kld::{kld, kld_of_each};
pub use sorted_difference::{SortedDifference, sorted_difference};

pub use calo_tensor::ops::{SortedMmd, sorted_mmd};

use candle_core::Tensor;

use crate::{Error, Result};

/// Both operands have this shape, and elements.
fn same_shape(op: &'static str, what: &'static str, found: &Tensor, expected: &Tensor) -> Result<()> {
    if expected.elem_count() == 0 {
        return Err(Error::operand(op, "shape", expected.shape(), "at least one element"));
    }
    if found.dims() != expected.dims() {
        return Err(Error::operand(op, what, found.shape(), format!("{:?}", expected.shape())));
    }
    Ok(())
}

/// Mean of all elements, in two stages: on the CPU Candle adds them one by one, which costs two digits of f32 for the
/// cells of a batch of showers.
fn mean(x: &Tensor) -> Result<Tensor> {
    let elements = x.elem_count();
    let row = (1..=elements.isqrt()).rev().find(|row| elements.is_multiple_of(*row)).unwrap_or(1);
    Ok((x.reshape(((), row))?.sum(1)?.sum_all()? / elements as f64)?)
}
