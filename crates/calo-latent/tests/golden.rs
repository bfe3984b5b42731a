//! Log densities and correlations against scikit-learn and SciPy (`golden/make_kde.py`).

#![expect(clippy::needless_pass_by_value, reason = "array views are passed by value, as ndarray does")]
#![expect(clippy::unwrap_used, reason = "a failed expectation is the report")]

use calo_latent::{Bandwidth, Kde, KdeSettings, KernelCovariance, pearson, spearman};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    points: Vec<[f64; 25]>,
    queries: Vec<[f64; 25]>,
    sklearn_3d: Vec<f64>,
    sklearn_standardised: Vec<f64>,
    scipy_scott: Vec<f64>,
    scipy_silverman: Vec<f64>,
    scipy_number: Vec<f64>,
    pearson: Vec<[f64; 2]>,
    spearman: Vec<[f64; 2]>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/kde.json")).unwrap()
}

fn log_density(
    points: ArrayView2<'_, f64>,
    queries: ArrayView2<'_, f64>,
    settings: &KdeSettings,
) -> Array1<f64> {
    Kde::fit(points, settings).unwrap().log_density(queries).unwrap()
}

fn assert_close(found: &Array1<f64>, expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{found} {expected}");
    }
}

fn fixed(bandwidth: f64, condition: Option<f64>) -> Bandwidth {
    Bandwidth::Fixed { bandwidth, condition }
}

#[test]
fn log_densities_are_those_of_scikit_learn() {
    let golden = golden();
    let (points, queries) = (Array2::from(golden.points), Array2::from(golden.queries));
    let plain =
        KdeSettings { covariance: KernelCovariance::None, bandwidth: fixed(0.7, None), ..Default::default() };
    let found = log_density(points.slice(s![.., ..3]), queries.slice(s![.., ..3]), &plain);
    assert_close(&found, &golden.sklearn_3d);
    let bandwidth = fixed(0.4, Some(0.1));
    let standardised = KdeSettings { bandwidth, condition: Some(24), ..Default::default() };
    assert_close(&log_density(points.view(), queries.view(), &standardised), &golden.sklearn_standardised);
}

#[test]
fn log_densities_are_those_of_scipy_whichever_column_is_the_condition() {
    let golden = golden();
    let (points, queries) = (Array2::from(golden.points), Array2::from(golden.queries));
    for condition in [None, Some(24), Some(0), Some(7)] {
        for (bandwidth, expected) in [
            (Bandwidth::Scott, &golden.scipy_scott),
            (Bandwidth::Silverman, &golden.scipy_silverman),
            (fixed(0.9, None), &golden.scipy_number),
        ] {
            let covariance = KernelCovariance::FullCovariance;
            let settings = KdeSettings { covariance, bandwidth, condition, ..Default::default() };
            assert_close(&log_density(points.view(), queries.view(), &settings), expected);
        }
    }
}

#[test]
fn correlations_are_those_of_scipy_with_ties_too() {
    let golden = golden();
    let points = Array2::from(golden.points);
    let pick = |columns: &[usize]| points.select(Axis(1), columns);
    let found = pearson(pick(&[0, 1]).view(), pick(&[24, 2]).view()).unwrap();
    let ranked = spearman(
        pick(&[0, 1]).mapv(f64::round_ties_even).view(),
        pick(&[24, 2]).mapv(f64::round_ties_even).view(),
    )
    .unwrap();
    for (found, expected) in [(found, golden.pearson), (ranked, golden.spearman)] {
        assert!((found.coefficient - Array2::from(expected)).iter().all(|x| x.abs() < 1e-12));
    }
}
