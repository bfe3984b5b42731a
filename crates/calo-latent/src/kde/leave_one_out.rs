//! Log kernel sums of held-out points, fast enough for a search: every point against those of the other parts.
//!
//! Squared distances are taken once, in 32 bits, and kept where they fit into memory; points of the same part count as
//! infinitely far away. What 32 bits lose is 1e-7 of the squared length of a point, which in whitened coordinates is
//! about the number of columns: 1e-3 of an exponent at a width of 0.05, less at wider ones. Below [`NARROWEST`] use
//! [`crate::log_sum`] instead.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::log_sum::{LogSum, Widths};

/// Width of the unconditioned columns from which 32 bits suffice.
pub(super) const NARROWEST: f64 = 0.045;

/// Bytes of squared distances that are kept.
const KEPT_BYTES: usize = 256 << 20;

/// Points that share the squared distances of a tile; the unit of work.
const BLOCK: usize = 64;

/// Points per tile.
const TILE: usize = 512;

/// Lanes in which maxima and sums run, whatever vector width the CPU has.
const LANES: usize = 16;

/// Terms below e^-30 of the largest cannot be seen in a sum of 32-bit numbers.
const NEGLIGIBLE: f64 = 30.0;

/// Points in parts, each of which is held out once.
pub(super) struct LeaveOneOut {
    n_folds: usize,
    /// Without the condition, `[n, d]`.
    rest: Array2<f32>,
    /// Squares of their lengths.
    norms: Vec<f32>,
    /// The condition, if there is one, filled up to whole lanes.
    conditions: Vec<f32>,
    /// Squared distances `[n, n]`, the rows filled up to whole lanes.
    squares: Option<Array2<f32>>,
}

impl LeaveOneOut {
    /// # Shapes
    /// `points` `[n, d]` in whitened coordinates, the condition first if `n_condition` is 1.
    pub(super) fn new(points: ArrayView2<'_, f64>, n_condition: usize, n_folds: usize) -> Self {
        let rest = points.slice(s![.., n_condition..]).mapv(|x| x as f32);
        let norms = rest.rows().into_iter().map(|row| row.dot(&row)).collect();
        let width = points.nrows().next_multiple_of(LANES);
        let mut conditions = Vec::new();
        if n_condition != 0 {
            conditions = points.column(0).iter().map(|&x| x as f32).collect();
            conditions.resize(width, 0.0);
        }
        let mut this = Self { n_folds, rest, norms, conditions, squares: None };
        if points.nrows() * width * size_of::<f32>() <= KEPT_BYTES {
            let mut squares = Array2::zeros((points.nrows(), width));
            let blocks = squares.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter().enumerate();
            blocks.for_each(|(block, squares)| this.fill(block * BLOCK, 0, squares));
            this.squares = Some(squares);
        }
        this
    }

    /// Number of points that are not in the part of point `i`.
    pub(super) fn n_others(&self, i: usize) -> usize {
        let [start, end] = self.part(i);
        self.norms.len() - (end - start)
    }

    /// First and last point of the part of point `i`.
    fn part(&self, i: usize) -> [usize; 2] {
        let n = self.norms.len();
        // The last part that starts at or before i.
        let fold = ((i + 1) * self.n_folds - 1) / n;
        [fold, fold + 1].map(|fold| fold * n / self.n_folds)
    }

    /// Squared distances of the points from `row` on to those from `column` on.
    fn fill(&self, row: usize, column: usize, mut squares: ArrayViewMut2<'_, f32>) {
        let (n_rows, width) = squares.dim();
        let n_columns = width.min(self.norms.len() - column);
        let left = self.rest.slice(s![row..row + n_rows, ..]);
        let right = self.rest.slice(s![column..column + n_columns, ..]);
        general_mat_mul(-2.0, &left, &right.t(), 0.0, &mut squares.slice_mut(s![.., ..n_columns]));
        for (i, mut squares) in squares.rows_mut().into_iter().enumerate() {
            let norm = self.norms[row + i];
            for (square, norm_of_other) in squares.iter_mut().zip(&self.norms[column..column + n_columns]) {
                *square = (*square + norm + norm_of_other).max(0.0);
            }
            let [start, end] = self.part(row + i).map(|end| end.saturating_sub(column).min(width));
            squares.slice_mut(s![start..end]).fill(f32::INFINITY);
            squares.slice_mut(s![n_columns..]).fill(f32::INFINITY);
        }
    }

    /// Log of the sum of unnormalised kernels of the other parts at every point.
    ///
    /// # Shapes
    /// Result `[n, width]`.
    pub(super) fn log_kernel_sums(&self, widths: &[Widths]) -> Array2<f64> {
        let n = self.norms.len();
        let factors: Vec<[f32; 2]> =
            widths.iter().map(|w| [w.rest, w.condition].map(|h| (-0.5 / (h * h)) as f32)).collect();
        let mut result = Array2::zeros((n, widths.len()));
        let blocks = result.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter().enumerate();
        blocks.for_each(|(block, mut result)| {
            let (first, n_rows) = (block * BLOCK, result.nrows());
            let mut sums = vec![LogSum::default(); n_rows * widths.len()];
            let mut scratch = Array2::zeros((n_rows, if self.squares.is_some() { 0 } else { TILE }));
            for column in (0..n).step_by(TILE) {
                let width = TILE.min((n - column).next_multiple_of(LANES));
                let squares = match &self.squares {
                    Some(squares) => squares.slice(s![first..first + n_rows, column..column + width]),
                    None => {
                        self.fill(first, column, scratch.slice_mut(s![.., ..width]));
                        scratch.slice(s![.., ..width])
                    }
                };
                for (i, squares) in squares.rows().into_iter().enumerate() {
                    let has_condition = !self.conditions.is_empty();
                    Arch::new().dispatch(Tile {
                        squares: squares.to_slice().unwrap_or_default(),
                        condition: if has_condition { self.conditions[first + i] } else { 0.0 },
                        conditions: if has_condition {
                            &self.conditions[column..column + width]
                        } else {
                            &[]
                        },
                        factors: &factors,
                        sums: &mut sums[i * widths.len()..][..widths.len()],
                    });
                }
            }
            for (value, sum) in result.iter_mut().zip(&sums) {
                *value = sum.value();
            }
        });
        result
    }
}

/// What the points of a tile add to the sums of one point.
struct Tile<'a> {
    squares: &'a [f32],
    condition: f32,
    /// Empty where there is none.
    conditions: &'a [f32],
    factors: &'a [[f32; 2]],
    sums: &'a mut [LogSum],
}

impl WithSimd for Tile<'_> {
    type Output = ();

    // Inlined, all of it: what is called from here instead would not be compiled for these vectors.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut conditions = [0.0; TILE];
        for (square, other) in conditions.iter_mut().zip(self.conditions) {
            *square = (self.condition - other) * (self.condition - other);
        }
        let mut exponents = [0.0; TILE];
        let exponents = &mut exponents[..self.squares.len().min(TILE)];
        for (sum, &[rest, condition]) in self.sums.iter_mut().zip(self.factors) {
            let mut lanes = [f32::NEG_INFINITY; LANES];
            let squares = self.squares.as_chunks::<LANES>().0.iter().zip(conditions.as_chunks::<LANES>().0);
            for (exponents, (squares, conditions)) in
                exponents.as_chunks_mut::<LANES>().0.iter_mut().zip(squares)
            {
                for k in 0..LANES {
                    let exponent = rest * squares[k] + condition * conditions[k];
                    exponents[k] = exponent;
                    lanes[k] = if exponent > lanes[k] { exponent } else { lanes[k] };
                }
            }
            let largest = lanes.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
            if !sum.raise(f64::from(largest), NEGLIGIBLE) {
                continue;
            }
            // Exact: it once was a number of 32 bits.
            let largest = sum.largest() as f32;
            let mut lanes = [0.0; LANES];
            for exponents in exponents.as_chunks::<LANES>().0 {
                for k in 0..LANES {
                    lanes[k] += exp_of_negative(exponents[k] - largest);
                }
            }
            sum.add(f64::from(lanes.iter().sum::<f32>()));
        }
    }
}

/// e^x for x <= 0 to 2e-7; e^-87 below -87.
#[inline(always)]
fn exp_of_negative(x: f32) -> f32 {
    /// Adding it rounds to an integer, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    /// 1/k! for k = 6, 5, ..., 0.
    const TAYLOR: [f32; 7] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let x = if x > -87.0 { x } else { -87.0 };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut value = TAYLOR[0];
    for coefficient in &TAYLOR[1..] {
        value = value * r + coefficient;
    }
    // 2^n: n in the lowest bits of `rounded` moves to the exponent.
    value * f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23))
}

#[cfg(test)]
mod tests {
    use rand::Rng;
    use rand_distr::StandardNormal;

    use super::*;
    use crate::log_sum::log_kernel_sums;
    use calo_core::random::{Purpose, stream};

    #[test]
    fn the_exponential_is_that_of_the_standard_library() {
        for i in 0..87_000 {
            let x = -i as f32 * 0.001;
            let (value, expected) = (exp_of_negative(x), f64::from(x).exp());
            assert!((f64::from(value) / expected - 1.0).abs() < 3e-7, "{x}: {value} {expected}");
        }
        assert!(exp_of_negative(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn sums_are_those_of_64_bits_over_the_other_parts_kept_or_not() {
        let widths = [Widths { rest: 0.8, condition: 0.4 }, Widths { rest: NARROWEST, condition: 1e-3 }];
        for (n, d, n_condition, n_folds) in [(11, 3, 1, 5), (700, 9, 1, 3), (530, 4, 0, 7)] {
            let mut rng = stream(1, Purpose::new("testtest"), n as u64);
            let points = Array2::from_shape_simple_fn((n, d), || rng.sample::<f64, _>(StandardNormal));
            let mut left_out = LeaveOneOut::new(points.view(), n_condition, n_folds);
            let kept = left_out.log_kernel_sums(&widths);
            left_out.squares = None;
            assert_eq!(left_out.log_kernel_sums(&widths), kept);
            for fold in 0..n_folds {
                let [start, end] = [fold, fold + 1].map(|fold| fold * n / n_folds);
                let others = [points.slice(s![..start, ..]), points.slice(s![end.., ..])];
                let expected =
                    log_kernel_sums(points.slice(s![start..end, ..]), &others, n_condition, &widths);
                for ((i, k), expected) in expected.indexed_iter() {
                    let found = kept[[start + i, k]];
                    assert_eq!(left_out.n_others(start + i), n - (end - start));
                    // Of the exponent: 1e-6 of the squared length and distance, in widths.
                    let scale = 0.5 * (points.row(start + i).dot(&points.row(start + i)) + d as f64);
                    let tolerance = 1e-5 + 2e-6 * (scale / widths[k].rest.powi(2) + expected.abs());
                    assert!((found - expected).abs() < tolerance, "{n} {i} {k}: {found} {expected}");
                }
            }
        }
    }
}
