//! What must hold for any sample.

use calo_latent::{
    Bandwidth, BinValidation, CrossValidation, HistogramDensity, Kde, KdeSettings, KernelCovariance,
    LatentOptimisation, Search, Stage, divergence_spectrum, pearson, scott, spearman,
};
use ndarray::{Array2, Axis, s};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn normal(n: usize, d: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((n, d), || rng.sample(StandardNormal))
}

fn rng_of(index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    rng.set_stream(index);
    rng
}

fn covariance() -> impl Strategy<Value = KernelCovariance> {
    prop_oneof![
        Just(KernelCovariance::Standardised),
        Just(KernelCovariance::Regressed),
        Just(KernelCovariance::FullCovariance)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_density_moves_and_stretches_with_its_points(
        seed in 0_u64..1000, shift in -1e3..1e3_f64, stretch in 0.01..100.0_f64, covariance in covariance(),
    ) {
        let (points, queries) = (normal(30, 3, seed), normal(5, 3, seed + 1000));
        let settings =
            KdeSettings { covariance, bandwidth: Bandwidth::Scott, condition: Some(1), ..Default::default() };
        let original = Kde::fit(points.view(), &settings).unwrap().log_density(queries.view()).unwrap();
        let move_all = |x: &Array2<f64>| x * stretch + shift;
        let moved = Kde::fit(move_all(&points).view(), &settings).unwrap();
        let moved = moved.log_density(move_all(&queries).view()).unwrap() + 3.0 * stretch.ln();
        prop_assert!((moved - original).iter().all(|x| x.abs() < 1e-6));
    }

    #[test]
    fn a_density_does_not_know_the_order_of_its_points_or_columns(seed in 0_u64..1000, covariance in covariance()) {
        let (points, queries) = (normal(30, 3, seed), normal(5, 3, seed + 1000));
        let fit = |points: &Array2<f64>, condition| {
            let settings = KdeSettings { covariance, bandwidth: Bandwidth::Silverman, condition, ..Default::default() };
            Kde::fit(points.view(), &settings).unwrap()
        };
        let original = fit(&points, Some(2)).log_density(queries.view()).unwrap();
        let backwards = fit(&points.slice(s![..;-1, ..;-1]).to_owned(), Some(0));
        let found = backwards.log_density(queries.slice(s![.., ..;-1])).unwrap();
        prop_assert!((found - original).iter().all(|x| x.abs() < 1e-10));
    }

    #[test]
    fn correlations_stay_within_one_and_turn_with_the_sign(seed in 0_u64..1000, stretch in 0.01..100.0_f64) {
        let (x, y) = (normal(20, 2, seed), normal(20, 3, seed + 1000));
        for correlation in [pearson, spearman] {
            let found = correlation(x.view(), y.view()).unwrap();
            prop_assert!(found.coefficient.iter().all(|r| r.abs() <= 1.0));
            let turned = correlation((&x * -stretch + 3.0).view(), y.view()).unwrap();
            prop_assert!((&turned.coefficient + &found.coefficient).iter().all(|r| r.abs() < 1e-10));
            prop_assert!((turned.error - &found.error).iter().all(|r| r.abs() < 1e-10));
        }
    }

    #[test]
    fn divergences_are_never_negative_fall_and_add_up(seed in 0_u64..1000) {
        let spectrum = divergence_spectrum(normal(10, 6, seed).view(), normal(10, 6, seed + 1).view()).unwrap();
        prop_assert!(spectrum.divergence.iter().all(|&d| d >= 0.0));
        prop_assert!(spectrum.divergence.is_sorted_by(|a, b| a >= b) && spectrum.cumulative.is_sorted());
        prop_assert!((spectrum.total() - spectrum.divergence.iter().sum::<f64>()).abs() < 1e-12);
    }

    #[test]
    fn optimised_points_stay_in_the_cube_and_move_along_the_gradient(
        seed in 0_u64..1000, alpha in 0.01..2.0_f64, beta in 0.01..5.0_f64,
    ) {
        let z = normal(6, 4, seed).mapv(|x| x.clamp(-1.0, 1.0));
        let gradient = normal(6, 4, seed + 1000);
        let settings = LatentOptimisation { step: alpha, damping: beta, n_steps: 1 };
        let moved = settings.step(z.view(), gradient.view()).unwrap();
        prop_assert!(moved.iter().all(|x| x.abs() <= 1.0));
        let step = &moved - &z;
        prop_assert!(step.iter().zip(&gradient).all(|(step, g)| step * g >= 0.0));
        let bound = alpha / (2.0 * beta.sqrt()) + 1e-12;
        prop_assert!(step.rows().into_iter().all(|step| step.dot(&step).sqrt() <= bound));
    }

    #[test]
    fn a_histogram_integrates_to_one(seed in 0_u64..1000, n_bins in 1_usize..6, pseudo_count in 0.0..2.0_f64) {
        let points = normal(40, 2, seed);
        let histogram = HistogramDensity::new(points.view(), &[n_bins, 3], pseudo_count).unwrap();
        let end = |axis: usize, better: fn(f64, f64) -> f64| points.column(axis).iter().copied().reduce(better).unwrap();
        let middle = |axis: usize, i: usize, n: usize| {
            let (low, high) = (end(axis, f64::min), end(axis, f64::max));
            low + (high - low) * (i as f64 + 0.5) / n as f64
        };
        let grid = Array2::from_shape_fn((n_bins * 3, 2), |(i, axis)| {
            if axis == 0 { middle(0, i / 3, n_bins) } else { middle(1, i % 3, 3) }
        });
        let volume: f64 = (0..2).map(|axis| end(axis, f64::max) - end(axis, f64::min)).product();
        let sum = histogram.log_density(grid.view()).unwrap().mapv(f64::exp).sum();
        prop_assert!((sum * volume / (n_bins as f64 * 3.0) - 1.0).abs() < 1e-9);
    }
}

#[test]
fn cross_validation_finds_the_optimum_of_a_normal_distribution_and_the_curve_peaks_there() {
    let points = normal(400, 1, 1);
    let settings = CrossValidation { n_coarse: 100, ..Default::default() };
    let settings = KdeSettings { bandwidth: Bandwidth::CrossValidated(settings), ..Default::default() };
    let kde = Kde::fit(points.view(), &settings).unwrap();
    // Likelihood's best bandwidth lies near 1.06 n^(-1/5); its own spread at n = 400 is some 20 %.
    let ratio = kde.bandwidths()[0] / (1.06 * scott(400, 1));
    assert!((0.5..1.8).contains(&ratio), "{ratio}");
    let Some(Search::Common(search)) = kde.search() else { unreachable!("one bandwidth was searched") };
    assert_eq!((search.n_points, search.n_coarse), (400, 100));
    let golden = search.evaluations.iter().filter(|e| e.stage == Stage::Golden);
    assert!(golden.clone().all(|e| e.log_likelihood <= search.best.log_likelihood) && golden.count() > 5);
    // Minus the entropy of N(0, 1), less what smoothing costs.
    assert!((search.best.log_likelihood + 1.419).abs() < 4.0 * search.best.error + 0.02);
}

#[test]
fn the_condition_gets_a_bandwidth_of_its_own() {
    // z does not depend on E, whose density has two narrow peaks.
    let mut points = normal(300, 2, 2);
    points
        .column_mut(1)
        .iter_mut()
        .enumerate()
        .for_each(|(i, e)| *e = 0.05 * *e + if i % 2 == 0 { 1.0 } else { -1.0 });
    let settings = CrossValidation { n_coarse: 100, ..Default::default() };
    let settings = KdeSettings {
        bandwidth: Bandwidth::CrossValidated(settings),
        condition: Some(1),
        ..Default::default()
    };
    let kde = Kde::fit(points.view(), &settings).unwrap();
    let (h, h_energy) = (kde.bandwidths()[0], kde.condition_bandwidth().unwrap());
    assert!(h > 0.15 && h_energy < 0.06, "{h} {h_energy}");
}

/// A ring in two columns, noise in two others, and a column that rises with the condition.
fn ring(n: usize) -> Array2<f64> {
    let mut points = normal(n, 6, 3);
    for mut point in points.rows_mut() {
        let (angle, condition) = (3.0 * point[0], 0.6 * point[5]);
        point[0] = angle.cos() + 0.1 * point[1];
        point[1] = angle.sin();
        point[4] = 0.8 * point[4] + condition;
    }
    points
}

#[test]
fn columns_that_depend_on_others_get_narrow_kernels_and_others_keep_their_variance() {
    let points = ring(1000);
    let fit = |bandwidth| {
        let settings = KdeSettings {
            covariance: KernelCovariance::Regressed,
            bandwidth,
            condition: Some(5),
            ..Default::default()
        };
        Kde::fit(points.view(), &settings).unwrap()
    };
    let kde = fit(Bandwidth::default());
    let h = kde.bandwidths();
    assert!(h[..2].iter().all(|h| *h < 0.4) && h[2..].iter().all(|h| *h > 0.7), "{h:?}");
    let Some(Search::PerDimension(ascent)) = kde.search() else { unreachable!("each column was searched") };
    assert!(ascent.log_likelihoods.is_sorted() && ascent.log_likelihoods.len() > 3, "{ascent:?}");
    // Unseen points are far likelier than with one common bandwidth, and as likely as the search says.
    let common = fit(Bandwidth::CrossValidated(CrossValidation { n_coarse: 200, ..Default::default() }));
    let unseen = ring(3000).slice(s![1000.., ..]).to_owned();
    let log_density = |kde: &Kde| kde.log_density(unseen.view()).unwrap();
    let [each, common] = [&kde, &common].map(|kde| log_density(kde).mean().unwrap());
    assert!(each > common + 0.5, "{each} {common}");
    let [searched, error] = kde.search().unwrap().log_likelihood();
    let error = error.hypot(log_density(&kde).std(1.0) / (unseen.nrows() as f64).sqrt());
    assert!((each - searched).abs() < 5.0 * error, "{each} {searched} +- {error}");

    let samples = kde.samples(0..20_000, rng_of);
    // Column 4 spreads with the condition, whose kernels are not moved.
    for column in 0..4 {
        let [expected, found] = [&points, &samples].map(|x| x.column(column).var(1.0));
        assert!((found / expected - 1.0).abs() < 0.05, "{column}: {found} {expected}");
    }
    // The regression on the condition is followed beyond the points near it.
    let [low, high] = [-1.0, 1.0].map(|at| {
        let given = kde.samples_given(ndarray::Array1::from_elem(5000, at).view(), 0, rng_of).unwrap();
        given.column(4).mean().unwrap()
    });
    assert!((high - low - 1.2).abs() < 0.15, "{low} {high}");
}

#[test]
fn as_many_bins_as_the_distribution_needs() {
    let settings = BinValidation { n_sets: 50, max_bins: 60, ..Default::default() };
    let mut uniform = ChaCha8Rng::seed_from_u64(1);
    let flat = Array2::from_shape_simple_fn((500, 1), || uniform.random::<f64>());
    let n_flat = HistogramDensity::fit(flat.view(), &settings).unwrap().n_bins()[0];
    let n_normal = HistogramDensity::fit(normal(500, 1, 1).view(), &settings).unwrap().n_bins()[0];
    assert!(n_flat <= 6 && (8..40).contains(&n_normal), "{n_flat} {n_normal}");
    let both = ndarray::concatenate(Axis(1), &[flat.view(), normal(500, 1, 1).view()]).unwrap();
    let fitted = HistogramDensity::fit(both.view(), &settings).unwrap();
    assert!(fitted.n_bins()[0] < fitted.n_bins()[1], "{:?}", fitted.n_bins());
    let search = fitted.search().unwrap();
    assert!(search.trials.iter().all(|trial| trial.log_likelihood <= search.best.log_likelihood));
}

#[test]
fn histogram_samples_follow_the_bins_and_know_no_range() {
    let points = normal(300, 2, 3);
    let histogram = HistogramDensity::new(points.view(), &[7, 4], 0.5).unwrap();
    let samples = histogram.samples(0..3000, rng_of);
    assert_eq!(histogram.samples(100..120, rng_of), samples.slice(s![100..120, ..]));
    for axis in 0..2 {
        let difference = samples.column(axis).mean().unwrap() - points.column(axis).mean().unwrap();
        assert!(difference.abs() < 0.25, "{difference}"); // bins are wide
    }
    assert!(histogram.log_density(samples.view()).unwrap().iter().all(|x| x.is_finite()));
    assert!(HistogramDensity::new(points.view(), &[0, 4], 0.5).is_err());
    assert!(HistogramDensity::new(points.view(), &[1 << 13, 1 << 13], 0.5).is_err());
    assert!(HistogramDensity::new(Array2::ones((5, 1)).view(), &[2], 0.5).is_err());
}
