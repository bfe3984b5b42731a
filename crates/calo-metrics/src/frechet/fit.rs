//! The line through the distances at several batch sizes.

use crate::error::{Error, Result};

/// Least-squares line with intercept and slope not below zero; returns the intercept and its standard error.
///
/// # Reference
/// SciPy's `curve_fit` with bounds, as JetNet calls it: the error comes from the unconstrained covariance, scaled by
/// the residuals of the constrained fit.
pub(super) fn nonnegative_line(x: &[f64], y: &[f64]) -> Result<(f64, f64)> {
    let n = x.len() as f64;
    if x.len() < 3 {
        return Err(Error::parameter("n_points", x.len(), "at least 3 to fit a line with an error"));
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let spread_x: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
    let sum_x2: f64 = x.iter().map(|x| x * x).sum();
    if spread_x <= f64::EPSILON * sum_x2 {
        return Err(Error::parameter(
            "batch sizes",
            format!("{} times 1/{x:?}", x.len()),
            "sizes that differ",
        ));
    }
    let slope = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread_x;
    let through_origin = x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / sum_x2;
    let residuals = |&(intercept, slope): &(f64, f64)| -> f64 {
        x.iter().zip(y).map(|(x, y)| (y - intercept - slope * x).powi(2)).sum()
    };
    // The optimum of a convex function over a quadrant: the free one where allowed, else the better edge.
    let free = (mean_y - slope * mean_x, slope);
    let best = if free.0 >= 0.0 && free.1 >= 0.0 {
        free
    } else {
        let edges = [(0.0, through_origin.max(0.0)), (mean_y.max(0.0), 0.0)];
        if residuals(&edges[0]) <= residuals(&edges[1]) { edges[0] } else { edges[1] }
    };
    let variance = residuals(&best) / (n - 2.0);
    Ok((best.0, (variance * sum_x2 / (n * spread_x)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_line_is_found() {
        let (intercept, error) = nonnegative_line(&[1.0, 2.0, 4.0], &[5.0, 7.0, 11.0]).unwrap();
        assert!((intercept - 3.0).abs() < 1e-12 && error < 1e-12);
    }

    #[test]
    fn coefficients_stay_above_zero() {
        let (intercept, error) = nonnegative_line(&[1.0, 2.0, 3.0], &[0.5, 2.0, 3.5]).unwrap();
        assert!(intercept.abs() < 1e-15 && error > 0.0);
        let (intercept, _) = nonnegative_line(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]).unwrap();
        assert!((intercept - 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_line_needs_three_points_that_differ() {
        assert!(nonnegative_line(&[1.0, 2.0], &[1.0, 2.0]).is_err());
        assert!(nonnegative_line(&[2.0, 2.0, 2.0], &[1.0, 2.0, 3.0]).is_err());
    }
}
