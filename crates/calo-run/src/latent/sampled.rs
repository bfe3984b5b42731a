//! Distributions of sampled z beside the density.

use calo_latent::Kde;
use calo_metrics::results::Estimate;
use calo_metrics::{Axis, Histogram};
use calo_report::latent::Marginal;
use ndarray::{Array1, ArrayView1};

use super::encoded::{EncodedShowers, inner_range};
use crate::Result;

/// Bins of a distribution.
const N_BINS: usize = 60;

/// Share of the showers below and above the bins, at most: a few far outliers shall not squeeze all others.
const TAIL: f64 = 0.01;

/// Distributions reach at least so far, where N(0, 1) has ended.
const REACH: f64 = 4.0;

/// Distribution of each variable.
pub(super) fn marginals(
    showers: &EncodedShowers,
    variables: &[usize],
    density: Option<&Kde>,
) -> Result<Vec<Marginal>> {
    variables.iter().map(|&variable| marginal(showers.z.column(variable), variable, density)).collect()
}

fn marginal(z: ArrayView1<'_, f64>, variable: usize, density: Option<&Kde>) -> Result<Marginal> {
    let [low, high] = inner_range(z, TAIL);
    let reach = REACH.max(low.abs()).max(high.abs()).ceil();
    let mut histogram = Histogram::new(Axis::linear(N_BINS, -reach, reach)?);
    histogram.fill_all(z);
    let edges = histogram.axis().edges().to_vec();
    let middles: Array1<f64> = edges.windows(2).map(|bin| f64::midpoint(bin[0], bin[1])).collect();
    let density = density.map(|kde| kde.marginal(variable, middles.view())).transpose()?;
    let [mean, standard_deviation] = moments(z);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    let count = |value: f64| value.round() as u64;
    Ok(Marginal {
        variable,
        counts: histogram.counts().iter().map(|&value| count(value)).collect(),
        n_outside: count(histogram.underflow() + histogram.overflow()),
        edges,
        mean,
        standard_deviation,
        density: density.map(|density| density.to_vec()),
    })
}

/// Mean and standard deviation with their standard errors, for any distribution.
fn moments(z: ArrayView1<'_, f64>) -> [Estimate; 2] {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 showers")]
    let n = z.len() as f64;
    let mean = z.sum() / n;
    let central = |power: i32| z.iter().map(|z| (z - mean).powi(power)).sum::<f64>() / n;
    let (second, fourth) = (central(2), central(4));
    let sigma = second.sqrt();
    // The variance's error through the fourth moment, by propagation to its root.
    let sigma_error =
        if sigma > 0.0 { ((fourth - second * second).max(0.0) / n).sqrt() / (2.0 * sigma) } else { 0.0 };
    [
        Estimate { value: mean, error: Some(sigma / n.sqrt()) },
        Estimate { value: sigma, error: Some(sigma_error) },
    ]
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn moments_of_few_values_by_hand() {
        let [mean, sigma] = moments(array![-1.0, 1.0, -1.0, 5.0].view());
        assert_eq!((mean.value, sigma.value), (1.0, 6.0_f64.sqrt()));
        // Fourth moment 72, so the variance's error is sqrt((72 - 36) / 4) = 3.
        assert!((sigma.error.unwrap() - 3.0 / (2.0 * 6.0_f64.sqrt())).abs() < 1e-12);
    }
}
