//! How much information each latent variable carries about its shower.

use ndarray::{Array1, ArrayView2, Axis};

use crate::check::check_sample;
use crate::error::{Error, Result};

/// Kullback-Leibler divergence of every latent variable from N(0, 1), the most informative first.
#[derive(Debug, Clone, PartialEq)]
pub struct DivergenceSpectrum {
    /// Numbers of the variables by falling divergence; equal ones in their original order.
    pub order: Vec<usize>,
    /// Divergences in that order, in nats, averaged over the showers.
    pub divergence: Vec<f64>,
    /// Standard errors of these means.
    pub error: Vec<f64>,
    /// Sums up to and including each: what the figure's vertical axis shows.
    pub cumulative: Vec<f64>,
}

impl DivergenceSpectrum {
    /// The information of all variables together, in nats.
    pub fn total(&self) -> f64 {
        self.cumulative.last().copied().unwrap_or(0.0)
    }
}

/// Divergence of N(mu, sigma^2) from N(0, 1) in nats.
///
/// # Reference
/// arXiv:2102.12491, equation 3.
pub fn gaussian_divergence(mean: f64, log_variance: f64) -> f64 {
    0.5 * (mean * mean + log_variance.exp_m1() - log_variance)
}

/// Divergences of all variables, averaged over the showers.
///
/// # Shapes
/// `mean` and `log_variance` (log sigma^2, as encoders put it out) `[shower, latent variable]`.
///
/// # Errors
/// Empty or non-finite arrays, variances that overflow, or shapes that differ.
///
/// # Reference
/// arXiv:2102.12491, equation 3 and figure 2.
///
/// ```
/// use ndarray::array;
/// // The first variable is a normal one and carries no information; the second does.
/// let (mean, log_variance) = (array![[0.0, 1.0], [0.0, -1.0]], array![[0.0, -2.0], [0.0, -2.0]]);
/// let spectrum = calo_latent::divergence_spectrum(mean.view(), log_variance.view())?;
/// assert_eq!(spectrum.order, [1, 0]);
/// assert!((spectrum.total() - 0.5 * (2.0 + (-2.0_f64).exp())).abs() < 1e-12);
/// # Ok::<(), calo_latent::Error>(())
/// ```
pub fn divergence_spectrum(
    mean: ArrayView2<'_, f64>,
    log_variance: ArrayView2<'_, f64>,
) -> Result<DivergenceSpectrum> {
    check_sample("means of the latent variables", mean, 1)?;
    check_sample("log variances of the latent variables", log_variance, 1)?;
    if mean.dim() != log_variance.dim() {
        let [found, expected] = [log_variance, mean].map(|array| format!("{:?}", array.dim()));
        return Err(Error::mismatch("shape of the log variances", found, expected));
    }
    let n = mean.nrows() as f64;
    let mut values = mean.to_owned();
    values
        .zip_mut_with(&log_variance, |mean, &log_variance| *mean = gaussian_divergence(*mean, log_variance));
    if let Some(((i, j), &value)) = values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(Error::non_finite("divergence of the latent variables", value, &[i, j]));
    }
    let means: Array1<f64> = values.sum_axis(Axis(0)) / n;
    let errors: Vec<f64> = values
        .columns()
        .into_iter()
        .zip(&means)
        .map(|(column, mean)| (column.mapv(|x| (x - mean).powi(2)).sum() / (n * (n - 1.0).max(1.0))).sqrt())
        .collect();
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|&i, &j| means[j].total_cmp(&means[i]));
    let cumulative = order.iter().scan(0.0, |sum, &i| {
        *sum += means[i];
        Some(*sum)
    });
    Ok(DivergenceSpectrum {
        divergence: order.iter().map(|&i| means[i]).collect(),
        error: order.iter().map(|&i| errors[i]).collect(),
        cumulative: cumulative.collect(),
        order,
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_divergence_is_the_integral_of_its_definition() {
        for (mean, log_variance) in [(0.0_f64, 0.0_f64), (1.5, -2.0), (-0.3, 0.7)] {
            let sigma = (0.5 * log_variance).exp();
            let step = 1e-3 * sigma;
            let integral: f64 = (-10_000..=10_000)
                .map(|i| {
                    let x = mean + f64::from(i) * step;
                    let log_p = -0.5 * ((x - mean) / sigma).powi(2) - sigma.ln();
                    let log_q = -0.5 * x * x;
                    log_p.exp() / std::f64::consts::TAU.sqrt() * (log_p - log_q) * step
                })
                .sum();
            assert!((gaussian_divergence(mean, log_variance) - integral).abs() < 1e-6);
        }
    }

    #[test]
    fn tiny_divergences_do_not_cancel() {
        let divergence = gaussian_divergence(0.0, 1e-6);
        assert!((divergence / 2.5e-13 - 1.0).abs() < 1e-3, "{divergence}");
    }

    #[test]
    fn sums_rise_and_shapes_must_agree() {
        let mean = array![[0.1, 2.0, -0.5], [0.3, -1.0, 0.5]];
        let spectrum = divergence_spectrum(mean.view(), Array2::zeros((2, 3)).view()).unwrap();
        assert_eq!(spectrum.order, [1, 2, 0]);
        assert!((spectrum.total() - (0.025 + 1.25 + 0.125)).abs() < 1e-12);
        // Half of the difference of two values: 2.0 and 0.5.
        assert!((spectrum.error[0] - 0.75).abs() < 1e-12);
        let error = divergence_spectrum(mean.view(), Array2::zeros((3, 2)).view()).unwrap_err();
        assert_eq!(error.to_string(), "shape of the log variances: found (3, 2); expected (2, 3)");
        assert!(divergence_spectrum(mean.view(), Array2::from_elem((2, 3), 2000.0).view()).is_err());
    }
}
