//! Locally connected 2-D layer: a convolution whose weights differ from place to place.
//!
//! * forward: the patches are gathered by index, and each place's patches are multiplied by its own weights, all places
//!   in one batched product;
//! * gradients: Candle's, of the gather and of the product, which differentiate any number of times.

use candle_core::Tensor;

use crate::{Error, Result};

const OP: &str = "locally_connected";

/// `y[n, o, p] = bias[o, p] + sum over i, k of x[n, i, p * stride + k - padding] weight[p, o, i, k]`, p and k being
/// places in two dimensions and x zero outside.
///
/// # Shapes
/// `x` `[n, ci, h, w]`, `weight` `[oh, ow, co, ci, kh, kw]`, `bias` `[co, oh, ow]`; `[n, co, oh, ow]` with
/// `oh = (h + 2 padding - kh) / stride + 1` rounded down, and the same for `ow`.
///
/// # Errors
/// [`Error::Operand`] for shapes that do not fit, empty ones, or a stride of 0.
///
/// # Reference
/// de Oliveira et al., arXiv 1701.05927, section 4 (LAGAN).
pub fn locally_connected(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<Tensor> {
    let &[n, ci, h, w] = x.dims() else {
        return Err(Error::operand(OP, "x", x.shape(), "[n, ci, h, w]"));
    };
    let &[oh, ow, co, weight_ci, kh, kw] = weight.dims() else {
        return Err(Error::operand(OP, "weight", weight.shape(), "[oh, ow, co, ci, kh, kw]"));
    };
    if x.elem_count() == 0 || weight.elem_count() == 0 || weight_ci != ci {
        return Err(Error::operand(
            OP,
            "weight",
            weight.shape(),
            format!("[oh, ow, co, {ci}, kh, kw], for x {:?}, none empty", x.shape()),
        ));
    }
    let rows = Axis { length: h, kernel: kh, stride: stride[0], padding: padding[0] };
    let columns = Axis { length: w, kernel: kw, stride: stride[1], padding: padding[1] };
    let expected = (rows.places(), columns.places());
    if expected != (Some(oh), Some(ow)) {
        return Err(Error::operand(
            OP,
            "grid of the weight",
            [oh, ow],
            format!("{expected:?} for {rows:?} and {columns:?}"),
        ));
    }
    if let Some(bias) = bias
        && bias.dims() != [co, oh, ow]
    {
        return Err(Error::operand(OP, "bias", bias.shape(), format!("[{co}, {oh}, {ow}]")));
    }

    // One more cell, 0, for whatever lies outside.
    let outside = Tensor::zeros((n, ci, 1), x.dtype(), x.device())?;
    let cells = Tensor::cat(&[&x.flatten_from(2)?, &outside], 2)?;
    let (places, taps) = (oh * ow, kh * kw);
    let patches = cells.index_select(&tap_indices(&rows, &columns, x)?, 2)?;
    let patches =
        patches.reshape((n, ci, places, taps))?.permute((2, 0, 1, 3))?.reshape((places, n, ci * taps))?;
    let weight = weight.reshape((places, co, ci * taps))?;
    let y = patches.matmul(&weight.t()?)?.permute((1, 2, 0))?.reshape((n, co, oh, ow))?;
    Ok(match bias {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    })
}

/// One of the two axes of the layer.
#[derive(Debug, Clone, Copy)]
struct Axis {
    length: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl Axis {
    /// Number of places, if there are any.
    fn places(&self) -> Option<usize> {
        Some((self.length + 2 * self.padding).checked_sub(self.kernel)?.checked_div(self.stride)? + 1)
    }

    /// Where the tap of a place stands in the input, if inside.
    fn index(&self, place: usize, tap: usize) -> Option<usize> {
        (place * self.stride + tap).checked_sub(self.padding).filter(|&i| i < self.length)
    }
}

/// Cells of `[h * w + 1]`, the last being the outside, of all taps of all places: u32 `[places * taps]`.
fn tap_indices(rows: &Axis, columns: &Axis, x: &Tensor) -> Result<Tensor> {
    let outside = rows.length * columns.length;
    if u32::try_from(outside).is_err() {
        return Err(Error::operand(OP, "number of cells", outside, "less than 2^32"));
    }
    let mut indices = Vec::new();
    for p in 0..rows.places().unwrap_or(0) {
        for q in 0..columns.places().unwrap_or(0) {
            for k in 0..rows.kernel {
                for l in 0..columns.kernel {
                    let cell = rows.index(p, k).zip(columns.index(q, l)).map(|(i, j)| i * columns.length + j);
                    indices.push(cell.unwrap_or(outside) as u32);
                }
            }
        }
    }
    Ok(Tensor::new(indices, x.device())?)
}
