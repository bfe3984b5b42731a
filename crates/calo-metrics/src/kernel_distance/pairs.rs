//! The kernel summed over pairs, for samples of so many features that their moments would fill the memory.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Rows of a block of pairs.
const BLOCK_ROWS: usize = 512;

/// Unbiased squared maximum mean discrepancy.
pub(super) fn discrepancy(first: ArrayView2<'_, f64>, second: ArrayView2<'_, f64>) -> f64 {
    let (n, m) = (first.nrows() as f64, second.nrows() as f64);
    let within = |sample: ArrayView2<'_, f64>, n: f64| {
        let diagonal: f64 = sample.rows().into_iter().map(|row| kernel(row.dot(&row), row.len())).sum();
        (sum(sample, sample) - diagonal) / (n * (n - 1.0))
    };
    within(first, n) + within(second, m) - 2.0 * sum(first, second) / (n * m)
}

/// The kernel of a scalar product of `n_features` features.
fn kernel(product: f64, n_features: usize) -> f64 {
    (product / n_features as f64 + 1.0).powi(4)
}

/// The kernel over all pairs, block by block; the same for any number of threads.
fn sum(first: ArrayView2<'_, f64>, second: ArrayView2<'_, f64>) -> f64 {
    let blocks: Vec<ArrayView2<'_, f64>> = first.axis_chunks_iter(Axis(0), BLOCK_ROWS).collect();
    let of_block = |rows: &ArrayView2<'_, f64>| -> f64 {
        let columns = second.axis_chunks_iter(Axis(0), BLOCK_ROWS);
        columns
            .map(|columns| {
                let mut products = Array2::zeros((rows.nrows(), columns.nrows()));
                general_mat_mul(1.0, rows, &columns.t(), 0.0, &mut products);
                products.iter().map(|&product| kernel(product, first.ncols())).sum::<f64>()
            })
            .sum()
    };
    let sums: Vec<f64> = blocks.par_iter().map(of_block).collect();
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel_distance::{Moments, discrepancy as of_moments};

    #[test]
    fn pairs_and_moments_agree() {
        let sample = |n: usize, shift: f64| {
            Array2::from_shape_fn((n, 3), |(i, j)| ((i * 17 + j * 29) % 23) as f64 / 10.0 - 1.0 + shift)
        };
        let (x, y) = (sample(700, 0.0), sample(520, 0.3));
        let moments = [&x, &y].map(|sample| Moments::of(sample.view(), 0..sample.nrows()));
        let expected = of_moments(&moments[0], &moments[1]);
        assert!((discrepancy(x.view(), y.view()) / expected - 1.0).abs() < 1e-10);
    }
}
