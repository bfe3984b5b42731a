//! Showers a second on one thread, and the time to prepare the tables.

use std::hint::black_box;

use calo_core::Detector;
use calo_sim::{Kind, Simulator};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Showers of an iteration: enough for the fluctuations of one to average out.
const SHOWERS: u64 = 20;

fn showers(c: &mut Criterion) {
    for (name, detector, kind) in
        [("photons", "ild-ecal", Kind::Photon), ("pions", "ild-ahcal", Kind::PionPlus)]
    {
        let detector = Detector::load(detector).expect("a built-in detector");
        let simulator = Simulator::new(&detector, kind).expect("built-in materials");
        let mut worker = simulator.worker();
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(SHOWERS)).sample_size(10);
        for (energy, energies_gev) in
            [("10 GeV", [10.0, 10.0]), ("100 GeV", [100.0, 100.0]), ("10-100 GeV", [10.0, 100.0])]
        {
            let mut first = 0;
            group.bench_function(energy, |b| {
                b.iter(|| {
                    for index in first..first + SHOWERS {
                        black_box(worker.shower(1, index, energies_gev));
                    }
                    first += SHOWERS;
                });
            });
        }
        group.finish();
    }
}

fn tables(c: &mut Criterion) {
    let detector = Detector::load("ild-ecal").expect("a built-in detector");
    let mut group = c.benchmark_group("tables");
    group.sample_size(10);
    group.bench_function("ild-ecal", |b| b.iter(|| Simulator::new(black_box(&detector), Kind::Photon)));
    group.finish();
}

criterion_group!(benches, showers, tables);
criterion_main!(benches);
