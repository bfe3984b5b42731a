//! Two-sample scores against NumPy, SciPy, scikit-learn and JetNet on the real sample (`golden/make_two_sample.py`).

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report")]

use calo_metrics::{
    BootstrapSettings, Column, Draw, FrechetSettings, KernelSettings, QuantileBins, QuantileSample,
    Standardisation, fpd, fpd_of_batches, frechet_distance, kpd, kpd_of_batches, mean_distances,
    pearson_matrix, quantile_divergences, roc_auc,
};
use ndarray::{Array2, Axis, s};
use serde::Deserialize;

const SEED: u64 = 42;

#[derive(Deserialize)]
struct Golden {
    labels: Vec<String>,
    showers: Vec<[f64; 12]>,
    pearson_reference: Vec<Vec<f64>>,
    pearson_candidate: Vec<Vec<f64>>,
    mean: Vec<f64>,
    std: Vec<f64>,
    frechet_distance: f64,
    fpd_sizes: Vec<usize>,
    fpd_means: Vec<f64>,
    fpd: [f64; 2],
    fpd_exact: [f64; 2],
    kpd: [f64; 2],
    quantile_edges: Vec<f64>,
    quantile_counts: [Vec<u64>; 2],
    quantile_divergence: f64,
    scores: [Vec<f64>; 2],
    roc_auc: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/two_sample.json")).unwrap()
}

/// Even showers are the reference, odd ones the candidate.
fn halves(golden: &Golden) -> [Array2<f64>; 2] {
    let showers = Array2::from(golden.showers.clone());
    [showers.slice(s![0..;2, ..]).to_owned(), showers.slice(s![1..;2, ..]).to_owned()]
}

/// Both samples standardised with the reference, the candidate moved by a tenth.
fn standardised(golden: &Golden) -> [Array2<f64>; 2] {
    let columns = Column::TWO_SAMPLE.map(|column| column as usize);
    let [reference, candidate] = halves(golden).map(|half| half.select(Axis(1), &columns));
    let names = Column::TWO_SAMPLE.map(Column::label);
    let scale = Standardisation::fit(reference.view(), &names).unwrap();
    [scale.apply(reference.view()).unwrap(), scale.apply(candidate.view()).unwrap() + 0.1]
}

/// The generator that stands for NumPy's in `make_two_sample.py`.
fn fixed_choices(seed: u64, call: usize, n: usize, size: usize) -> Vec<usize> {
    let mut state = seed + 7919 * call as u64;
    let mut next = || {
        state = (state * 1_664_525 + 1_013_904_223) % (1 << 32);
        (state >> 16) as usize % n
    };
    (0..size).map(|_| next()).collect()
}

fn jetnet_fpd_batch(n: usize) -> impl Fn(usize, usize) -> [Vec<usize>; 2] + Sync {
    move |batch, size| [0, 1].map(|side| fixed_choices(SEED, 2 * batch + side, n, size))
}

#[track_caller]
fn assert_close(ours: f64, theirs: f64, relative: f64) {
    assert!((ours - theirs).abs() <= relative * theirs.abs(), "{ours} instead of {theirs}");
}

#[test]
fn the_columns_are_the_pearson_set() {
    assert_eq!(golden().labels, Column::PEARSON.map(Column::label));
}

#[test]
fn pearson_matrices_are_those_of_numpy() {
    let golden = golden();
    let expected = [&golden.pearson_reference, &golden.pearson_candidate];
    for (half, expected) in halves(&golden).iter().zip(expected) {
        for (ours, theirs) in pearson_matrix(half.view()).unwrap().iter().zip(expected.iter().flatten()) {
            assert!((ours - theirs).abs() < 1e-12, "{ours} instead of {theirs}");
        }
    }
}

#[test]
fn standardisation_is_that_of_scikit_learn() {
    let golden = golden();
    let columns = Column::TWO_SAMPLE.map(|column| column as usize);
    let reference = halves(&golden)[0].select(Axis(1), &columns);
    let scale = Standardisation::fit(reference.view(), &Column::TWO_SAMPLE.map(Column::label)).unwrap();
    for (ours, theirs) in scale.mean.iter().zip(&golden.mean).chain(scale.std.iter().zip(&golden.std)) {
        assert_close(*ours, *theirs, 1e-12);
    }
}

#[test]
fn frechet_distance_is_that_of_jetnet() {
    let golden = golden();
    let [reference, candidate] = standardised(&golden);
    let ours = frechet_distance(reference.view(), candidate.view()).unwrap();
    assert_close(ours, golden.frechet_distance, 1e-9);
}

#[test]
fn fpd_of_given_batches_is_that_of_jetnet() {
    let golden = golden();
    let [reference, candidate] = standardised(&golden);
    let settings = FrechetSettings {
        min_samples: 40,
        max_samples: 100,
        n_points: 5,
        n_batches: 4,
        draw: Draw::WithReplacement,
        seed: SEED,
    };
    assert_eq!(settings.batch_sizes(), golden.fpd_sizes);
    let draw = jetnet_fpd_batch(reference.nrows());
    let means = mean_distances(reference.view(), candidate.view(), &golden.fpd_sizes, 4, &draw).unwrap();
    for (ours, theirs) in means.iter().zip(&golden.fpd_means) {
        assert_close(*ours, *theirs, 1e-9);
    }
    let ours = fpd_of_batches(reference.view(), candidate.view(), &golden.fpd_sizes, 4, &draw).unwrap();
    let [value, error] = [ours.value, ours.error.unwrap()];
    assert_close(value, golden.fpd_exact[0], 1e-9);
    assert_close(error, golden.fpd_exact[1], 1e-9);
    // JetNet's iterative fit stops this close to the optimum.
    assert_close(value, golden.fpd[0], 1e-6);
    assert_close(error, golden.fpd[1], 1e-6);
}

#[test]
fn kpd_of_given_batches_is_that_of_jetnet() {
    let golden = golden();
    let [reference, candidate] = standardised(&golden);
    let n = reference.nrows();
    let draw = |batch: usize| [0, 1].map(|side| fixed_choices(SEED + 1000 * batch as u64, side, n, 80));
    let ours = kpd_of_batches(reference.view(), candidate.view(), 7, draw).unwrap();
    assert_close(ours.value, golden.kpd[0], 1e-9);
    assert_close(ours.error.unwrap(), golden.kpd[1], 1e-9);
}

/// Our own draws differ from JetNet's, and without replacement they lack its bias; the answer is of the same size.
#[test]
fn own_draws_agree_within_errors() {
    let golden = golden();
    let [reference, candidate] = standardised(&golden);
    let n = reference.nrows();
    let settings = FrechetSettings {
        min_samples: 40,
        max_samples: 100,
        n_points: 10,
        n_batches: 200,
        draw: Draw::WithReplacement,
        seed: 1,
    };
    let with_replacement = fpd(reference.view(), candidate.view(), &settings).unwrap();
    let spread = (golden.fpd[1].powi(2) + with_replacement.error.unwrap().powi(2)).sqrt();
    assert!((with_replacement.value - golden.fpd[0]).abs() < 4.0 * spread, "{with_replacement:?}");
    let kernel = KernelSettings { n_batches: 200, batch_size: 80, draw: Draw::WithReplacement, seed: 1 };
    let ours = kpd(reference.view(), candidate.view(), &kernel).unwrap();
    assert!((ours.value - golden.kpd[0]).abs() < 4.0 * golden.kpd[1] / 7.0_f64.sqrt(), "{ours:?}");
    let unbiased = kpd(reference.view(), candidate.view(), &KernelSettings::for_sizes(n, n, 1)).unwrap();
    assert!(unbiased.value < ours.value, "{unbiased:?} {ours:?}");
}

#[test]
fn quantile_bins_are_those_of_numpy() {
    let golden = golden();
    let plane = [Column::VisibleEnergyMev as usize, Column::M1z as usize];
    let [reference, candidate] = halves(&golden).map(|half| half.select(Axis(1), &plane));
    let bins = QuantileBins::fit(reference.view(), 3).unwrap();
    for (ours, theirs) in bins.edges().iter().zip(&golden.quantile_edges) {
        assert_close(*ours, *theirs, 1e-15);
    }
    assert_eq!(bins.occupation(), golden.quantile_counts[0]);
    let mut counts = vec![0; 8];
    bins.assign(candidate.view()).unwrap().into_iter().for_each(|bin| counts[bin as usize] += 1);
    assert_eq!(counts, golden.quantile_counts[1]);
    let points = quantile_divergences(
        &bins,
        &QuantileSample::of_showers(candidate).unwrap(),
        &BootstrapSettings::default(),
    )
    .unwrap();
    assert_close(points[3].divergence.value, golden.quantile_divergence, 1e-12);
}

#[test]
fn roc_auc_with_ties_is_that_of_scikit_learn() {
    let golden = golden();
    let [reference, candidate] = &golden.scores;
    assert_close(roc_auc(reference, candidate).unwrap().value, golden.roc_auc, 1e-12);
}
