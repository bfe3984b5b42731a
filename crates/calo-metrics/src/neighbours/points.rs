//! Samples as points, and blocks of squared distances between them with a bound on their error.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, Zip, s};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Points of a block: the product of two blocks then takes most of the time.
const BLOCK_ROWS: usize = 1024;

/// Dimensions whose products are summed in f32 before they go to f64; the error bound grows with them.
const CHUNK: usize = 512;

/// Half the distance between neighbouring f32 of size one.
const UNIT_ROUNDOFF: f64 = 1.0 / (1_u64 << 24) as f64;

/// Above what f32 loses in products too small for it.
const UNDERFLOW: f64 = 1e-37;

/// Products of larger coordinates, and their sums, might not fit f32.
const LARGEST_COORDINATE: f64 = 1e15;

/// Rows of a sample in the coordinates that distances are measured in.
pub(super) struct Points<'a> {
    rows: ArrayView2<'a, f32>,
    coordinate: &'a (dyn Fn(f32) -> f64 + Sync),
    /// The coordinate of zero: most voxels are empty, and differences do not change with it.
    origin: f64,
    squares: Vec<f64>,
}

/// Ranges of the blocks of `n` points.
pub(super) fn blocks(n: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(BLOCK_ROWS).map(move |first| first..(first + BLOCK_ROWS).min(n))
}

impl<'a> Points<'a> {
    pub(super) fn new(
        name: &str,
        rows: ArrayView2<'a, f32>,
        coordinate: &'a (dyn Fn(f32) -> f64 + Sync),
    ) -> Result<Self> {
        if rows.ncols() == 0 {
            return Err(Error::empty(name, "at least one feature per shower"));
        }
        let origin = coordinate(0.0);
        let origin = if origin.is_finite() { origin } else { 0.0 };
        let mut points = Self { rows, coordinate, origin, squares: Vec::new() };
        let squares = (0..rows.nrows()).into_par_iter().map(|row| points.checked_square(name, row));
        let squares: Vec<Result<f64>> = squares.collect();
        points.squares = squares.into_iter().collect::<Result<_>>()?;
        Ok(points)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.nrows()
    }

    fn at(&self, value: f32) -> f64 {
        (self.coordinate)(value) - self.origin
    }

    fn checked_square(&self, name: &str, row: usize) -> Result<f64> {
        let mut square = 0.0;
        for (column, &value) in self.rows.row(row).iter().enumerate() {
            let x = self.at(value);
            if x.is_nan() || x.abs() > LARGEST_COORDINATE {
                let value = if x.is_finite() { f64::INFINITY } else { x };
                return Err(Error::non_finite(name, value, &[row as u64, column as u64]));
            }
            square += x * x;
        }
        Ok(square)
    }

    /// The coordinates of a block of rows in f32, to be multiplied with many others.
    pub(super) fn panel(&self, rows: Range<usize>) -> Array2<f32> {
        let mut panel = Array2::zeros((rows.len(), self.rows.ncols()));
        Zip::from(&mut panel)
            .and(self.rows.slice(s![rows, ..]))
            .par_for_each(|out, &value| *out = self.at(value) as f32);
        panel
    }

    /// Squared distance in f64; the same whichever point comes first.
    pub(super) fn square_to(&self, row: usize, other: &Self, other_row: usize) -> f64 {
        let pairs = self.rows.row(row).into_iter().zip(other.rows.row(other_row));
        pairs.map(|(&a, &b)| ((self.coordinate)(a) - (other.coordinate)(b)).powi(2)).sum()
    }
}

/// Squared distances between a block of one sample and a block of another.
pub(super) struct Squares<'p, 'a> {
    first: &'p Points<'a>,
    second: &'p Points<'a>,
    rows: Range<usize>,
    columns: Range<usize>,
    products: Array2<f64>,
}

impl<'p, 'a> Squares<'p, 'a> {
    /// `panel` holds the coordinates of `rows` of `first`.
    pub(super) fn new(
        first: &'p Points<'a>,
        rows: Range<usize>,
        panel: &Array2<f32>,
        second: &'p Points<'a>,
        columns: Range<usize>,
    ) -> Self {
        let n_features = panel.ncols();
        let shape = (rows.len(), columns.len());
        let mut products = Array2::<f64>::zeros(shape);
        let mut of_chunk = Array2::<f32>::zeros(shape);
        let mut others = Array2::<f32>::zeros((columns.len(), CHUNK.min(n_features)));
        for (start, chunk) in (0..).step_by(CHUNK).zip(panel.axis_chunks_iter(Axis(1), CHUNK)) {
            let dimensions = start..start + chunk.ncols();
            let mut others = others.slice_mut(s![.., ..chunk.ncols()]);
            others.zip_mut_with(&second.rows.slice(s![columns.clone(), dimensions]), |out, &value| {
                *out = second.at(value) as f32;
            });
            general_mat_mul(1.0, &chunk, &others.t(), 0.0, &mut of_chunk);
            products.zip_mut_with(&of_chunk, |sum, &product| *sum += f64::from(product));
        }
        Self { first, second, rows, columns, products }
    }

    /// Which point of the first sample row `i` of the block is.
    pub(super) fn row(&self, i: usize) -> usize {
        self.rows.start + i
    }

    /// Which point of the second sample column `j` of the block is.
    pub(super) fn column(&self, j: usize) -> usize {
        self.columns.start + j
    }

    /// The square of pair (i, j) of the block, and how far it may be from that of [`Self::exact`].
    pub(super) fn with_error(&self, i: usize, j: usize) -> (f64, f64) {
        let squares = [self.first.squares[self.row(i)], self.second.squares[self.column(j)]];
        let n = self.first.rows.ncols() as f64;
        let norms = (squares[0] * squares[1]).sqrt();
        // Coordinates are rounded once each, products and sums of a chunk once a term; f64 rounds all sums once a term.
        let of_product = (CHUNK as f64 + 4.0) * UNIT_ROUNDOFF * norms
            + n * UNDERFLOW * (1.0 + squares[0].sqrt() + squares[1].sqrt());
        let of_sums = 4.0 * (n + 4.0) * f64::EPSILON * (squares[0] + squares[1]);
        (squares[0] + squares[1] - 2.0 * self.products[[i, j]], 2.0 * of_product + of_sums)
    }

    /// The square in f64.
    pub(super) fn exact(&self, i: usize, j: usize) -> f64 {
        self.first.square_to(self.row(i), self.second, self.column(j))
    }

    /// Whether the square is below a limit, decided in f64 where f32 cannot.
    pub(super) fn is_below(&self, i: usize, j: usize, limit: f64) -> bool {
        let (square, error) = self.with_error(i, j);
        if square + error < limit {
            true
        } else if square - error >= limit {
            false
        } else {
            self.exact(i, j) < limit
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;
    use crate::random::stream;

    /// Coordinates of one sign are the worst case of products.
    #[test]
    fn the_error_bound_holds_and_is_not_far_off() {
        let mut random = stream(3, *b"points--", 0, 0);
        let rows = Array2::from_shape_simple_fn((60, 3000), || random.random::<f32>() + 1.0);
        let points = Points::new("reference", rows.view(), &|x| f64::from(x)).unwrap();
        let squares = Squares::new(&points, 0..30, &points.panel(0..30), &points, 30..60);
        let mut largest = 0.0_f64;
        for i in 0..30 {
            for j in 0..30 {
                let (square, error) = squares.with_error(i, j);
                let off = (square - squares.exact(i, j)).abs();
                assert!(off <= error, "{off} {error}");
                largest = largest.max(off / error);
            }
        }
        assert!(largest > 1e-4, "{largest}");
    }
}
