//! Boosted trees on features against scikit-learn (`golden/make_trees.py`), and what their error covers.

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report")]

use calo_metrics::results::Estimate;
use calo_metrics::{OutOfFoldSettings, TreeSettings, out_of_fold};
use ndarray::{Array2, Zip};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

const N_SHOWERS: usize = 3000;
const N_FEATURES: usize = 8;
const N_TERMS: usize = 6;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    change: String,
    auc: f64,
}

/// The sample of `make_trees.py`.
fn sample(seed: u64) -> Array2<f64> {
    let mut state = seed;
    let mut uniform = || {
        state = (state * 1_664_525 + 1_013_904_223) % (1 << 32);
        (state >> 8) as f64 / f64::from(1 << 24)
    };
    Array2::from_shape_simple_fn((N_SHOWERS, N_FEATURES), || {
        (0..N_TERMS).map(|_| uniform()).sum::<f64>() - N_TERMS as f64 / 2.0
    })
}

/// The changes of `make_trees.py`.
fn change(candidate: &mut Array2<f64>, name: &str) {
    for mut x in candidate.rows_mut() {
        let per_unit = if name == "steps" { 5.0 } else { 4.0 };
        x[5] = (per_unit * x[5]).floor();
        match name {
            "shift" => x[0] += 0.3,
            "width" => x[1] *= 1.3,
            "correlation" => x[2] += 0.5 * x[3] * x[4],
            "detail" if x[6] > 0.5 && x[6] < 0.6 => x[6] = 0.0,
            _ => {}
        }
    }
}

#[test]
fn trees_are_as_sharp_as_those_of_scikit_learn() {
    let golden: Golden = serde_json::from_str(include_str!("golden/trees.json")).unwrap();
    let mut reference = sample(1);
    change(&mut reference, "same");
    for case in golden.cases {
        let mut candidate = sample(2);
        change(&mut candidate, &case.change);
        // Folds drawn otherwise move the area by 0.005; the mean of four ways is known to half of that.
        let areas = (0..4).map(|seed| {
            let settings = OutOfFoldSettings { seed, ..OutOfFoldSettings::default() };
            out_of_fold([reference.view(), candidate.view()], [&[], &[]], &settings).unwrap().auc.value
        });
        let ours = areas.sum::<f64>() / 4.0;
        assert!((ours - case.auc).abs() < 0.01, "{}: {ours} instead of {}", case.change, case.auc);
    }
}

fn normal(n: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((n, 5), || StandardNormal.sample(&mut rng))
}

/// Areas of unrelated pairs, the candidates moved by `shift`.
fn areas(
    n_pairs: u64,
    n: usize,
    shift: f64,
    area: impl Fn(&Array2<f64>, &Array2<f64>) -> Estimate,
) -> Vec<Estimate> {
    (0..n_pairs)
        .map(|pair| {
            let (reference, mut candidate) = (normal(n, 2 * pair), normal(n, 2 * pair + 1));
            Zip::from(candidate.column_mut(0)).for_each(|x| *x += shift);
            area(&reference, &candidate)
        })
        .collect()
}

fn small_trees(reference: &Array2<f64>, candidate: &Array2<f64>) -> Estimate {
    let trees = TreeSettings { n_trees: 30, learning_rate: 0.1, max_leaves: 8, ..TreeSettings::default() };
    let settings = OutOfFoldSettings { trees, ..OutOfFoldSettings::default() };
    out_of_fold([reference.view(), candidate.view()], [&[], &[]], &settings).unwrap().auc
}

/// Root mean square of (area - 1/2) / error.
fn width_of_pulls(areas: &[Estimate]) -> f64 {
    let squares = areas.iter().map(|area| ((area.value - 0.5) / area.error.unwrap()).powi(2));
    (squares.sum::<f64>() / areas.len() as f64).sqrt()
}

#[test]
fn pulls_of_unrelated_samples_of_one_population_have_width_one() {
    // A width from 200 pulls is known to 5 %.
    let width = width_of_pulls(&areas(200, 200, 0.0, small_trees));
    assert!((width - 1.0).abs() < 0.2, "{width}");
}

/// Where samples differ, less of the error is that of the training: it may be too large, but not too small.
#[test]
fn the_error_covers_the_spread_of_areas_of_samples_that_differ() {
    let areas = areas(100, 200, 0.8, small_trees);
    let n = areas.len() as f64;
    let mean = areas.iter().map(|area| area.value).sum::<f64>() / n;
    let spread = (areas.iter().map(|area| (area.value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let error = areas.iter().map(|area| area.error.unwrap()).sum::<f64>() / n;
    assert!(mean > 0.65 && (0.5..1.2).contains(&(spread / error)), "{mean}: {spread} {error}");
}
