//! What must hold of correlations, quantile bins and two-sample scores, whatever the showers.

use calo_metrics::results::Estimate;
use calo_metrics::{
    BootstrapSettings, Draw, Error, FrechetSettings, KernelSettings, OutOfFoldSettings, QuantileBins,
    QuantileSample, Result, fpd, frechet_distance, kernel_distance, kpd, largest_pearson_difference,
    out_of_fold, pearson_matrix, quantile_divergences, roc_auc,
};
use ndarray::{Array1, Array2, ArrayView2, Axis, array};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(n: usize, n_features: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((n, n_features), || StandardNormal.sample(&mut rng))
}

/// Samples of `rows` showers of three features between -10 and 10.
fn sample(rows: std::ops::Range<usize>) -> impl Strategy<Value = Array2<f64>> {
    vec([-10.0..10.0, -10.0..10.0, -10.0..10.0], rows).prop_map(Array2::from)
}

fn rotated(sample: &Array2<f64>, angle: f64) -> Array2<f64> {
    let (sin, cos) = angle.sin_cos();
    sample.dot(&array![[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
}

fn of_showers(rows: &Array2<f64>) -> QuantileSample {
    QuantileSample::of_showers(rows.clone()).expect("a finite sample")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn correlations_are_bounded_symmetric_and_know_no_units(
        sample in sample(3..60),
        scale in vec(0.01_f64..100.0, 3),
        shift in vec(-1e3_f64..1e3, 3),
    ) {
        let matrix = pearson_matrix(sample.view()).unwrap();
        let other_units = &sample * &Array1::from(scale) + Array1::from(shift);
        let again = pearson_matrix(other_units.view()).unwrap();
        for ((i, j), &value) in matrix.indexed_iter() {
            prop_assert!((-1.0..=1.0).contains(&value));
            prop_assert!((value - matrix[[j, i]]).abs() < 1e-12);
            prop_assert!((value - again[[i, j]]).abs() < 1e-8, "{} {}", value, again[[i, j]]);
        }
        let mirrored = pearson_matrix((&sample * &array![-1.0, 1.0, 1.0]).view()).unwrap();
        prop_assert!((mirrored[[0, 1]] + matrix[[0, 1]]).abs() < 1e-12);
    }

    #[test]
    fn quantile_bins_of_distinct_values_are_equally_full(
        order in Just((0..200_u32).collect::<Vec<_>>()).prop_shuffle(),
        n in 16_usize..200,
        n_splits in 0_u32..5,
    ) {
        // Both axes take each value once.
        let sample = Array2::from_shape_fn((n, 2), |(i, axis)| f64::from(order[i]) * (1.0 - 2.0 * axis as f64));
        let bins = QuantileBins::fit(sample.view(), n_splits).unwrap();
        let (min, max) = (bins.occupation().iter().min().unwrap(), bins.occupation().iter().max().unwrap());
        prop_assert!(max - min <= 1, "{:?}", bins.occupation());
        prop_assert_eq!(bins.occupation().iter().sum::<u64>(), n as u64);
    }

    #[test]
    fn quantile_bins_with_ties_lose_no_shower_and_keep_equals_together(
        values in vec(0_u8..6, 32..200),
        n_splits in 0_u32..6,
    ) {
        let sample = Array2::from_shape_fn((values.len(), 1), |(i, _)| f64::from(values[i]));
        let bins = QuantileBins::fit(sample.view(), n_splits).unwrap();
        let assigned = bins.assign(sample.view()).unwrap();
        let mut counts = vec![0; bins.occupation().len()];
        assigned.iter().for_each(|&bin| counts[bin as usize] += 1);
        prop_assert_eq!(bins.occupation(), &counts[..]);
        for (i, j) in (0..values.len()).zip(1..values.len()) {
            prop_assert!(values[i] != values[j] || assigned[i] == assigned[j]);
            prop_assert!(values[i] <= values[j] || assigned[i] >= assigned[j]);
        }
        let points = quantile_divergences(&bins, &of_showers(&sample), &BootstrapSettings::default()).unwrap();
        let last = points.last().unwrap();
        prop_assert_eq!(last.occupation.map(Some), [counts.iter().min().copied(), counts.iter().max().copied()]);
    }

    #[test]
    fn quantile_divergence_is_bounded_grows_with_resolution_and_vanishes_for_equal_samples(
        reference in sample(160..300),
        evaluated in sample(160..300),
        seed in any::<u64>(),
    ) {
        let bins = QuantileBins::fit(reference.view(), 4).unwrap();
        let bootstrap = BootstrapSettings { replicas: 10, seed };
        let values: Vec<f64> = quantile_divergences(&bins, &of_showers(&evaluated), &bootstrap).unwrap()
            .iter().map(|point| point.divergence.value).collect();
        prop_assert!(values[0].abs() < 1e-15);
        prop_assert!(values.iter().all(|value| (0.0..=std::f64::consts::LN_2).contains(value)));
        // What a finer binning cannot tell apart, a coarser one cannot either.
        prop_assert!(values.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12), "{:?}", values);
        for point in quantile_divergences(&bins, &of_showers(&reference), &bootstrap).unwrap() {
            prop_assert!(point.divergence.value.abs() < 1e-15);
        }
    }

    #[test]
    fn frechet_distance_is_a_distance_and_knows_no_axes(
        a in sample(2..40),
        b in sample(2..40),
        angle in 0.0..6.0,
    ) {
        let distance = frechet_distance(a.view(), b.view()).unwrap();
        prop_assert!(distance >= 0.0);
        prop_assert!(frechet_distance(a.view(), a.view()).unwrap() < 1e-9);
        let tolerance = 1e-9 * (1.0 + distance) * 1e2;
        prop_assert!((frechet_distance(b.view(), a.view()).unwrap() - distance).abs() < tolerance);
        let turned = frechet_distance(rotated(&a, angle).view(), rotated(&b, angle).view()).unwrap();
        prop_assert!((turned - distance).abs() < tolerance, "{} {}", turned, distance);
        let moved = frechet_distance((&a + 5.0).view(), (&b + 5.0).view()).unwrap();
        prop_assert!((moved - distance).abs() < tolerance, "{} {}", moved, distance);
    }

    #[test]
    fn kernel_distance_is_symmetric_and_knows_neither_order_nor_axes(
        a in sample(2..40),
        b in sample(2..40),
        angle in 0.0..6.0,
    ) {
        let distance = kernel_distance(a.view(), b.view()).unwrap();
        // Terms of (100 + 1)^4 cancel in the distance.
        let tolerance = 1e-14 * 101.0_f64.powi(4) * 1e2;
        prop_assert!((kernel_distance(b.view(), a.view()).unwrap() - distance).abs() < tolerance);
        let mut reversed = a.clone();
        reversed.invert_axis(Axis(0));
        prop_assert!((kernel_distance(reversed.view(), b.view()).unwrap() - distance).abs() < tolerance);
        let turned = kernel_distance(rotated(&a, angle).view(), rotated(&b, angle).view()).unwrap();
        prop_assert!((turned - distance).abs() < tolerance, "{} {}", turned, distance);
    }

    #[test]
    fn auc_of_swapped_samples_is_the_complement_and_only_order_matters(
        a in vec(-5_i32..5, 2..40),
        b in vec(-5_i32..5, 2..40),
    ) {
        let scores = |values: &[i32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let (a, b) = (scores(&a), scores(&b));
        let auc = roc_auc(&a, &b).unwrap();
        let swapped = roc_auc(&b, &a).unwrap();
        prop_assert!((0.0..=1.0).contains(&auc.value));
        prop_assert!((auc.value + swapped.value - 1.0).abs() < 1e-12);
        prop_assert!((auc.error.unwrap() - swapped.error.unwrap()).abs() < 1e-12);
        let stretched = |scores: &[f64]| scores.iter().map(|s| s.exp()).collect::<Vec<_>>();
        prop_assert!((roc_auc(&stretched(&a), &stretched(&b)).unwrap().value - auc.value).abs() < 1e-12);
    }
}

#[test]
fn one_distribution_has_no_distance_without_replacement_and_a_bias_with() {
    let (n, n_features, n_trials) = (400, 4, 12);
    let mut sums = [[0.0; 2]; 2];
    for trial in 0..n_trials {
        let [a, b] = [0, 1].map(|side| normal(n, n_features, 2 * trial + side));
        for (sums, draw) in sums.iter_mut().zip([Draw::WithoutReplacement, Draw::WithReplacement]) {
            let frechet = FrechetSettings { draw, ..FrechetSettings::for_sizes(n, n, trial) };
            let kernel = KernelSettings { draw, ..KernelSettings::for_sizes(n, n, trial) };
            sums[0] += fpd(a.view(), b.view(), &frechet).unwrap().value / n_trials as f64;
            sums[1] += kpd(a.view(), b.view(), &kernel).unwrap().value / n_trials as f64;
        }
    }
    let [[fpd_without, kpd_without], [fpd_with, kpd_with]] = sums;
    // The Frechet distance of two samples of n is about (2 d + d (d + 1) / 2) / n. The means alone fluctuate by
    // 2 sqrt(2 d) / n; the estimate is cut off at zero.
    let d = n_features as f64;
    let bias = (2.0 * d + d * (d + 1.0) / 2.0) / n as f64;
    assert!(fpd_without < 0.5 * bias, "{fpd_without} of {bias}");
    assert!((fpd_with / bias - 1.0).abs() < 0.5, "{fpd_with} of {bias}");
    // 2 (E k(x, x) - E k(x, y)) / n with x, y normal, from the moments of chi^2 and of x.y.
    let (second, third) = ((d + 2.0) / d, (d + 2.0) * (d + 4.0) / d.powi(2));
    let fourth = third * (d + 6.0) / d;
    let itself = 1.0 + 4.0 + 6.0 * second + 4.0 * third + fourth;
    let others = 1.0 + 6.0 / d + 3.0 * (d + 2.0) / d.powi(3);
    let bias = 2.0 * (itself - others) / n as f64;
    assert!(kpd_without.abs() < 0.25 * bias, "{kpd_without} of {bias}");
    assert!((kpd_with / bias - 1.0).abs() < 0.35, "{kpd_with} of {bias}");
}

#[test]
fn a_known_shift_and_width_give_the_known_frechet_distance() {
    let n = 5_000;
    let (a, b) = (normal(n, 3, 1), normal(n, 3, 2) * array![1.0, 2.0, 1.0] + array![0.5, 0.0, 0.0]);
    let ours = fpd(a.view(), b.view(), &FrechetSettings::for_sizes(n, n, 3)).unwrap();
    // 0.5^2 of the means, (2 - 1)^2 of the widths; derivatives times sqrt(2 / n) and sqrt((1 + 4) / 2n) of each.
    let (expected, error) = (1.25, (0.5_f64.powi(2) * 8.0 / n as f64 + 4.0 * 2.5 / n as f64).sqrt());
    assert!((ours.value - expected).abs() < 4.0 * error, "{ours:?} +- {error}");
}

/// How well trees tell two samples apart.
#[expect(clippy::needless_pass_by_value, reason = "array views are passed by value, as ndarray does")]
fn auc(reference: ArrayView2<'_, f64>, candidate: ArrayView2<'_, f64>, seed: u64) -> Result<Estimate> {
    let settings = OutOfFoldSettings { seed, ..OutOfFoldSettings::default() };
    Ok(out_of_fold([reference, candidate], [&[], &[]], &settings)?.auc)
}

#[test]
fn trees_tell_a_shift_as_well_as_can_be_and_equal_distributions_not_at_all() {
    let n = 3_000;
    let (a, b) = (normal(n, 4, 1), normal(n, 4, 2));
    let equal = auc(a.view(), b.view(), 0).unwrap();
    let error = equal.error.unwrap();
    // Variance of the Mann-Whitney statistic under the null: (n + m + 1) / (12 n m); 1.5^2 times that for five folds that
    // share training showers.
    let expected = 1.5 * (2.0 * n as f64 / 12.0).sqrt() / n as f64;
    assert!((error / expected - 1.0).abs() < 0.1, "{error}");
    assert!((equal.value - 0.5).abs() < 4.0 * error, "{equal:?}");
    // The best there is tells normal distributions shifted by s with Phi(s / sqrt 2): 0.7602 for s = 1.
    let shifted = &b + &array![1.0, 0.0, 0.0, 0.0];
    let told = auc(a.view(), shifted.view(), 0).unwrap();
    // Samples that differ scatter as folds that share nothing.
    let error = told.error.unwrap() / 1.5;
    assert!(told.value < 0.760_25 + 4.0 * error, "{told:?}");
    // What trees lose to noise in 4 features and 2 x 2,400 showers.
    assert!(told.value > 0.760_25 - 4.0 * error - 0.02, "{told:?}");
}

#[test]
fn samples_of_different_size_weigh_the_same() {
    let (a, b) = (normal(400, 2, 1), normal(4_000, 2, 2) + array![2.0, 0.0]);
    let one = auc(a.view(), b.view(), 0).unwrap();
    let other = auc(b.view(), a.view(), 0).unwrap();
    // Phi(2 / sqrt 2) = 0.9214 either way round.
    for auc in [one, other] {
        assert!((auc.value - 0.9214).abs() < 4.0 * auc.error.unwrap() / 1.5 + 0.01, "{auc:?}");
    }
}

#[test]
fn results_are_the_same_on_any_number_of_threads() {
    let (a, b) = (normal(300, 3, 1), normal(350, 3, 2));
    let all = |threads: usize| -> Vec<u64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (a, b) = (a.view(), b.view());
            let bootstrap = BootstrapSettings::default();
            let bins = QuantileBins::fit(a, 4).unwrap();
            let divergence =
                quantile_divergences(&bins, &of_showers(&b.to_owned()), &bootstrap).unwrap()[4].divergence;
            let estimates = [
                fpd(a, b, &FrechetSettings::for_sizes(300, 350, 5)).unwrap(),
                kpd(a, b, &KernelSettings::for_sizes(300, 350, 5)).unwrap(),
                auc(a, b, 5).unwrap(),
                largest_pearson_difference(a, b, &bootstrap).unwrap().unwrap().difference,
                divergence,
            ];
            estimates.iter().flat_map(|e| [e.value.to_bits(), e.error.unwrap().to_bits()]).collect()
        })
    };
    assert_eq!(all(1), all(3));
}

/// Every two-sample function on one pair of samples.
fn every_score(a: &Array2<f64>, b: &Array2<f64>) -> Vec<Result<()>> {
    let (a, b) = (a.view(), b.view());
    vec![
        frechet_distance(a, b).map(|_| ()),
        fpd(a, b, &FrechetSettings::for_sizes(a.nrows(), b.nrows(), 0)).map(|_| ()),
        kernel_distance(a, b).map(|_| ()),
        kpd(a, b, &KernelSettings::for_sizes(a.nrows(), b.nrows(), 0)).map(|_| ()),
        auc(a, b, 0).map(|_| ()),
        largest_pearson_difference(a, b, &BootstrapSettings::default()).map(|_| ()),
        QuantileBins::fit(a, 0)
            .and_then(|bins| {
                let b = QuantileSample::of_showers(b.to_owned())?;
                quantile_divergences(&bins, &b, &BootstrapSettings::default())
            })
            .map(|_| ()),
    ]
}

#[test]
fn sound_samples_have_every_score() {
    for result in every_score(&normal(60, 3, 1), &normal(60, 3, 2)) {
        assert_eq!(result, Ok(()));
    }
}

#[test]
fn bad_samples_are_errors_on_one_line() {
    let sound = normal(60, 3, 1);
    let mut broken = normal(60, 3, 2);
    broken[[7, 1]] = f64::NAN;
    let mut infinite = normal(60, 3, 2);
    infinite[[0, 0]] = f64::INFINITY;
    let cases = [
        Array2::zeros((0, 3)),
        Array2::zeros((60, 0)),
        Array2::zeros((0, 0)),
        broken,
        infinite,
        normal(60, 2, 2),
    ];
    for bad in &cases {
        for (a, b) in [(bad, &sound), (&sound, bad)] {
            for result in every_score(a, b) {
                let message = result.unwrap_err().to_string();
                assert!(!message.contains('\n') && !message.is_empty());
            }
        }
    }
    let message = frechet_distance(sound.view(), cases[3].view()).unwrap_err().to_string();
    assert_eq!(message, "candidate: NaN at index [7, 1]; expected finite numbers");
}

#[test]
fn too_few_showers_are_refused() {
    let (few, enough) = (normal(19, 2, 1), normal(60, 2, 2));
    let (few, enough) = (few.view(), enough.view());
    let refusals = [
        fpd(few, enough, &FrechetSettings::for_sizes(19, 60, 0)),
        kpd(few, enough, &KernelSettings::for_sizes(19, 60, 0)),
        auc(few, enough, 0),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Err(Error::TooFew { found: 19, .. })), "{refusal:?}");
    }
}
