//! The density of one column alone.

use ndarray::{Array1, ArrayView1};
use rayon::prelude::*;

use super::density::Kde;
use crate::error::{Error, Result};

impl Kde {
    /// Density of `column` alone at the values `at`: the kernels' own marginals, without approximation.
    ///
    /// # Shapes
    /// `at` `[m]` to `[m]`.
    ///
    /// # Errors
    /// A column that is not there, or values that are not finite.
    pub fn marginal(&self, column: usize, at: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        let Some(k) = self.whitening.order.iter().position(|&ordered| ordered == column) else {
            return Err(Error::parameter("column", column, format!("a column below {}", self.n_columns())));
        };
        if let Some((i, &value)) = at.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(Error::non_finite("values of a marginal density", value, &[i]));
        }
        let factors = self.whitening.factor.row(k);
        let width = |j: usize| {
            if j == 0 && self.condition.is_some() { self.widths.condition } else { self.widths.rest }
        };
        let variance: f64 = factors.iter().enumerate().map(|(j, factor)| (factor * width(j)).powi(2)).sum();
        let sigma = variance.sqrt();
        let centres: Vec<f64> =
            self.centres.rows().into_iter().map(|u| self.whitening.mean[k] + factors.dot(&u)).collect();
        let normalisation = 1.0 / (self.n_centres() as f64 * sigma * std::f64::consts::TAU.sqrt());
        let density = |&x: &f64| {
            let kernels = centres.iter().map(|centre| (-0.5 * ((x - centre) / sigma).powi(2)).exp());
            kernels.sum::<f64>() * normalisation
        };
        Ok(at.to_vec().par_iter().map(density).collect::<Vec<f64>>().into())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use rand::Rng;
    use rand_distr::StandardNormal;

    use crate::{Bandwidth, Kde, KdeSettings, KernelCovariance};
    use calo_core::random::{Purpose, stream};

    /// The density of two columns, summed over the other one on a fine grid.
    #[test]
    fn the_marginal_is_the_density_integrated_over_the_other_columns() {
        let mut rng = stream(1, Purpose::new("testtest"), 0);
        let mut points = Array2::from_shape_simple_fn((30, 2), || rng.sample::<f64, _>(StandardNormal));
        for mut row in points.rows_mut() {
            row[1] = 50.0 + 20.0 * (0.8 * row[0] + 0.6 * row[1]);
        }
        for covariance in
            [KernelCovariance::None, KernelCovariance::Standardised, KernelCovariance::FullCovariance]
        {
            let bandwidth = Bandwidth::Fixed { bandwidth: 0.7, condition: Some(0.4) };
            let settings = KdeSettings { covariance, bandwidth, condition: Some(1), ..Default::default() };
            let kde = Kde::fit(points.view(), &settings).unwrap();
            let (at, step) = (array![-1.0, 0.0, 0.7], 0.05);
            let marginal = kde.marginal(0, at.view()).unwrap();
            for (z, found) in at.iter().zip(&marginal) {
                let line =
                    Array2::from_shape_fn(
                        (5000, 2),
                        |(i, j)| {
                            if j == 0 { *z } else { -75.0 + step * i as f64 }
                        },
                    );
                let integral = kde.log_density(line.view()).unwrap().mapv(f64::exp).sum() * step;
                assert!((found / integral - 1.0).abs() < 1e-6, "{covariance:?} {z}: {found} {integral}");
            }
        }
        let kde = Kde::fit(points.view(), &KdeSettings { bandwidth: Bandwidth::Scott, ..Default::default() });
        let message = kde.unwrap().marginal(2, array![0.0].view()).unwrap_err().to_string();
        assert_eq!(message, "parameter `column`: 2; expected a column below 2");
    }
}
