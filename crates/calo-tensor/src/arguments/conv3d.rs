//! A convolution: its three products, and its shapes, checked once for all three.

use crate::{Error, Result};

/// One of the three products of a convolution: what is left of the trilinear form when one of its factors is left out; see
/// the table in `ops/conv3d.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// From the input and the weight.
    Output,
    /// From the output's gradient and the weight.
    InputGradient,
    /// From the input and the output's gradient.
    WeightGradient,
}

/// Shapes of `y = conv(x, w)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Input: samples, channels, depth, height, width.
    pub(crate) x: [usize; 5],
    /// Weight: output channels, input channels, kernel.
    pub(crate) w: [usize; 5],
    /// Output, as the input.
    pub(crate) y: [usize; 5],
    /// Stride per axis.
    pub(crate) stride: [usize; 3],
    /// Zeros before and behind each axis of the input.
    pub(crate) padding: [usize; 3],
}

impl Geometry {
    /// Of a convolution.
    pub(crate) fn of_convolution(
        op: &'static str,
        x: [usize; 5],
        w: [usize; 5],
        stride: [usize; 3],
        padding: [usize; 3],
    ) -> Result<Self> {
        check_window(op, w, stride)?;
        if x[1] != w[1] {
            return Err(Error::operand(op, "the input's shape", x, format!("{} channels", w[1])));
        }
        let mut y = [x[0], w[0], 0, 0, 0];
        for axis in 0..3 {
            let padded = padded(op, x[axis + 2], padding[axis])?;
            let Some(room) = padded.checked_sub(w[axis + 2]) else {
                return Err(Error::operand(
                    op,
                    "the kernel",
                    [w[2], w[3], w[4]],
                    format!("at most {padded} on axis {axis}, the input with its padding"),
                ));
            };
            y[axis + 2] = room / stride[axis] + 1;
        }
        Self { x, w, y, stride, padding }.checked(op)
    }

    /// Of the convolution whose transposed takes `y` to the result, `w` being `[in, out, kernel]` of the transposed.
    pub(crate) fn of_transposed(
        op: &'static str,
        y: [usize; 5],
        w: [usize; 5],
        stride: [usize; 3],
        padding: [usize; 3],
        output_padding: [usize; 3],
    ) -> Result<Self> {
        check_window(op, w, stride)?;
        if y[1] != w[0] {
            return Err(Error::operand(op, "the input's shape", y, format!("{} channels", w[0])));
        }
        let mut x = [y[0], w[1], 0, 0, 0];
        for axis in 0..3 {
            if output_padding[axis] >= stride[axis] {
                return Err(Error::operand(
                    op,
                    "the output padding",
                    output_padding,
                    format!("less than the stride, {}, on axis {axis}", stride[axis]),
                ));
            }
            let whole = (y[axis + 2] - 1)
                .checked_mul(stride[axis])
                .and_then(|reach| reach.checked_add(w[axis + 2] + output_padding[axis]));
            let length = whole.and_then(|whole| whole.checked_sub(padding[axis].checked_mul(2)?));
            let Some(length) = length.filter(|&length| length > 0) else {
                return Err(Error::operand(
                    op,
                    "the padding",
                    padding,
                    format!("less than the output it is cut from, {whole:?}, on axis {axis}"),
                ));
            };
            x[axis + 2] = length;
        }
        Self { x, w, y, stride, padding }.checked(op)
    }

    /// The same with one long row per plane where rows do not meet: per-cell networks.
    pub(crate) fn flattened(&self) -> Self {
        let mut flat = *self;
        let apart = |axis: usize| self.w[axis + 2] == 1 && self.stride[axis] == 1 && self.padding[axis] == 0;
        if apart(1) && apart(2) {
            for dims in [&mut flat.x, &mut flat.y] {
                dims[4] *= dims[3];
                dims[3] = 1;
            }
        }
        flat
    }

    /// Refuses what no memory holds.
    fn checked(self, op: &'static str) -> Result<Self> {
        for dims in [self.x, self.y] {
            let elements = dims.iter().try_fold(8usize, |product, &dim| product.checked_mul(dim));
            if elements.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
                return Err(Error::operand(op, "a shape", dims, "one that fits in memory"));
            }
        }
        Ok(self)
    }
}

fn check_window(op: &'static str, w: [usize; 5], stride: [usize; 3]) -> Result<()> {
    if w.contains(&0) {
        return Err(Error::operand(op, "the weight's shape", w, "no empty axis"));
    }
    if stride.contains(&0) {
        return Err(Error::operand(op, "the stride", stride, "at least 1 on every axis"));
    }
    Ok(())
}

fn padded(op: &'static str, input: usize, padding: usize) -> Result<usize> {
    padding
        .checked_mul(2)
        .and_then(|both| both.checked_add(input))
        .filter(|&padded| isize::try_from(padded).is_ok())
        .ok_or_else(|| Error::operand(op, "the padding", padding, "one that fits in memory"))
}
