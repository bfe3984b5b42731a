//! Per-dimension bandwidths that maximise the likelihood of held-out points.
//!
//! One bandwidth for all of 25 columns is a poor compromise: a column that is independent of the others needs kernels
//! as wide as itself, while correlated columns need narrow ones. Kernels that wide would widen the density, so centres
//! move towards the mean as they widen: given centre i, column k of a point is N(r_k u_ik, 1 - r_k^2), the conditional
//! of two normal variables of variance 1 and correlation r_k. The density then has the variance of its points for any
//! r_k, and for r_k = 0 the column is normal and independent. The condition is not moved: its kernel is N(u_i0, h^2).
//!
//! The likelihood of each point under the kernels of all others rises with every step of expectation (which centre a point
//! may come from) and maximisation (the r_k and h that are likeliest then), which needs no step size.
//!
//! # Reference
//! B. W. Silverman, Density Estimation (1986), section 6.4.1 (kernels that keep the variance); J. M. Leiva-Murillo and
//! A. Artes-Rodriguez, Pattern Recognition Letters 33 (2012) 1717 (expectation maximisation of the likelihood of
//! held-out points).

use calo_core::random::{Purpose, stream};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};
use pulp::Arch;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::cross_validation::check_limits;
use crate::check::check_positive;
use crate::error::{Error, Result};
use crate::log_sum::exp_of_negative;
use crate::random::choose;

/// Fewest points from which bandwidths can be estimated.
const FEWEST: usize = 10;

/// Points that share a product of matrices; the unit of work, and of the order of sums.
const BLOCK: usize = 64;

/// Correlation, and bandwidth of the condition, at the start.
const START: f64 = 0.5;

/// How the bandwidths are searched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerDimension {
    /// Points used at most, drawn by the seed. Time grows with its square.
    pub n_points: usize,
    /// Steps at most.
    pub n_steps: usize,
    /// Gain of log likelihood, in nats per point, below which a step is the last.
    pub tolerance: f64,
    /// Bandwidth of the condition, if it is not searched too.
    pub condition: Option<f64>,
    /// Draws the points.
    pub seed: u64,
}

impl Default for PerDimension {
    fn default() -> Self {
        Self { n_points: 5000, n_steps: 100, tolerance: 1e-3, condition: None, seed: 0 }
    }
}

impl PerDimension {
    fn validate(&self) -> Result<()> {
        check_positive("tolerance", self.tolerance)?;
        if let Some(condition) = self.condition {
            check_positive("bandwidth of the condition", condition)?;
        }
        if self.n_points < FEWEST {
            return Err(Error::parameter("n_points", self.n_points, format!("at least {FEWEST}")));
        }
        if self.n_steps == 0 {
            return Err(Error::parameter("n_steps", 0, "at least 1"));
        }
        Ok(())
    }
}

/// Record of a search: the curve of the likelihood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ascent {
    /// Points used.
    pub n_points: usize,
    /// The settings.
    pub settings: PerDimension,
    /// Mean log density of held-out points, in nats, before each step.
    pub log_likelihoods: Vec<f64>,
    /// Standard error of the last.
    pub error: f64,
}

/// Kernels of every column, in the order of u.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kernels {
    /// What centres are multiplied with: r_k, and 1 for the condition.
    pub(super) shrinkage: Array1<f64>,
    /// Standard deviations.
    pub(super) widths: Array1<f64>,
}

impl Kernels {
    fn new(correlations: impl IntoIterator<Item = f64>, condition: Option<f64>) -> Self {
        let shrinkage: Array1<f64> = condition.map(|_| 1.0).into_iter().chain(correlations).collect();
        let mut widths = shrinkage.mapv(|r| (1.0 - r * r).max(0.0).sqrt());
        if let Some(condition) = condition {
            widths[0] = condition;
        }
        Self { shrinkage, widths }
    }

    /// Widths times `factor`, centres moved so that the variance stays; the condition's kernel alone stays where it is, and as
    /// wide where it was `given`.
    pub(super) fn narrowed(&self, factor: f64, n_condition: usize, given: bool) -> Self {
        let narrow = self.widths.mapv(|width| width * factor);
        let correlations = narrow.iter().skip(n_condition).map(|width| (1.0 - width * width).max(0.0).sqrt());
        let condition = (n_condition != 0).then(|| if given { self.widths[0] } else { narrow[0] });
        // A factor of 1 must not cost a bit.
        if factor.total_cmp(&1.0).is_eq() { self.clone() } else { Self::new(correlations, condition) }
    }
}

/// The likeliest kernels for whitened `centres` of variance 1.
pub(super) fn search(
    centres: ArrayView2<'_, f64>,
    n_condition: usize,
    log_determinant: f64,
    settings: PerDimension,
) -> Result<(Kernels, Ascent)> {
    settings.validate()?;
    let n_points = centres.nrows().min(settings.n_points);
    if n_points < FEWEST {
        let what = "bandwidths of each column".to_owned();
        return Err(Error::TooFew { what, found: n_points, expected: FEWEST });
    }
    let chosen = choose(centres.nrows(), n_points, &mut stream(settings.seed, Purpose::new("each-col"), 0));
    let points = centres.select(Axis(0), &chosen);
    let moments = concatenate![Axis(1), points, points.mapv(|u| u * u)];
    let mean_squares = moments.slice(s![.., points.ncols()..]).mean_axis(Axis(0)).unwrap_or_default();

    let start = (n_condition != 0).then(|| settings.condition.unwrap_or(START));
    let mut kernels = Kernels::new(vec![START; points.ncols() - n_condition], start);
    let mut log_likelihoods: Vec<f64> = Vec::new();
    loop {
        let expected = Expectation::new(points.view(), moments.view(), &kernels);
        let log_likelihood = expected.log_likelihood - log_determinant;
        let gain = log_likelihoods.last().map_or(f64::INFINITY, |last| log_likelihood - last);
        log_likelihoods.push(log_likelihood);
        if gain < settings.tolerance || log_likelihoods.len() > settings.n_steps {
            let error = expected.error;
            return Ok((kernels, Ascent { n_points, settings, log_likelihoods, error }));
        }
        kernels = expected.likeliest(mean_squares.view(), n_condition, settings.condition)?;
    }
}

/// Means over the points, each of which comes from any other one with the probability that its kernel has there.
struct Expectation {
    log_likelihood: f64,
    /// Standard error of the log likelihood.
    error: f64,
    /// Mean of u times the centre it comes from, by column.
    with_centre: Array1<f64>,
    /// Mean square of the centre, by column.
    centre_squared: Array1<f64>,
}

impl Expectation {
    /// # Shapes
    /// `points` `[n, d]`, `moments` `[n, 2 d]`: the points and their squares.
    fn new(points: ArrayView2<'_, f64>, moments: ArrayView2<'_, f64>, kernels: &Kernels) -> Self {
        let (n, d) = points.dim();
        let left_out = &points / &kernels.widths;
        let centres = &points * &(&kernels.shrinkage / &kernels.widths);
        let half_norms = |rows: &Array2<f64>| -> Vec<f64> {
            rows.rows().into_iter().map(|row| 0.5 * row.dot(&row)).collect()
        };
        let (norms, norms_of_centres) = (half_norms(&left_out), half_norms(&centres));
        let normalisation = -kernels.widths.mapv(f64::ln).sum()
            - 0.5 * d as f64 * std::f64::consts::TAU.ln()
            - ((n - 1) as f64).ln();
        // Sum and sum of squares of log likelihoods, then of the two products by column.
        let blocks: Vec<Array1<f64>> = left_out
            .axis_chunks_iter(Axis(0), BLOCK)
            .into_par_iter()
            .enumerate()
            .map(|(block, rows)| {
                let first = block * BLOCK;
                let mut probabilities = Array2::zeros((rows.nrows(), n));
                general_mat_mul(1.0, &rows, &centres.t(), 0.0, &mut probabilities);
                let mut sums = Array1::zeros(2 + 2 * d);
                for (i, mut row) in probabilities.rows_mut().into_iter().enumerate() {
                    row[first + i] = f64::NEG_INFINITY;
                    let row = row.as_slice_mut().unwrap_or_default();
                    let log_sum = normalise(row, &norms_of_centres);
                    let log_density = log_sum - norms[first + i] + normalisation;
                    sums[0] += log_density;
                    sums[1] += log_density * log_density;
                }
                let mut expected = Array2::zeros((rows.nrows(), 2 * d));
                general_mat_mul(1.0, &probabilities, &moments, 0.0, &mut expected);
                for (u, expected) in points.slice(s![first.., ..]).rows().into_iter().zip(expected.rows()) {
                    let mut with_centre = sums.slice_mut(s![2..2 + d]);
                    with_centre += &(&u * &expected.slice(s![..d]));
                    let mut centre_squared = sums.slice_mut(s![2 + d..]);
                    centre_squared += &expected.slice(s![d..]);
                }
                sums
            })
            .collect();
        let means: Array1<f64> =
            blocks.into_iter().fold(Array1::zeros(2 + 2 * d), |sum, block| sum + block) / n as f64;
        let variance = (means[1] - means[0] * means[0]).max(0.0);
        Self {
            log_likelihood: means[0],
            error: (variance / n as f64).sqrt(),
            with_centre: means.slice(s![2..2 + d]).to_owned(),
            centre_squared: means.slice(s![2 + d..]).to_owned(),
        }
    }

    /// The kernels of largest likelihood, given where points may come from.
    fn likeliest(
        &self,
        mean_squares: ArrayView1<'_, f64>,
        n_condition: usize,
        condition: Option<f64>,
    ) -> Result<Kernels> {
        let correlations = (n_condition..mean_squares.len())
            .map(|k| correlation(mean_squares[k], self.with_centre[k], self.centre_squared[k]));
        let searched =
            || (mean_squares[0] - 2.0 * self.with_centre[0] + self.centre_squared[0]).max(0.0).sqrt();
        let condition = (n_condition != 0).then(|| condition.unwrap_or_else(searched));
        let kernels = Kernels::new(correlations, condition);
        kernels.widths.iter().try_for_each(|&width| check_limits(width))?;
        Ok(kernels)
    }
}

/// Turns products with the centres into probabilities; the log of their sum before.
fn normalise(products: &mut [f64], half_norms: &[f64]) -> f64 {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut largest = f64::NEG_INFINITY;
            for (product, norm) in products.iter_mut().zip(half_norms) {
                *product -= norm;
                largest = if *product > largest { *product } else { largest };
            }
            let mut sum = 0.0;
            for product in products.iter_mut() {
                *product = exp_of_negative(*product - largest);
                sum += *product;
            }
            for product in products.iter_mut() {
                *product /= sum;
            }
            largest + sum.ln()
        },
    )
}

/// The likeliest correlation r in [0, 1) of two variables of variance 1, from the mean squares of one and of the other and
/// the mean of their product: the root of product + r (1 - square - other) + r^2 product - r^3.
fn correlation(square: f64, product: f64, other: f64) -> f64 {
    let slope = |r: f64| product + r * (1.0 - square - other + r * (product - r));
    let (mut low, mut high) = (0.0, 1.0);
    // At 1 it is -(u - centre)^2, at 0 the product: below zero there is nothing to correlate.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(middle) > 0.0 { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use rand::Rng;
    use rand_distr::StandardNormal;

    use super::*;

    #[test]
    fn the_correlation_is_that_of_normal_variables() {
        // Mean squares of 1: the root is the product itself.
        for r in [0.0, 0.3, 0.999] {
            assert!((correlation(1.0, r, 1.0) - r).abs() < 1e-12);
        }
        assert!(correlation(1.0, -0.2, 1.0) < 1e-15);
        // No other correlation is likelier.
        let (square, product, other) = (0.9, 0.5, 1.3);
        let log_likelihood = |r: f64| {
            let variance = 1.0 - r * r;
            -0.5 * ((square - 2.0 * r * product + r * r * other) / variance + variance.ln())
        };
        let best = correlation(square, product, other);
        for r in [best - 1e-4, best + 1e-4] {
            assert!(log_likelihood(r) < log_likelihood(best));
        }
    }

    #[test]
    fn narrowed_kernels_keep_the_variance() {
        let kernels = Kernels::new([0.8, 0.0], Some(0.3));
        let narrow = kernels.narrowed(0.5, 1, false);
        assert!((narrow.widths[0] - 0.15).abs() < 1e-12 && (narrow.shrinkage[0] - 1.0).abs() < 1e-12);
        for k in 1..3 {
            assert!((narrow.widths[k] - 0.5 * kernels.widths[k]).abs() < 1e-12);
            let variance = narrow.widths[k].powi(2) + narrow.shrinkage[k].powi(2);
            assert!((variance - 1.0).abs() < 1e-12);
        }
        assert!((kernels.narrowed(0.5, 1, true).widths[0] - 0.3).abs() < 1e-12);
        assert_eq!(kernels.narrowed(1.0, 1, false), kernels);
    }

    /// Every point against all others, term by term.
    #[test]
    fn likelihood_and_expectations_are_those_of_the_definition() {
        let (n, d) = (150, 3);
        let mut rng = stream(1, Purpose::new("testtest"), 0);
        let points = Array2::from_shape_simple_fn((n, d), || rng.sample::<f64, _>(StandardNormal));
        let moments = concatenate![Axis(1), points, points.mapv(|u| u * u)];
        let kernels = Kernels::new([0.8, 0.1], Some(0.3));
        let found = Expectation::new(points.view(), moments.view(), &kernels);
        let kernel = |j: usize, i: usize| -> f64 {
            let normal = |k: usize| {
                let width = kernels.widths[k];
                let pull = (points[[j, k]] - kernels.shrinkage[k] * points[[i, k]]) / width;
                (-0.5 * pull * pull).exp() / (width * std::f64::consts::TAU.sqrt())
            };
            if i == j { 0.0 } else { (0..d).map(normal).product() }
        };
        let (mut log_likelihood, mut with_centre, mut squared) = (0.0, vec![0.0; d], vec![0.0; d]);
        for j in 0..n {
            let sum: f64 = (0..n).map(|i| kernel(j, i)).sum();
            log_likelihood += (sum / (n - 1) as f64).ln() / n as f64;
            for i in 0..n {
                for k in 0..d {
                    let probability = kernel(j, i) / sum / n as f64;
                    with_centre[k] += probability * points[[j, k]] * points[[i, k]];
                    squared[k] += probability * points[[i, k]].powi(2);
                }
            }
        }
        assert!(
            (found.log_likelihood - log_likelihood).abs() < 1e-10,
            "{} {log_likelihood}",
            found.log_likelihood
        );
        for k in 0..d {
            assert!((found.with_centre[k] - with_centre[k]).abs() < 1e-10);
            assert!((found.centre_squared[k] - squared[k]).abs() < 1e-10);
        }
    }
}
