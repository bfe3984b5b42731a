//! Coordinates in which kernels are round: x = mean + L u with a lower triangular L, the conditioned column first.
//!
//! A kernel that is a product of Gaussians in u is, in x, a Gaussian with covariance L diag(h^2) L^T. With the
//! condition first, u_0 is that column standardised, and the other u are what that column does not explain: fixing u_0
//! and going back to x *is* the conditional mean shift, and the other u keep the conditional covariance.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Share of a column's variance that the columns before it must leave unexplained.
const MIN_INDEPENDENCE: f64 = 1e-12;

/// Rows that one task transforms; fixed, so that sums do not depend on the number of threads.
const BLOCK: usize = 8192;

/// The kernel covariance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelCovariance {
    /// The bandwidth is the kernel's width in every column, as in scikit-learn's `KernelDensity`.
    None,
    /// The bandwidth counts in standard deviations of each column.
    #[default]
    Standardised,
    /// The bandwidth counts in standard deviations of what the regression on the condition leaves of each column, and the
    /// kernel follows that regression. Without a condition as `Standardised`.
    Regressed,
    /// The kernel has the covariance of the points times the bandwidth squared, as in SciPy's `gaussian_kde`.
    FullCovariance,
}

/// The transformation between points x and the coordinates u of the kernels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Whitening {
    /// Column of x that is entry k of u: the conditioned one first, then the others in their order.
    pub(crate) order: Vec<usize>,
    /// Mean of every column, in the order of u.
    pub(crate) mean: Array1<f64>,
    /// L, in the order of u.
    pub(crate) factor: Array2<f64>,
}

/// The order of columns with `condition` first.
pub(crate) fn column_order(n_columns: usize, condition: Option<usize>) -> Vec<usize> {
    condition.into_iter().chain((0..n_columns).filter(|&column| Some(column) != condition)).collect()
}

impl Whitening {
    /// Mean and factor of finite `points`, of which there must be two at least; `names` are for errors.
    pub(crate) fn fit(
        points: ArrayView2<'_, f64>,
        kernel: KernelCovariance,
        condition: Option<usize>,
        names: &[String],
    ) -> Result<Self> {
        let order = column_order(points.ncols(), condition);
        let points = points.select(Axis(1), &order);
        let n_dims = order.len();
        let mean = blockwise_sum(points.view(), n_dims, |row, sum| {
            for (sum, x) in sum.iter_mut().zip(row) {
                *sum += x;
            }
        })
        .mapv(|sum| sum / points.nrows() as f64);
        let covariance = blockwise_sum(points.view(), n_dims * n_dims, |row, sum| {
            for i in 0..n_dims {
                for j in 0..=i {
                    sum[i * n_dims + j] += (row[i] - mean[i]) * (row[j] - mean[j]);
                }
            }
        })
        .mapv(|sum| sum / (points.nrows() as f64 - 1.0))
        .into_shape_with_order((n_dims, n_dims))
        .map_err(|_| Error::mismatch("covariance", n_dims * n_dims, "a square"))?;
        for (k, &column) in order.iter().enumerate() {
            let first = points[[0, k]];
            if points.column(k).iter().all(|&x| x.total_cmp(&first).is_eq()) || covariance[[k, k]] <= 0.0 {
                return Err(Error::Constant { what: names[column].clone(), value: first });
            }
            if !covariance[[k, k]].is_finite() {
                let what = format!("variance of {}", names[column]);
                return Err(Error::non_finite(what, covariance[[k, k]], &[column]));
            }
        }
        let factor = match kernel {
            KernelCovariance::None => Array2::eye(n_dims),
            KernelCovariance::Regressed if condition.is_some() => regressed(covariance.view())
                .map_err(|k| Error::Singular { column: names[order[k]].clone() })?,
            KernelCovariance::Standardised | KernelCovariance::Regressed => {
                Array2::from_diag(&covariance.diag().mapv(f64::sqrt))
            }
            KernelCovariance::FullCovariance => cholesky(covariance.view())
                .map_err(|k| Error::Singular { column: names[order[k]].clone() })?,
        };
        Ok(Self { order, mean, factor })
    }

    /// u of every x.
    ///
    /// # Shapes
    /// `points` `[n, d]` to `[n, d]`.
    pub(crate) fn forward(&self, points: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut u = points.select(Axis(1), &self.order);
        u.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter().for_each(|mut block| {
            for mut row in block.rows_mut() {
                for k in 0..row.len() {
                    let mut value = row[k] - self.mean[k];
                    for j in 0..k {
                        value -= self.factor[[k, j]] * row[j];
                    }
                    row[k] = value / self.factor[[k, k]];
                }
            }
        });
        u
    }

    /// u_0 of the conditioned column's value.
    pub(crate) fn condition_forward(&self, value: f64) -> f64 {
        (value - self.mean[0]) / self.factor[[0, 0]]
    }

    /// The conditioned column's value at u_0.
    pub(crate) fn condition_backward(&self, u: f64) -> f64 {
        self.mean[0] + self.factor[[0, 0]] * u
    }

    /// x of one u.
    pub(crate) fn backward(&self, u: ArrayView1<'_, f64>, mut x: ArrayViewMut1<'_, f64>) {
        for (k, &column) in self.order.iter().enumerate() {
            x[column] = self.component(k, u);
        }
    }

    /// x of one u without its conditioned column.
    pub(crate) fn backward_rest(&self, u: ArrayView1<'_, f64>, mut x: ArrayViewMut1<'_, f64>) {
        for k in 1..self.order.len() {
            x[k - 1] = self.component(k, u);
        }
    }

    fn component(&self, k: usize, u: ArrayView1<'_, f64>) -> f64 {
        let mut value = self.mean[k];
        for j in 0..=k {
            value += self.factor[[k, j]] * u[j];
        }
        value
    }

    /// Stretches the axis of each u by `factors`: a u that was 1 is then 1 / factor.
    pub(crate) fn stretch(&mut self, factors: ArrayView1<'_, f64>) {
        self.factor *= &factors;
    }

    /// log |det L|: what a density in u is divided by to be one in x.
    pub(crate) fn log_determinant(&self) -> f64 {
        self.factor.diag().iter().map(|value| value.ln()).sum()
    }
}

/// Sums of `n_sums` quantities over rows, in blocks of fixed size added in their order.
fn blockwise_sum(
    points: ArrayView2<'_, f64>,
    n_sums: usize,
    add: impl Fn(ArrayView1<'_, f64>, &mut [f64]) + Sync,
) -> Array1<f64> {
    let blocks: Vec<Vec<f64>> = points
        .axis_chunks_iter(Axis(0), BLOCK)
        .into_par_iter()
        .map(|block| {
            let mut sum = vec![0.0; n_sums];
            for row in block.rows() {
                add(row, &mut sum);
            }
            sum
        })
        .collect();
    blocks.into_iter().fold(Array1::zeros(n_sums), |sum, block| sum + Array1::from(block))
}

/// L of columns that depend on the first and not on one another; the failing row if the first determines it.
fn regressed(covariance: ArrayView2<'_, f64>) -> std::result::Result<Array2<f64>, usize> {
    let mut factor = Array2::from_diag(&covariance.diag().mapv(f64::sqrt));
    for k in 1..factor.nrows() {
        let (slope, variance) = (covariance[[k, 0]] / factor[[0, 0]], covariance[[k, k]]);
        let left = variance - slope * slope;
        if left <= MIN_INDEPENDENCE * variance {
            return Err(k);
        }
        factor[[k, 0]] = slope;
        factor[[k, k]] = left.sqrt();
    }
    Ok(factor)
}

/// Lower triangular L of L L^T = `matrix`, of which the lower half is read; the failing row if there is none.
fn cholesky(matrix: ArrayView2<'_, f64>) -> std::result::Result<Array2<f64>, usize> {
    let n = matrix.nrows();
    let mut factor = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let mut value = matrix[[i, j]];
            for k in 0..j {
                value -= factor[[i, k]] * factor[[j, k]];
            }
            if i != j {
                factor[[i, j]] = value / factor[[j, j]];
            } else if value > MIN_INDEPENDENCE * matrix[[i, i]] {
                factor[[i, i]] = value.sqrt();
            } else {
                return Err(i);
            }
        }
    }
    Ok(factor)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("z {i}")).collect()
    }

    fn points() -> Array2<f64> {
        array![[1.0, 2.0, -1.0], [2.0, 1.0, 0.5], [4.0, 8.0, 0.0], [-3.0, 1.0, 3.0], [0.0, -1.0, 1.0]]
    }

    #[test]
    fn whitened_points_have_the_unit_covariance_and_come_back() {
        for condition in [None, Some(1), Some(2)] {
            let points = points();
            let whitening =
                Whitening::fit(points.view(), KernelCovariance::FullCovariance, condition, &names(3))
                    .unwrap();
            let u = whitening.forward(points.view());
            let covariance = u.t().dot(&u) / 4.0;
            assert!((covariance - Array2::<f64>::eye(3)).iter().all(|x| x.abs() < 1e-12));
            for (u, x) in u.rows().into_iter().zip(points.rows()) {
                let mut back = Array1::zeros(3);
                whitening.backward(u, back.view_mut());
                assert!((back - x).iter().all(|x| x.abs() < 1e-12));
            }
        }
    }

    #[test]
    fn what_the_condition_explains_is_taken_out_and_comes_back() {
        let points = points();
        let whitening =
            Whitening::fit(points.view(), KernelCovariance::Regressed, Some(1), &names(3)).unwrap();
        let u = whitening.forward(points.view());
        let covariance = u.t().dot(&u) / 4.0;
        for k in 0..3 {
            assert!((covariance[[k, k]] - 1.0).abs() < 1e-12);
            assert!(k == 0 || covariance[[k, 0]].abs() < 1e-12);
        }
        // The rests of the two others are still correlated.
        assert!(covariance[[2, 1]].abs() > 0.1);
        let mut back = Array1::zeros(3);
        whitening.backward(u.row(3), back.view_mut());
        assert!((back - points.row(3)).iter().all(|x| x.abs() < 1e-12));
        let twice = ndarray::stack![Axis(1), points.column(0), &points.column(0) * 2.0];
        let error =
            Whitening::fit(twice.view(), KernelCovariance::Regressed, Some(0), &names(2)).unwrap_err();
        assert!(matches!(&error, Error::Singular { column } if column == "z 1"), "{error}");
    }

    #[test]
    fn constant_and_dependent_columns_are_named() {
        let mut constant = points();
        constant.column_mut(1).fill(3.0);
        let error =
            Whitening::fit(constant.view(), KernelCovariance::Standardised, None, &names(3)).unwrap_err();
        assert_eq!(error.to_string(), "z 1: all values equal 3; expected values that vary");
        let mut dependent = points();
        let sum = &dependent.column(0) + &dependent.column(1);
        dependent.column_mut(2).assign(&sum);
        let error =
            Whitening::fit(dependent.view(), KernelCovariance::FullCovariance, None, &names(3)).unwrap_err();
        assert!(matches!(&error, Error::Singular { column } if column == "z 2"), "{error}");
    }
}
