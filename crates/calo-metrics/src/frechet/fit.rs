//! The line through the distances at several batch sizes.

use crate::error::{Error, Result};
use crate::results::Estimate;

#[derive(Clone, Copy)]
struct Line {
    intercept: f64,
    slope: f64,
}

/// Least-squares line with intercept and slope not below zero; returns the intercept and its standard error.
///
/// # Reference
/// SciPy's `curve_fit` with bounds, as JetNet calls it: the error comes from the unconstrained covariance, scaled by
/// the residuals of the constrained fit.
pub(super) fn nonnegative_line(x: &[f64], y: &[f64]) -> Result<Estimate> {
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
    let residuals = |line: &Line| -> f64 {
        x.iter().zip(y).map(|(x, y)| (y - line.intercept - line.slope * x).powi(2)).sum()
    };
    // The optimum of a convex function over a quadrant: the free one where allowed, else the better edge.
    let free = Line { intercept: mean_y - slope * mean_x, slope };
    let best = if free.intercept >= 0.0 && free.slope >= 0.0 {
        free
    } else {
        let through_origin = Line { intercept: 0.0, slope: through_origin.max(0.0) };
        let level = Line { intercept: mean_y.max(0.0), slope: 0.0 };
        if residuals(&through_origin) <= residuals(&level) { through_origin } else { level }
    };
    let variance = residuals(&best) / (n - 2.0);
    Ok(Estimate { value: best.intercept, error: Some((variance * sum_x2 / (n * spread_x)).sqrt()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_line_is_found() {
        let intercept = nonnegative_line(&[1.0, 2.0, 4.0], &[5.0, 7.0, 11.0]).unwrap();
        assert!((intercept.value - 3.0).abs() < 1e-12 && intercept.error.unwrap() < 1e-12);
    }

    #[test]
    fn coefficients_stay_above_zero() {
        let intercept = nonnegative_line(&[1.0, 2.0, 3.0], &[0.5, 2.0, 3.5]).unwrap();
        assert!(intercept.value.abs() < 1e-15 && intercept.error.unwrap() > 0.0);
        let intercept = nonnegative_line(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]).unwrap();
        assert!((intercept.value - 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_line_needs_three_points_that_differ() {
        assert!(nonnegative_line(&[1.0, 2.0], &[1.0, 2.0]).is_err());
        assert!(nonnegative_line(&[2.0, 2.0, 2.0], &[1.0, 2.0, 3.0]).is_err());
    }
}
