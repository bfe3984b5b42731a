//! Gaussians fitted to samples, and the distance between two.

use nalgebra::{DMatrix, SVD, SymmetricEigen};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use crate::error::{Error, Result};

/// Rows gathered at a time: a block of a dozen features stays in the first-level cache.
const BLOCK_ROWS: usize = 256;

/// Iterations after which an eigenvalue decomposition counts as failed; usually a few for each eigenvalue suffice.
const MAX_ITERATIONS: usize = 10_000;

/// Mean and a square root of the covariance, `covariance = root * root^T`.
pub(super) struct Gaussian {
    mean: Array1<f64>,
    trace: f64,
    root: DMatrix<f64>,
}

/// A sample moved to mean zero, with a column of ones: one matrix product then gives count, sums and products, and
/// these lose no digits to a large mean.
pub(super) struct CentredSample {
    rows: Array2<f64>,
    mean: Array1<f64>,
}

impl CentredSample {
    /// `sample` must not be empty.
    pub(super) fn new(sample: ArrayView2<'_, f64>) -> Self {
        let (n, n_features) = sample.dim();
        let mean = sample.sum_axis(Axis(0)) / n as f64;
        let mut rows = Array2::ones((n, n_features + 1));
        rows.slice_mut(s![.., ..n_features]).assign(&(&sample - &mean));
        Self { rows, mean }
    }

    /// The Gaussian of the whole sample.
    pub(super) fn gaussian(&self) -> Result<Gaussian> {
        let mut products = Array2::zeros((self.rows.ncols(), self.rows.ncols()));
        general_mat_mul(1.0, &self.rows.t(), &self.rows, 0.0, &mut products);
        self.gaussian_from(&products)
    }

    /// The Gaussian of the showers at `indices`.
    pub(super) fn gaussian_of(&self, indices: &[usize]) -> Result<Gaussian> {
        if let Some(&index) = indices.iter().find(|&&index| index >= self.rows.nrows()) {
            let expected = format!("below the {} showers of the sample", self.rows.nrows());
            return Err(Error::parameter("shower index", index, expected));
        }
        let n_columns = self.rows.ncols();
        let mut products = Array2::zeros((n_columns, n_columns));
        let mut buffer = Array2::zeros((BLOCK_ROWS, n_columns));
        for chunk in indices.chunks(BLOCK_ROWS) {
            let mut block = buffer.slice_mut(s![..chunk.len(), ..]);
            for (mut row, &index) in block.rows_mut().into_iter().zip(chunk) {
                row.assign(&self.rows.row(index));
            }
            general_mat_mul(1.0, &block.t(), &block, 1.0, &mut products);
        }
        self.gaussian_from(&products)
    }

    fn gaussian_from(&self, products: &Array2<f64>) -> Result<Gaussian> {
        let n_features = self.mean.len();
        let n = products[[n_features, n_features]];
        if n < 2.0 {
            let what = "batch for a covariance".to_owned();
            return Err(Error::TooFew { what, found: n as usize, expected: 2 });
        }
        let sums = products.slice(s![..n_features, n_features]);
        let covariance = DMatrix::from_fn(n_features, n_features, |i, j| {
            (products[[i, j]] - sums[i] * sums[j] / n) / (n - 1.0)
        });
        let mean = &self.mean + &(&sums / n);
        if let Some(&value) = mean.iter().chain(&covariance).find(|value| !value.is_finite()) {
            // Finite features whose squares overflow.
            return Err(Error::non_finite("moments of the features", value, &[]));
        }
        Ok(Gaussian { mean, trace: covariance.trace(), root: square_root(covariance)? })
    }
}

/// V sqrt(D) of a symmetric V D V^T; eigenvalues below zero are rounding errors of zero.
fn square_root(covariance: DMatrix<f64>) -> Result<DMatrix<f64>> {
    let SymmetricEigen { mut eigenvectors, eigenvalues } =
        SymmetricEigen::try_new(covariance, f64::EPSILON, MAX_ITERATIONS)
            .ok_or_else(|| Error::non_finite("eigenvalues of the covariance", f64::NAN, &[]))?;
    for (mut column, eigenvalue) in eigenvectors.column_iter_mut().zip(&eigenvalues) {
        column *= eigenvalue.max(0.0).sqrt();
    }
    Ok(eigenvectors)
}

/// Squared Frechet distance, never below zero.
///
/// tr sqrt(S1 S2) is the sum of the singular values of R1^T R2 with Si = Ri Ri^T. Unlike a matrix square root of S1 S2
/// this needs no inverse, keeps all digits of small eigenvalues, and works with singular covariances.
pub(super) fn distance(first: &Gaussian, second: &Gaussian) -> Result<f64> {
    let overlap = first.root.tr_mul(&second.root);
    let singular_values = SVD::try_new_unordered(overlap, false, false, 5.0 * f64::EPSILON, MAX_ITERATIONS)
        .ok_or_else(|| Error::non_finite("singular values of the covariances", f64::NAN, &[]))?
        .singular_values;
    let shift = &first.mean - &second.mean;
    let squared = shift.dot(&shift) + first.trace + second.trace - 2.0 * singular_values.sum();
    Ok(squared.max(0.0))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn known_distance_of_two_diagonal_gaussians() {
        // Variances (1, 4) and (9, 4), means (0, 0) and (3, 0): 9 + (1 - 3)^2.
        let scaled = |a: f64, b: f64, mean: f64| {
            array![[a, b], [-a, b], [a, -b], [-a, -b]] * (3.0_f64 / 4.0).sqrt() + array![mean, 0.0]
        };
        let [first, second] = [scaled(1.0, 2.0, 0.0), scaled(3.0, 2.0, 3.0)]
            .map(|sample| CentredSample::new(sample.view()).gaussian().unwrap());
        assert!((distance(&first, &second).unwrap() - 13.0).abs() < 1e-12);
    }

    #[test]
    fn a_large_mean_costs_no_digits() {
        let near = array![[0.0, 1.0], [1.0, -1.0], [2.0, 0.5], [0.5, 0.0]];
        let far = &near + 1e9;
        let first = CentredSample::new(far.view());
        let zero = distance(&first.gaussian().unwrap(), &first.gaussian_of(&[3, 2, 1, 0]).unwrap()).unwrap();
        assert!(zero < 1e-12, "{zero}");
    }

    #[test]
    fn singular_covariances_are_no_trouble() {
        let first = array![[0.0, 0.0, 5.0], [1.0, 2.0, 5.0], [2.0, 4.0, 5.0]];
        let second = array![[0.0, 0.0, 5.0], [2.0, 4.0, 5.0], [4.0, 8.0, 5.0]];
        // Along (1, 2): standard deviations sqrt(5) and 2 sqrt(5), means 1 and 2 times (1, 2).
        let [a, b] = [first, second].map(|x| CentredSample::new(x.view()).gaussian().unwrap());
        assert!((distance(&a, &b).unwrap() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn overflow_is_an_error() {
        let sample = array![[1e200], [-1e200]];
        let message = CentredSample::new(sample.view()).gaussian().err().unwrap().to_string();
        assert!(message.starts_with("moments of the features: inf"), "{message}");
    }
}
