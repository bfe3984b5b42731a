//! Sample variance and standard deviation.

/// Variance with n - 1; NaN of a single value.
pub(crate) fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)
}

/// Standard deviation with n - 1; none of fewer than two values.
pub(crate) fn standard_deviation(values: &[f64]) -> Option<f64> {
    (values.len() >= 2).then(|| variance(values).sqrt())
}

/// Standard deviation of the finite values; none of fewer than two.
pub(crate) fn spread_of_finite(values: impl Iterator<Item = f64>) -> Option<f64> {
    standard_deviation(&values.filter(|value| value.is_finite()).collect::<Vec<_>>())
}
