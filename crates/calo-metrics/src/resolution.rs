//! Mean and width of the energy response: mu90 and sigma90.

use crate::error::{Error, Result, check_finite};
use crate::results::Estimate;

/// Values below which mu90 and sigma90 are refused: nine of ten remain in the interval.
pub const MIN_VALUES: usize = 10;

/// Mean and width of the shortest interval that holds 90 % of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution {
    /// Mean within the interval, with error sigma90 / sqrt(n90).
    pub mu90: Estimate,
    /// Standard deviation within the interval (over n90, as `numpy.std`), with error sigma90 / sqrt(2 n90).
    pub sigma90: Estimate,
    /// sigma90 / mu90, both errors propagated.
    pub relative_width: Estimate,
    /// Values in the interval: 0.9 n rounded up.
    pub n90: usize,
    /// Smallest and largest value in the interval.
    pub interval: [f64; 2],
}

/// mu90 and sigma90: mean and standard deviation inside the **shortest** interval that holds at least 90 % of the
/// values, which are ceil(0.9 n) of them. Of intervals of equal length the lowest is taken. The interval is closed,
/// and further values equal to its ends are not added.
///
/// # Errors
/// Fewer than [`MIN_VALUES`] values, a NaN or infinite value, or a mean of zero (no relative width).
///
/// # Reference
/// fast-and-accurate-showers, section 4.1; golden values in `tests/golden`.
///
/// ```
/// // 18 values within 0.1 of 10, and two far away that do not matter.
/// let mut values: Vec<f64> = (0..18).map(|i| 9.9 + 0.2 * f64::from(i) / 17.0).collect();
/// values.extend([3.0, 30.0]);
/// let resolution = calo_metrics::resolution90(&values)?;
/// assert!((resolution.mu90.value - 10.0).abs() < 1e-12);
/// assert_eq!(resolution.n90, 18);
/// # Ok::<(), calo_metrics::Error>(())
/// ```
pub fn resolution90(values: &[f64]) -> Result<Resolution> {
    let n = values.len();
    if n < MIN_VALUES {
        return Err(Error::TooFew { what: "mu90 and sigma90".to_owned(), found: n, expected: MIN_VALUES });
    }
    check_finite("values of mu90 and sigma90", values)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // In integers: 0.9 n in floating point may lie just above a whole number.
    let n90 = (9 * n).div_ceil(10);
    let mut first = 0;
    for i in 1..=n - n90 {
        if sorted[i + n90 - 1] - sorted[i] < sorted[first + n90 - 1] - sorted[first] {
            first = i;
        }
    }
    let inside = &sorted[first..first + n90];
    let count = n90 as f64;
    let mu = inside.iter().sum::<f64>() / count;
    let sigma = (inside.iter().map(|value| (value - mu).powi(2)).sum::<f64>() / count).sqrt();
    if mu == 0.0 {
        return Err(Error::parameter("mu90", mu, "a mean other than 0, to divide the width by"));
    }
    let relative = sigma / mu;
    let relative_error = relative.abs() * (0.5 / count + relative.powi(2) / count).sqrt();
    Ok(Resolution {
        mu90: Estimate { value: mu, error: Some(sigma / count.sqrt()) },
        sigma90: Estimate { value: sigma, error: Some(sigma / (2.0 * count).sqrt()) },
        relative_width: Estimate { value: relative, error: Some(relative_error) },
        n90,
        interval: [inside[0], inside[n90 - 1]],
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these results are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_interval_is_found_at_either_end() {
        let mut values: Vec<f64> = (0..9).map(f64::from).collect();
        values.push(100.0);
        assert_eq!(resolution90(&values).unwrap().interval, [0.0, 8.0]);
        values[9] = -100.0;
        assert_eq!(resolution90(&values).unwrap().interval, [0.0, 8.0]);
    }

    #[test]
    fn nine_tenths_are_rounded_up() {
        for (n, n90) in [(10, 9), (11, 10), (19, 18), (20, 18), (21, 19), (70, 63)] {
            let values: Vec<f64> = (1..=n).map(f64::from).collect();
            assert_eq!(resolution90(&values).unwrap().n90, n90, "{n}");
        }
    }

    #[test]
    fn errors_are_those_of_a_mean_and_a_width() {
        let values: Vec<f64> = (0..1000).map(|i| 50.0 + f64::from(i) * 0.01).collect();
        let Resolution { mu90, sigma90, relative_width, n90, .. } = resolution90(&values).unwrap();
        assert_eq!(n90, 900);
        assert_eq!(mu90.error.unwrap(), sigma90.value / 30.0);
        assert_eq!(sigma90.error.unwrap(), sigma90.value / 1800.0_f64.sqrt());
        let (a, b) = (sigma90.error.unwrap() / sigma90.value, mu90.error.unwrap() / mu90.value);
        let expected = relative_width.value * a.hypot(b);
        assert!((relative_width.error.unwrap() / expected - 1.0).abs() < 1e-12);
    }

    #[test]
    fn too_few_or_bad_values_are_errors() {
        let error = resolution90(&[1.0; 9]).unwrap_err();
        assert_eq!(error.to_string(), "mu90 and sigma90: 9 showers; expected at least 10");
        let mut values = [1.0; 20];
        values[7] = f64::NAN;
        assert!(matches!(resolution90(&values), Err(Error::NonFinite { .. })));
        assert!(matches!(resolution90(&[0.0; 20]), Err(Error::Parameter { .. })));
    }
}
