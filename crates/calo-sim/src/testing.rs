//! Helpers for the unit tests of several modules: seeded random numbers and comparisons.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::random::Random;

/// Random numbers of a test.
pub(crate) fn random(seed: u64) -> Random {
    Random::new(ChaCha8Rng::seed_from_u64(seed))
}

/// Fails unless `value` is `expected` within a `relative` tolerance.
pub(crate) fn near(value: f64, expected: f64, relative: f64, what: &str) {
    assert!((value / expected - 1.0).abs() < relative, "{what}: {value}, expected {expected}");
}

/// Midpoint sum of `f` in the logarithm of its argument.
pub(crate) fn log_integral(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let n = 20_000;
    let step = (high / low).ln() / f64::from(n);
    (0..n).map(|i| low * ((f64::from(i) + 0.5) * step).exp()).map(|x| f(x) * x * step).sum()
}

/// Highest chi square per bin that chance explains, four standard deviations up.
pub(crate) const CHI2_LIMIT: f64 = 1.9;

/// Chi square per bin of samples against a density, in bins of equal width in the logarithm from `low` to `high`. Its
/// standard deviation is sqrt(2 / bins).
pub(crate) fn chi2_per_bin(samples: &[f64], low: f64, high: f64, density: impl Fn(f64) -> f64) -> f64 {
    const BINS: usize = 40;
    let width = (high / low).ln() / BINS as f64;
    let mut counts = [0.0; BINS];
    for sample in samples {
        counts[(((sample / low).ln() / width) as usize).min(BINS - 1)] += 1.0;
    }
    let parts = 50;
    let mut expected: Vec<f64> = (0..BINS)
        .map(|bin| {
            let points = (0..parts).map(|i| {
                let x = low * ((bin as f64 + (f64::from(i) + 0.5) / f64::from(parts)) * width).exp();
                density(x) * x
            });
            points.sum()
        })
        .collect();
    let scale = samples.len() as f64 / expected.iter().sum::<f64>();
    expected.iter_mut().for_each(|value| *value *= scale);
    let chi2: f64 =
        counts.iter().zip(&expected).map(|(n, e): (&f64, &f64)| (n - e).powi(2) / e.max(1.0)).sum();
    chi2 / BINS as f64
}
