//! Standard errors of any number by resampling.

use rand::Rng;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::random::stream;
use crate::spread::standard_deviation;

/// How often to resample, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootstrapSettings {
    /// Number of replicas; the error itself is then known to one part in sqrt(2 replicas).
    pub replicas: usize,
    /// Seed; replica `r` depends on it and on `r` alone.
    pub seed: u64,
}

impl Default for BootstrapSettings {
    fn default() -> Self {
        Self { replicas: 50, seed: 0 }
    }
}

/// Standard error of a statistic of `K` independent samples: the standard deviation over replicas in which every
/// sample is drawn anew, with replacement, at its own size.
///
/// Use it as an error only: distances that cannot be negative come out larger in replicas than in the sample, because
/// a replica adds noise of its own. The result is the same for any number of threads.
///
/// # Errors
/// An empty sample, fewer than two replicas, or the first error of the statistic.
///
/// ```
/// use calo_metrics::{BootstrapSettings, bootstrap_error};
/// let values = [1.0, 2.0, 3.0, 4.0];
/// let mean = |[drawn]: &[Vec<usize>; 1]| Ok(drawn.iter().map(|&i| values[i]).sum::<f64>() / 4.0);
/// let error = bootstrap_error([values.len()], &BootstrapSettings::default(), mean)?;
/// assert!((error - 1.118 / 2.0).abs() < 0.2); // standard deviation over sqrt(n)
/// # Ok::<(), calo_metrics::Error>(())
/// ```
pub fn bootstrap_error<const K: usize>(
    sizes: [usize; K],
    settings: &BootstrapSettings,
    statistic: impl Fn(&[Vec<usize>; K]) -> Result<f64> + Sync,
) -> Result<f64> {
    if let Some(sample) = sizes.iter().position(|&n| n == 0) {
        return Err(Error::empty(format!("bootstrap sample {sample}"), "at least one entry"));
    }
    if settings.replicas < 2 {
        return Err(Error::parameter("bootstrap replicas", settings.replicas, "at least 2"));
    }
    let draw = |replica: usize, sample: usize| {
        let mut rng = stream(settings.seed, *b"resample", sample as u64, replica as u64);
        (0..sizes[sample]).map(|_| rng.random_range(0..sizes[sample])).collect()
    };
    // All results are kept, so that the error returned is the first by replica and not by thread.
    let values: Vec<Result<f64>> = (0..settings.replicas)
        .into_par_iter()
        .map(|replica| statistic(&std::array::from_fn(|sample| draw(replica, sample))))
        .collect();
    let values = values.into_iter().collect::<Result<Vec<f64>>>()?;
    Ok(standard_deviation(&values).unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of_a_difference(threads: usize) -> f64 {
        let (a, b): (Vec<f64>, Vec<f64>) =
            ((0..100).map(f64::from).collect(), (0..50).map(f64::from).collect());
        let mean = |values: &[f64], drawn: &[usize]| {
            drawn.iter().map(|&i| values[i]).sum::<f64>() / drawn.len() as f64
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let settings = BootstrapSettings { replicas: 400, seed: 3 };
            bootstrap_error([100, 50], &settings, |[i, j]| Ok(mean(&a, i) - mean(&b, j))).unwrap()
        })
    }

    #[test]
    fn two_samples_add_in_quadrature_on_any_number_of_threads() {
        let error = error_of_a_difference(1);
        // Variances of 0..n are (n^2 - 1) / 12; the error's own error is 1 / sqrt(800).
        let expected = (9999.0 / 12.0 / 100.0 + 2499.0 / 12.0 / 50.0_f64).sqrt();
        assert!((error / expected - 1.0).abs() < 4.0 / 800.0_f64.sqrt(), "{error} {expected}");
        assert_eq!(error.to_bits(), error_of_a_difference(3).to_bits());
    }

    #[test]
    fn impossible_requests_are_errors() {
        let one = |_: &[Vec<usize>; 1]| Ok(1.0);
        assert!(bootstrap_error([0], &BootstrapSettings::default(), one).is_err());
        assert!(bootstrap_error([3], &BootstrapSettings { replicas: 1, seed: 0 }, one).is_err());
    }
}
