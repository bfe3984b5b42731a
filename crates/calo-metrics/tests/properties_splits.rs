//! Split comparisons: nothing above the floor without a difference, and the true distance with one, whatever n.

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report of a test")]

mod common;

use std::f64::consts::LN_2;

use calo_metrics::results::{EnergySource, SplitComparison};
use calo_metrics::{
    FileKind, FixedEnergy, SampleAccumulator, SampleSet, Splits, compare_halves, compare_samples,
    compare_splits, fixed_energies, split_size,
};
use common::{Toys, sample, settings, toys};
use ndarray::s;

const N_SPLITS: usize = 20;
const SEED: u64 = 3;

/// A sample with splits into parts of `sizes`, filled in batches that end at `cuts`.
fn split_sample(name: &str, toys: &Toys, key: u64, sizes: [usize; 2], cuts: &[usize]) -> SampleSet {
    let splits = Splits::draw(N_SPLITS, sizes, toys.energies.len(), SEED, key).unwrap();
    let empty = SampleAccumulator::new(settings().into(), FileKind::FullSpectrum, key).unwrap();
    let mut full = empty.with_splits(splits).unwrap();
    let mut from = 0;
    for &to in cuts.iter().chain([&toys.energies.len()]) {
        full.fill(toys.cells.slice(s![from..to, .., .., ..]), &toys.energies[from..to], from as u64).unwrap();
        from = to;
    }
    SampleSet { name: name.to_owned(), full, fixed: Vec::new() }
}

fn compared(reference: &Toys, candidate: &Toys) -> Vec<SplitComparison> {
    let n = split_size(reference.energies.len() as u64, [candidate.energies.len() as u64]) as usize;
    let reference = split_sample("reference", reference, 0, [n, n], &[]);
    let candidate = split_sample("candidate", candidate, 1, [n, 0], &[]);
    let energies = fixed_energies(&[&reference, &candidate], &[20.0, 50.0, 80.0]);
    let compared = compare_splits(&reference, &[&candidate], &energies, SEED).unwrap();
    assert_eq!(compared.gaps, []);
    compared.candidates.into_iter().next().unwrap()
}

fn of<'a>(comparisons: &'a [SplitComparison], observable: &str) -> &'a SplitComparison {
    comparisons.iter().find(|comparison| comparison.observable == observable).unwrap()
}

/// Standard deviation of the divergence of two samples of `n` in `n_bins` bins, times sqrt(2): to second order it is
/// chi-squared with n_bins - 1 degrees of freedom over 4 n, and two such divergences are subtracted.
fn fluctuation(n_bins: usize, n: u64) -> f64 {
    (2.0 * (n_bins as f64 - 1.0)).sqrt() / (4.0 * n as f64) * 2.0_f64.sqrt()
}

/// Observables with one entry a shower, their bins (under- and overflow included) and parts.
const COUNTED: [(&str, usize); 3] = [("visible_energy", 27), ("n_hits", 22), ("cog_z", 16)];

#[test]
fn another_sample_of_the_same_showers_has_no_excess() {
    for seed in 0..4 {
        let comparisons = compared(&toys(1600, 10 + seed, 1.0), &toys(900, 20 + seed, 1.0));
        assert_eq!(comparisons.len(), 6);
        for (observable, n_bins) in COUNTED {
            let found = of(&comparisons, observable);
            for part in &found.parts {
                let limit = 5.0 * fluctuation(n_bins, part.n_showers);
                let square = part.distances.jsd.value.powi(2) - part.distances.floor.value.powi(2);
                assert!(square.abs() < limit, "{observable:?} {part:?}: {square} {limit}");
            }
        }
        // The floor itself is what statistics say, (filled bins - 1) / 4n. Twenty splits fix it to
        // sqrt(2 / 20 / (filled bins - 1)), 0.15 of it; bins with few showers give a little less.
        let cog_z = sample("all", &toys(1600, 10 + seed, 1.0), 0).full.histogram("cog_z", None).unwrap();
        let n_filled = cog_z.slots().iter().filter(|&&count| count > 0.0).count() as f64;
        let floor = of(&comparisons, "cog_z").distances.floor.value.powi(2);
        let expected = (n_filled - 1.0) / (4.0 * 800.0);
        assert!((0.4..1.6).contains(&(floor / expected)), "{floor} {expected}");
    }
}

#[test]
fn a_sample_against_itself_is_not_above_the_floor() {
    let showers = toys(1000, 1, 1.0);
    for comparison in compared(&showers, &showers) {
        assert!(comparison.distances.excess.value == 0.0, "{comparison:?}");
    }
}

#[test]
fn the_excess_is_the_true_distance_whatever_the_number_of_showers() {
    let response = 1.25;
    // The distance without noise, from many showers.
    let [a, b] = [toys(30_000, 1, 1.0), toys(30_000, 2, response)];
    let (a, b) = (sample("a", &a, 0), sample("b", &b, 1));
    let energies = fixed_energies(&[&a, &b], &[20.0, 50.0, 80.0]);
    let truth = compare_samples(&a, &b, &energies).unwrap();
    let noise = compare_halves(&a, &energies).unwrap();
    for n in [600, 3000] {
        let comparisons = compared(&toys(2 * n, 5, 1.0), &toys(n, 6, response));
        for (observable, n_bins) in COUNTED.into_iter().take(2) {
            let jsd = |of: &calo_metrics::ComparedHistograms| {
                of.histograms.iter().find(|h| h.observable == observable).unwrap().jsd.value
            };
            let found = of(&comparisons, observable);
            // Half of the halves' noise is in the truth; the noise of the excess is that of a divergence D of n showers,
            // about sqrt(2 D / n), and the fluctuation of the floors. Three energies are averaged.
            let square = jsd(&truth).powi(2) - 0.5 * jsd(&noise).powi(2);
            let error = (2.0 * square / found.n_showers as f64).sqrt() + fluctuation(n_bins, found.n_showers);
            let difference = found.distances.excess.value.powi(2) - square;
            assert!(
                difference.abs() < 5.0 * error / 3.0_f64.sqrt(),
                "{observable:?} {n}: {found:?} {square}"
            );
            let significance = found.distances.excess.value / found.distances.excess.error.unwrap();
            assert!(n < 3000 || significance > 3.0, "{found:?}");
        }
    }
}

#[test]
fn the_error_of_the_excess_is_its_spread_over_samples() {
    // Without and with a difference; candidates as many as the reference, and half as many.
    for (response, n_candidate) in [(1.0, 600), (1.0, 300), (1.25, 600), (1.25, 300)] {
        let (mut squares, mut variances) = (Vec::new(), Vec::new());
        for seed in 0..30 {
            let comparisons =
                compared(&toys(600, 100 + 2 * seed, 1.0), &toys(n_candidate, 101 + 2 * seed, response));
            let found = of(&comparisons, "cog_z").distances;
            let visible = of(&comparisons, "visible_energy").distances;
            let found = if response > 1.0 { visible } else { found };
            squares.push(found.jsd.value.powi(2) - found.floor.value.powi(2));
            let upper = found.excess.value + found.excess.error.unwrap();
            variances.push((upper.powi(2) - found.excess.value.powi(2)).powi(2));
        }
        let n = squares.len() as f64;
        let mean = squares.iter().sum::<f64>() / n;
        let spread = (squares.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        let error = (variances.iter().sum::<f64>() / n).sqrt();
        // The spread of 30 is known to 1 / sqrt(2 * 29) = 13 %, for skewed squares somewhat less well.
        assert!((0.55..1.8).contains(&(error / spread)), "{response} {n_candidate}: {spread} {error}");
    }
}

#[test]
fn exchanging_the_samples_changes_the_distance_by_statistics_only() {
    let [a, b] = [toys(1200, 7, 1.0), toys(1200, 8, 1.2)];
    let (forward, backward) = (compared(&a, &b), compared(&b, &a));
    for (observable, n_bins) in COUNTED {
        let [forward, backward] = [&forward, &backward].map(|comparisons| of(comparisons, observable));
        let squares = [forward, backward].map(|found| found.distances.jsd.value.powi(2));
        let limit = 5.0
            * (fluctuation(n_bins, forward.n_showers) + (2.0 * squares[0] / forward.n_showers as f64).sqrt());
        assert!((squares[0] - squares[1]).abs() < limit, "{observable:?} {squares:?}");
    }
}

#[test]
fn batches_and_threads_change_nothing() {
    let [a, b] = [toys(300, 7, 1.0), toys(200, 8, 1.2)];
    let compare = |cuts: &[usize]| {
        let reference = split_sample("a", &a, 0, [150, 150], cuts);
        let candidate = split_sample("b", &b, 1, [150, 0], cuts);
        let energies = fixed_energies(&[&reference, &candidate], &[50.0]);
        compare_splits(&reference, &[&candidate], &energies, SEED).unwrap()
    };
    let whole = compare(&[]);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| compare(&[1, 77, 160])), whole);
    }
}

#[test]
fn samples_far_apart_reach_the_largest_distance_and_what_is_missing_is_named() {
    let (near, far) = (toys(400, 1, 1.0), toys(200, 2, 40.0));
    let comparisons = compared(&near, &far);
    let visible = of(&comparisons, "visible_energy");
    assert!((visible.distances.jsd.value - LN_2.sqrt()).abs() < 0.05, "{visible:?}");

    let reference = split_sample("near", &near, 0, [200, 200], &[]);
    let candidate = sample("far", &far, 1);
    let energies = [FixedEnergy { energy_gev: 20.0, preferred: EnergySource::Window }];
    let compared = compare_splits(&reference, &[&candidate], &energies, SEED).unwrap();
    assert_eq!(compared.candidates[0].len(), 2, "visible energy and hits need no splits of the file");
    assert_eq!(compared.gaps.len(), 4, "{:?}", compared.gaps);
    let none = compare_splits(&candidate, &[&reference], &energies, SEED).unwrap();
    assert_eq!(none.gaps.len(), 1);
}
