//! What must hold for any two histograms or samples.

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report of a test")]

use calo_metrics::distance::{
    area_difference, chi2, jensen_shannon_distance, jensen_shannon_divergence, ks, ks_of_samples,
    separation_power, wasserstein1, wasserstein1_of_samples,
};
use calo_metrics::{Axis, Histogram};
use proptest::prelude::*;

const N_BINS: usize = 8;

fn histogram_of(slots: &[f64]) -> Histogram {
    let axis = Axis::linear(N_BINS, 0.0, 8.0).unwrap();
    Histogram::from_slots(axis, slots.to_vec(), slots.iter().map(|x| x * x).collect()).unwrap()
}

/// Contents of which at least one is above zero, many are not, over many orders of magnitude.
fn contents() -> impl Strategy<Value = Vec<f64>> {
    let content = prop_oneof![Just(0.0), 0.0..1e3, 1e-9..1e-6_f64, 1e9..1e12_f64];
    proptest::collection::vec(content, N_BINS + 2)
        .prop_filter("not empty", |slots| slots.iter().sum::<f64>() > 0.0)
}

fn all_distances(a: &Histogram, b: &Histogram) -> [f64; 7] {
    [
        jensen_shannon_divergence(a, b).unwrap(),
        jensen_shannon_distance(a, b).unwrap(),
        area_difference(a, b).unwrap(),
        separation_power(a, b).unwrap(),
        ks(a, b).unwrap(),
        wasserstein1(a, b).unwrap(),
        chi2(a, b).unwrap().value,
    ]
}

proptest! {
    #[test]
    fn symmetric_and_within_bounds(a in contents(), b in contents()) {
        let (a, b) = (histogram_of(&a), histogram_of(&b));
        let (there, back) = (all_distances(&a, &b), all_distances(&b, &a));
        for (x, y) in there.iter().zip(&back) {
            prop_assert!((x - y).abs() <= 1e-12 * x.abs().max(1.0), "{there:?} {back:?}");
        }
        let ln2 = std::f64::consts::LN_2;
        for (x, bound) in there.iter().zip([ln2, ln2.sqrt(), 1.0, 1.0, 1.0, 8.0, f64::INFINITY]) {
            prop_assert!((0.0..=bound * (1.0 + 1e-12)).contains(x), "{there:?}");
        }
    }

    #[test]
    fn zero_for_equal_shapes_of_any_size(a in contents(), scale in 1e-3..1e3_f64) {
        let scaled: Vec<f64> = a.iter().map(|x| x * scale).collect();
        let (a, b) = (histogram_of(&a), histogram_of(&scaled));
        prop_assert!(all_distances(&a, &a).iter().all(|&x| x == 0.0));
        let [divergence, distance, area, separation, ks, wasserstein, _] = all_distances(&a, &b);
        for x in [divergence, distance, area, separation, ks, wasserstein] {
            prop_assert!(x < 1e-13, "{x}");
        }
    }

    #[test]
    fn the_jensen_shannon_distance_is_a_metric(a in contents(), b in contents(), c in contents()) {
        let [a, b, c] = [&a, &b, &c].map(|slots| histogram_of(slots));
        let distance = |a, b| jensen_shannon_distance(a, b).unwrap();
        prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c) + 1e-12);
    }

    #[test]
    fn distances_bound_one_another(a in contents(), b in contents()) {
        let (a, b) = (histogram_of(&a), histogram_of(&b));
        let [divergence, _, area, separation, ks, ..] = all_distances(&a, &b);
        // Lin 1991: JSD <= ln 2 * V; V^2 <= separation <= V (Le Cam); the largest difference of sums is at most V.
        prop_assert!(divergence <= std::f64::consts::LN_2 * area + 1e-12);
        prop_assert!(separation <= area + 1e-12 && area * area <= separation + 1e-12);
        prop_assert!(ks <= area + 1e-12);
    }

    #[test]
    fn filling_is_additive(values in proptest::collection::vec((-2.0..10.0_f64, 0.0..5.0_f64), 0..60), cut in 0..60_usize) {
        let cut = cut.min(values.len());
        let axis = Axis::linear(N_BINS, 0.0, 8.0).unwrap();
        let fill = |values: &[(f64, f64)]| {
            let mut histogram = Histogram::new(axis.clone());
            values.iter().for_each(|&(value, weight)| histogram.fill(value, weight));
            histogram
        };
        let whole = fill(&values);
        let mut parts = fill(&values[..cut]);
        parts.merge(&fill(&values[cut..])).unwrap();
        for (x, y) in whole.slots().iter().zip(parts.slots()) {
            prop_assert!((x - y).abs() < 1e-12 * (1.0 + x));
        }
        for (x, y) in whole.squared_slots().iter().zip(parts.squared_slots()) {
            prop_assert!((x - y).abs() < 1e-12 * (1.0 + x));
        }
        let total: f64 = values.iter().map(|(_, weight)| weight).sum();
        prop_assert!((whole.total() - total).abs() < 1e-12 * (1.0 + total), "nothing is lost");
    }

    #[test]
    fn every_value_lies_between_the_edges_of_its_bin(
        value in prop_oneof![-1.0..60.0_f64, 1e-3..1e-1_f64],
        n_bins in 1..200_usize,
    ) {
        for axis in [Axis::log(n_bins, 0.01, 30.0).unwrap(), Axis::linear(n_bins, -0.5, 30.0).unwrap()] {
            let slot = axis.slot(value).unwrap();
            prop_assert!(slot == 0 || axis.edges()[slot - 1] <= value);
            prop_assert!(slot > n_bins || value < axis.edges()[slot]);
        }
    }

    #[test]
    fn sample_distances_are_symmetric_and_know_shifts(
        a in proptest::collection::vec(-50..50_i32, 1..40),
        b in proptest::collection::vec(-50..50_i32, 1..40),
        shift in -20..20_i32,
    ) {
        // Integers, so that ties abound.
        let float = |values: &[i32], shift: i32| values.iter().map(|&x| f64::from(x + shift)).collect::<Vec<_>>();
        let (a, b, moved) = (float(&a, 0), float(&b, 0), float(&a, shift));
        prop_assert!((wasserstein1_of_samples(&a, &b).unwrap() - wasserstein1_of_samples(&b, &a).unwrap()).abs() < 1e-9);
        prop_assert!((wasserstein1_of_samples(&a, &moved).unwrap() - f64::from(shift.abs())).abs() < 1e-9);
        let ks = ks_of_samples(&a, &b).unwrap();
        prop_assert!((0.0..=1.0).contains(&ks) && (ks - ks_of_samples(&b, &a).unwrap()).abs() < 1e-12);
        prop_assert!(ks_of_samples(&a, &a).unwrap() == 0.0);
        // Means differ by no more than what must be moved.
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        prop_assert!((mean(&a) - mean(&b)).abs() <= wasserstein1_of_samples(&a, &b).unwrap() + 1e-9);
    }
}
