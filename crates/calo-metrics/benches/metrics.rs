//! Speed of the observables and of the one pass that gathers six histograms, halves and replicas.
//!
//! Showers are photon-like: 30x30x30 cells of which about 1050 hold energy and about 900 lie above the cut. Showers per
//! second are printed; `cargo xtask bench metrics` times the same calls beside NumPy.

#![expect(clippy::unwrap_used, reason = "a benchmark has no caller to return errors to")]

use std::hint::black_box;
use std::sync::Arc;

use calo_metrics::{
    Axis, FileKind, SampleAccumulator, SampleSet, SampleSettings, binned_observables, compare_samples,
    fixed_energies, observables,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array4;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const N_SHOWERS: usize = 500;

/// Cells drawn around a shower axis in the middle of the grid, as many as a photon of the energy hits.
fn photon_like() -> (Array4<f32>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut cells = Array4::zeros((N_SHOWERS, 30, 30, 30));
    let energies: Vec<f64> = (0..N_SHOWERS).map(|_| rng.random_range(10.0..100.0)).collect();
    for (shower, &energy) in energies.iter().enumerate() {
        let n_filled = 330 + (13.0 * energy) as usize;
        // Sums of uniform numbers peak in the middle.
        let mut index =
            || ((rng.random::<f64>() + rng.random::<f64>() + rng.random::<f64>()) * 10.0) as usize;
        let places: Vec<[usize; 3]> = (0..n_filled).map(|_| [index(), index(), index()]).collect();
        for [layer, x, y] in places {
            cells[[shower, layer, x, y]] = 0.02 + 8.0 * rng.random::<f32>().powi(4);
        }
    }
    (cells, energies)
}

fn settings(replicas: usize) -> SampleSettings {
    let axes = |binning: &str| {
        Some(match binning {
            "cell_energy_mev" => Axis::log(69, 0.01, 30.0),
            "visible_energy_mev" => Axis::linear(100, 150.0, 2300.0),
            "n_hits" => Axis::linear(100, 200.0, 1400.0),
            "cog_z" => Axis::linear(50, 5.0, 25.0),
            "radial" => Axis::linear(24, 0.0, 24.0),
            "longitudinal" => Axis::linear(30, 0.0, 30.0),
            _ => return None,
        })
    };
    let histograms = binned_observables(axes).unwrap();
    SampleSettings { replicas, ..SampleSettings::new([30, 30, 30], 0.1, 0.2, histograms) }
}

fn filled(cells: &Array4<f32>, energies: &[f64], replicas: usize, key: u64) -> SampleAccumulator {
    let settings = Arc::new(settings(replicas));
    let mut accumulator = SampleAccumulator::new(settings, FileKind::FullSpectrum, key).unwrap();
    accumulator.fill(cells.view(), energies, 0).unwrap();
    accumulator
}

fn showers(criterion: &mut Criterion) {
    let (cells, energies) = photon_like();
    let mut group = criterion.benchmark_group("photon_showers");
    group.throughput(Throughput::Elements(N_SHOWERS as u64));
    group.bench_function("observables", |bencher| {
        let settings = settings(0).observables;
        bencher.iter(|| observables(black_box(cells.view()), &energies, &settings).unwrap());
    });
    for replicas in [0, 50] {
        group.bench_function(format!("six_histograms_{replicas}_replicas"), |bencher| {
            let mut accumulator = filled(&cells, &energies, replicas, 0);
            bencher.iter(|| accumulator.fill(black_box(cells.view()), &energies, 0).unwrap());
        });
    }
    group.finish();
}

fn comparison(criterion: &mut Criterion) {
    let (cells, energies) = photon_like();
    let sample = |name: &str, key| SampleSet {
        name: name.to_owned(),
        full: filled(&cells, &energies, 50, key),
        fixed: Vec::new(),
    };
    let (a, b) = (sample("a", 0), sample("b", 1));
    let fixed = fixed_energies(&[&a, &b], &[20.0, 50.0, 80.0]);
    criterion.bench_function("comparison_of_six_50_replicas", |bencher| {
        bencher.iter(|| compare_samples(black_box(&a), &b, &fixed).unwrap());
    });
}

criterion_group!(benches, showers, comparison);
criterion_main!(benches);
