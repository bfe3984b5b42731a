//! Distances between two samples of a number, without bins.

use crate::error::{Error, Result, check_finite};

/// Wasserstein-1 (earth mover's) distance of two samples, in their units.
///
/// # Errors
/// An empty sample or a NaN or infinite value.
///
/// # Reference
/// `scipy.stats.wasserstein_distance`.
pub fn wasserstein1_of_samples(a: &[f64], b: &[f64]) -> Result<f64> {
    let mut sum = 0.0;
    walk(a, b, |from, to, gap| sum += gap.abs() * (to - from))?;
    Ok(sum)
}

/// Kolmogorov-Smirnov distance of two samples: the largest difference of their cumulative distributions, 0 to 1.
///
/// # Errors
/// An empty sample or a NaN or infinite value.
///
/// # Reference
/// `scipy.stats.ks_2samp(a, b).statistic`.
pub fn ks_of_samples(a: &[f64], b: &[f64]) -> Result<f64> {
    let mut largest = 0.0_f64;
    walk(a, b, |_, _, gap| largest = largest.max(gap.abs()))?;
    Ok(largest)
}

/// Visits the intervals between neighbouring distinct values with the difference of the cumulative distributions
/// there.
fn walk(a: &[f64], b: &[f64], mut visit: impl FnMut(f64, f64, f64)) -> Result<()> {
    let (a, b) = (sorted("first sample", a)?, sorted("second sample", b)?);
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let next = |i: usize, j: usize| match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => Some(x.min(*y)),
            (x, y) => x.or(y).copied(),
        };
        let Some(here) = next(i, j) else { break };
        while a.get(i).is_some_and(|x| *x <= here) {
            i += 1;
        }
        while b.get(j).is_some_and(|y| *y <= here) {
            j += 1;
        }
        if let Some(there) = next(i, j) {
            visit(here, there, i as f64 / a.len() as f64 - j as f64 / b.len() as f64);
        }
    }
    Ok(())
}

fn sorted(what: &str, values: &[f64]) -> Result<Vec<f64>> {
    if values.is_empty() {
        return Err(Error::empty(what, "at least one value"));
    }
    check_finite(what, values)?;
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    Ok(values)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these results are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_its_own_wasserstein_distance() {
        let a = [3.0, 1.0, 2.0, 2.0];
        let b = a.map(|x| x + 0.25);
        assert_eq!(wasserstein1_of_samples(&a, &b).unwrap(), 0.25);
        assert_eq!(wasserstein1_of_samples(&a, &a).unwrap(), 0.0);
    }

    #[test]
    fn ties_across_samples_cancel() {
        assert_eq!(ks_of_samples(&[1.0, 2.0], &[1.0, 2.0, 1.0, 2.0]).unwrap(), 0.0);
        assert_eq!(ks_of_samples(&[1.0, 2.0], &[2.0, 3.0]).unwrap(), 0.5);
        assert_eq!(ks_of_samples(&[0.0], &[1.0]).unwrap(), 1.0);
    }

    #[test]
    fn bad_samples_are_errors() {
        assert!(ks_of_samples(&[], &[1.0]).is_err());
        let error = wasserstein1_of_samples(&[1.0], &[1.0, f64::INFINITY]).unwrap_err();
        assert_eq!(error.to_string(), "second sample: inf at index [1]; expected finite numbers");
    }
}
