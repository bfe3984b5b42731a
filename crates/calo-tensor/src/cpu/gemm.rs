//! The general matrix product of the `gemm` crate, on slices and checked.
//!
//! One product runs on the thread that calls it: callers cut their work in tasks. Its bits depend on the shapes and
//! steps of the operands and on the machine, not on where they lie nor on the number of threads.

use std::mem::MaybeUninit;

use gemm::Parallelism;

use super::Real;

/// A matrix in a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    elements: &'a [T],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Rows of neighbours, `pitch` from one row to the next.
    pub(crate) fn new(elements: &'a [T], rows: usize, columns: usize, pitch: usize) -> Self {
        Self { elements, rows, columns, row_step: pitch, column_step: 1 }
    }

    /// The same elements with rows as columns.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }

    /// Some of its rows.
    pub(crate) fn rows(self, rows: std::ops::Range<usize>) -> Self {
        assert!(rows.end <= self.rows);
        Self { elements: &self.elements[rows.start * self.row_step..], rows: rows.len(), ..self }
    }

    fn fits(&self) -> bool {
        self.elements.len() >= extent(self.rows, self.columns, self.row_step, self.column_step)
    }
}

/// Elements up to the last of a matrix.
fn extent(rows: usize, columns: usize, row_step: usize, column_step: usize) -> usize {
    if rows == 0 || columns == 0 { 0 } else { (rows - 1) * row_step + (columns - 1) * column_step + 1 }
}

/// `result = a b`, or `result += a b`; rows of `result` are `pitch` apart.
pub(crate) fn multiply<T: Real>(
    result: &mut [T],
    pitch: usize,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    add: bool,
) {
    product(result.as_mut_ptr(), result.len(), pitch, a, b, add);
}

/// `result = a b + bias`, one bias for each row, to memory that holds nothing yet; rows are `pitch` apart.
pub(crate) fn write<T: Real>(
    result: &mut [MaybeUninit<T>],
    pitch: usize,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    bias: Option<&[T]>,
) {
    if let Some(bias) = bias {
        // The product reads all it adds to: none may be left out.
        assert!(bias.len() == a.rows && pitch >= b.columns);
        for (row, &bias) in result.chunks_mut(pitch).zip(bias) {
            for place in &mut row[..b.columns] {
                place.write(bias);
            }
        }
    }
    product(result.as_mut_ptr().cast(), result.len(), pitch, a, b, bias.is_some());
}

/// The product, to the `len` elements at `result`.
#[expect(unsafe_code, reason = "the crate takes pointers")]
fn product<T: Real>(result: *mut T, len: usize, pitch: usize, a: Matrix<'_, T>, b: Matrix<'_, T>, add: bool) {
    let (rows, columns, depth) = (a.rows, b.columns, a.columns);
    assert!(a.columns == b.rows && a.fits() && b.fits());
    assert!(pitch >= columns && len >= extent(rows, columns, pitch, 1));
    // Steps of slices that exist are far below `isize::MAX`.
    let step = usize::cast_signed;
    // SAFETY: all three matrices lie within their slices, as just checked. `result` comes from a slice that is borrowed
    // mutably, so it overlaps neither operand, and its elements are read only with `add`: then they are of a `&mut [T]`
    // or were written by `write`. f32 and f64, the only types that are `Real`, are types that the crate knows.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            result,
            1,
            step(pitch),
            add,
            a.elements.as_ptr(),
            step(a.column_step),
            step(a.row_step),
            b.elements.as_ptr(),
            step(b.column_step),
            step(b.row_step),
            T::one(),
            T::one(),
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
