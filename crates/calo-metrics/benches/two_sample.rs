//! Two-sample scores of 10,000 against 10,000 showers with ten observables.

use std::hint::black_box;
use std::time::Duration;

use calo_metrics::{
    BootstrapSettings, FrechetSettings, KernelSettings, OutOfFoldSettings, QuantileBins, QuantileSample, fpd,
    kpd, out_of_fold, quantile_divergences,
};
use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::{Array2, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const N_SHOWERS: usize = 10_000;
const N_FEATURES: usize = 10;

fn normal(seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((N_SHOWERS, N_FEATURES), || StandardNormal.sample(&mut rng))
}

fn two_sample(criterion: &mut Criterion) {
    let (reference, candidate) = (normal(1), normal(2) + 0.05);
    let (a, b) = (reference.view(), candidate.view());
    let mut group = criterion.benchmark_group("two_sample_10k_x_10");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    let frechet = FrechetSettings::for_sizes(N_SHOWERS, N_SHOWERS, 1);
    group.bench_function("fpd", |bench| bench.iter(|| fpd(black_box(a), b, &frechet)));
    let kernel = KernelSettings::for_sizes(N_SHOWERS, N_SHOWERS, 1);
    group.bench_function("kpd", |bench| bench.iter(|| kpd(black_box(a), b, &kernel)));
    let trees = OutOfFoldSettings::default();
    group.bench_function("auc", |bench| bench.iter(|| out_of_fold([black_box(a), b], [&[], &[]], &trees)));
    let plane_a = a.slice(s![.., ..2]);
    let Ok(plane_b) = QuantileSample::of_showers(b.slice(s![.., ..2]).to_owned()) else { return };
    group.bench_function("quantiles", |bench| {
        bench.iter(|| {
            let bins = QuantileBins::fit(black_box(plane_a), 9)?;
            quantile_divergences(&bins, &plane_b, &BootstrapSettings::default())
        });
    });
    group.finish();
}

criterion_group!(benches, two_sample);
criterion_main!(benches);
