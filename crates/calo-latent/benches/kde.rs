//! Speed of a density of 500,000 points in 25 dimensions: 24 latent variables and the incident energy.
//!
//! Peers on the same points, two cores: `scipy.stats.gaussian_kde.resample`, `sklearn.neighbors.KernelDensity.sample` and
//! `score_samples`; none of them samples at a given energy.

#![expect(clippy::unwrap_used, reason = "a benchmark reports errors by panicking")]

use std::hint::black_box;
use std::time::Duration;

use calo_latent::{Bandwidth, CrossValidation, Kde, KdeSettings, KernelCovariance};
use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::{Array1, Array2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

const N_POINTS: usize = 500_000;
const N_SAMPLES: usize = 100_000;

fn rng_of(index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    rng.set_stream(index);
    rng
}

/// Latent variables of which the first few depend on the energy, in its last column, and on one another.
fn latent_like() -> Array2<f64> {
    let mut rng = rng_of(0);
    let mut points = Array2::zeros((N_POINTS, 25));
    for mut row in points.rows_mut() {
        let energy: f64 = rng.random_range(10.0..100.0);
        row.mapv_inplace(|_: f64| rng.sample(StandardNormal));
        row[0] = 0.6 * row[0] + (0.05 * energy).sin();
        row[1] = 0.5 * row[1] + 0.3 * row[0] * row[0];
        row[2] += 0.01 * energy;
        row[24] = energy;
    }
    points
}

fn settings(covariance: KernelCovariance, bandwidth: Bandwidth) -> KdeSettings {
    KdeSettings { covariance, bandwidth, condition: Some(24), ..KdeSettings::default() }
}

fn density(criterion: &mut Criterion) {
    let points = latent_like();
    let energies = Array1::from_shape_fn(N_SAMPLES, |i| 10.0 + 90.0 * i as f64 / N_SAMPLES as f64);
    let fixed = Bandwidth::Fixed { bandwidth: 0.3, condition: Some(0.05) };
    let mut group = criterion.benchmark_group("kde");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(5));
    for (name, covariance) in [
        ("standardised", KernelCovariance::Standardised),
        ("full covariance", KernelCovariance::FullCovariance),
    ] {
        let settings = settings(covariance, fixed.clone());
        group.bench_function(format!("fit 500,000 points, {name}"), |bencher| {
            bencher.iter(|| Kde::fit(points.view(), black_box(&settings)).unwrap());
        });
        let kde = Kde::fit(points.view(), &settings).unwrap();
        group.bench_function(format!("100,000 samples at as many energies, {name}"), |bencher| {
            bencher.iter(|| kde.samples_given(black_box(energies.view()), 0, rng_of).unwrap());
        });
        group.bench_function(format!("100,000 samples, {name}"), |bencher| {
            bencher.iter(|| kde.samples(black_box(0..N_SAMPLES as u64), rng_of));
        });
        let some = points.slice(s![..1000, ..]);
        group.bench_function(format!("log density of 1,000 points, {name}"), |bencher| {
            bencher.iter(|| kde.log_density(black_box(some)).unwrap());
        });
    }
    let searched =
        settings(KernelCovariance::Standardised, Bandwidth::CrossValidated(CrossValidation::default()));
    group.bench_function("fit 500,000 points, cross-validated on 5,000", |bencher| {
        bencher.iter(|| Kde::fit(points.view(), black_box(&searched)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, density);
criterion_main!(benches);
