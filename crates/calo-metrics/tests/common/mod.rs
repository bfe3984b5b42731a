//! Toy showers for the tests: blobs on a small grid, from a seed.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::allow_attributes, reason = "an expectation would fail in the files that use all")]

use std::sync::Arc;

use calo_metrics::{
    Axis, FileKind, ObservableSettings, SampleAccumulator, SampleSet, SampleSettings, ShowerStart,
    binned_observables,
};
use ndarray::{Array4, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// `[layers, nx, ny]` of the toy showers.
pub(crate) const SHAPE: [usize; 3] = [7, 6, 5];

/// The papers' observables, all of which the settings of the tests have.
pub(crate) const IDS: [&str; 6] =
    ["cell_energy", "visible_energy", "n_hits", "cog_z", "radial", "longitudinal"];

/// Cells and incident energies.
#[derive(Debug, Clone)]
pub(crate) struct Toys {
    pub(crate) cells: Array4<f32>,
    pub(crate) energies: Vec<f64>,
}

/// `n` showers of 10 to 100 GeV whose energy is `response` times the right one; a few have no cell above the cut.
pub(crate) fn toys(n: usize, seed: u64, response: f32) -> Toys {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let [layers, nx, ny] = SHAPE;
    let mut cells = Array4::zeros((n, layers, nx, ny));
    let energies: Vec<f64> = (0..n).map(|_| rng.random_range(10.0..100.0)).collect();
    for (shower, &energy) in energies.iter().enumerate() {
        if rng.random_bool(0.02) {
            cells[[shower, 0, 0, 0]] = 0.05;
            continue;
        }
        for _ in 0..40 {
            let layer = (rng.random::<f64>() * rng.random::<f64>() * layers as f64) as usize;
            let (x, y) = (rng.random_range(0..nx), rng.random_range(0..ny));
            cells[[shower, layer, x, y]] += response * rng.random::<f32>().powi(3) * energy as f32 * 0.05;
        }
    }
    Toys { cells, energies }
}

pub(crate) fn observable_settings() -> ObservableSettings {
    ObservableSettings { cell_cut_mev: 0.1, shower_start: ShowerStart::new(0.2) }
}

pub(crate) fn settings() -> SampleSettings {
    let axes = |binning: &str| {
        Some(match binning {
            "cell_energy_mev" => Axis::log(20, 0.01, 10.0),
            "visible_energy_mev" => Axis::linear(25, 5.0, 60.0),
            "n_hits" => Axis::linear(20, 5.0, 40.0),
            "cog_z" => Axis::linear(14, 0.0, 7.0),
            "radial" => Axis::linear(4, 0.0, 4.0),
            "longitudinal" => Axis::linear(7, 0.0, 7.0),
            _ => return None,
        })
    };
    let mut settings = SampleSettings::new(SHAPE, 0.1, 0.2, binned_observables(axes).unwrap());
    settings.replicas = 12;
    settings.window_half_width_gev = 5.0;
    settings
}

/// Fills `toys` in batches that end at `cuts`.
pub(crate) fn accumulate(toys: &Toys, kind: FileKind, key: u64, cuts: &[usize]) -> SampleAccumulator {
    accumulate_with(settings(), toys, kind, key, cuts)
}

/// The same with other settings.
pub(crate) fn accumulate_with(
    settings: SampleSettings,
    toys: &Toys,
    kind: FileKind,
    key: u64,
    cuts: &[usize],
) -> SampleAccumulator {
    let mut accumulator = SampleAccumulator::new(Arc::new(settings), kind, key).unwrap();
    let mut from = 0;
    for &to in cuts.iter().chain([&toys.energies.len()]) {
        let batch = toys.cells.slice(s![from..to, .., .., ..]);
        accumulator.fill(batch, &toys.energies[from..to], from as u64).unwrap();
        from = to;
    }
    accumulator
}

/// A sample without fixed-energy files.
pub(crate) fn sample(name: &str, toys: &Toys, key: u64) -> SampleSet {
    SampleSet {
        name: name.to_owned(),
        full: accumulate(toys, FileKind::FullSpectrum, key, &[]),
        fixed: Vec::new(),
    }
}
