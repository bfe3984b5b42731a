//! The judge of the CaloChallenge, judged: copies are at their best scores, and each kind of fault is found by a score that
//! should find it.

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report")]

use calo_metrics::challenge::{
    CHALLENGE_SCORES, ChallengeHalf, ChallengeSample, ChallengeSettings, ComparedParts, KeptShowers,
    LargestEnergies, Layout, LayoutLayer, LayoutRanges, ShowerFeatures, compare_challenge,
    feature_histograms,
};
use ndarray::{Array2, Axis, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StandardNormal};

const N: usize = 1000;
const N_RINGS: usize = 4;
const N_ANGLES: usize = 5;
const N_LAYERS: usize = 3;
const PER_LAYER: usize = N_RINGS * N_ANGLES;

const SETTINGS: ChallengeSettings = ChallengeSettings { tree_showers: 5000, seed: 1 };

fn layout() -> Layout {
    let ranges_mm = LayoutRanges { centre: 30.0, width: 30.0, radius: 42.0, radius_width: 20.0 };
    let layer = |id| LayoutLayer {
        id,
        r_edges_mm: (0..=N_RINGS).map(|i| 5.0 * i as f64).collect(),
        n_angles: N_ANGLES,
        ranges_mm,
    };
    Layout::new((0..N_LAYERS as u32).map(layer).collect(), 0.1).unwrap()
}

/// Showers of 1 GeV: energy falls with the radius, and fluctuates from shower to shower and voxel to voxel.
fn showers(seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut showers = Array2::zeros((N, N_LAYERS * PER_LAYER));
    for mut shower in showers.rows_mut() {
        let depth: f64 = StandardNormal.sample(&mut rng);
        for (i, voxel) in shower.iter_mut().enumerate() {
            let (layer, ring) = (i / PER_LAYER, i % N_RINGS);
            let share =
                [0.5, 1.0, 0.7][layer] * (-(ring as f64)).exp() * (0.1 * depth * (layer as f64 - 1.0)).exp();
            let energy: f64 = Exp1.sample(&mut rng);
            *voxel = (40.0 * share * energy) as f32;
        }
    }
    showers
}

fn sample(layout: &Layout, reference: &Array2<f32>, showers: &Array2<f32>) -> ChallengeSample {
    let mut largest = LargestEnergies::new(layout);
    let features = ShowerFeatures::of(layout, reference.view()).unwrap();
    largest.observe(layout, &features, reference.view()).unwrap();
    let kept = KeptShowers::of_challenge(layout.n_voxels());
    let mut sample = ChallengeSample::new(layout, &largest, showers.nrows(), kept).unwrap();
    sample.fill(layout, showers.view(), &vec![1.0; showers.nrows()], 0).unwrap();
    sample
}

fn judged(reference: &Array2<f32>, candidate: &Array2<f32>) -> ComparedParts {
    let layout = layout();
    let samples = [reference, candidate].map(|showers| sample(&layout, reference, showers));
    let parts = samples.each_ref().map(|sample| sample.whole().unwrap());
    compare_challenge(&layout, "candidate", [&parts[0], &parts[1]], SETTINGS).unwrap()
}

fn score(found: &ComparedParts, id: &str) -> f64 {
    found.comparison.score(id).and_then(|score| score.value).expect(id)
}

#[test]
fn a_copy_in_another_order_is_perfect() {
    let reference = showers(1);
    let order: Vec<usize> = (0..N).map(|i| (i * 7) % N).collect();
    let found = judged(&reference, &reference.select(Axis(0), &order));
    // Folds hold the same showers of both samples, so that the area is exact.
    assert!((score(&found, "auc_features") - 0.5).abs() < 1e-12, "{found:?}");
    for id in ["separation_power", "separation_power_max"] {
        assert!(score(&found, id).abs() < 1e-12, "{id}: {found:?}");
    }
    for id in ["precision", "recall", "coverage"] {
        assert!((score(&found, id) - 1.0).abs() < 1e-12, "{id}: {found:?}");
    }
    for id in ["fpd", "kpd"] {
        let found = found.comparison.score(id).unwrap();
        let error = found.error.unwrap();
        // Batches of the two samples hold different showers: no more than their fluctuation is left.
        assert!(found.value.unwrap().abs() < 5.0 * error + 1e-4, "{found:?}");
    }
    let expected = "candidate: an independent comparison";
    assert!(found.gaps.iter().any(|gap| gap.what == expected && gap.why.contains("1000 of its showers")));
}

#[test]
fn independent_samples_cannot_be_told_apart() {
    let found = judged(&showers(1), &showers(2));
    let auc = found.comparison.score("auc_features").unwrap();
    assert!((auc.value.unwrap() - 0.5).abs() < 4.0 * auc.error.unwrap(), "{auc:?}");
    // Two samples of n in B bins: about B / (4 n), a little more where bins are nearly empty.
    assert!(score(&found, "separation_power") < 0.05, "{found:?}");
    // Of the 2 n showers nearest to one of the reference, half are candidates: no candidate is among the first five in one of
    // 32 cases, and neighbourhoods hold five candidates on average. Errors are those of 1000 showers that share neighbours.
    assert!((score(&found, "coverage") - 31.0 / 32.0).abs() < 0.03, "{found:?}");
    assert!((score(&found, "density") - 1.0).abs() < 0.2, "{found:?}");
    assert!(score(&found, "precision") > 0.65 && score(&found, "recall") > 0.65, "{found:?}");
    assert!(found.gaps.is_empty(), "{:?}", found.gaps);
}

/// Faults, and the scores that must see each of them, with what an independent sample stays below by far.
#[test]
fn each_fault_is_found_by_the_score_that_should_find_it() {
    let reference = showers(1);
    let same = judged(&reference, &showers(2));
    let fault = |change: &dyn Fn(&mut Array2<f32>)| {
        let mut candidate = showers(2);
        change(&mut candidate);
        judged(&reference, &candidate)
    };
    let auc_error = same.comparison.score("auc_features").unwrap().error.unwrap();
    // One layer 30 % too high.
    let layer = fault(&|showers| {
        showers.slice_mut(s![.., PER_LAYER..2 * PER_LAYER]).mapv_inplace(|mev| 1.3 * mev);
    });
    assert!(score(&layer, "auc_features") > 0.5 + 5.0 * auc_error, "{layer:?}");
    assert!(score(&layer, "separation_power_max") > 2.0 * score(&same, "separation_power_max"), "{layer:?}");
    let fpd = |found: &ComparedParts| {
        let score = found.comparison.score("fpd").unwrap();
        (score.value.unwrap(), score.error.unwrap())
    };
    assert!(fpd(&layer).0 > fpd(&same).0 + 5.0 * fpd(&same).1, "{:?} {:?}", fpd(&layer), fpd(&same));
    // One sector of a layer, moved from one side to the other: its energy stays, its centre does not.
    let column = fault(&|showers| {
        for mut shower in showers.rows_mut() {
            for ring in 0..N_RINGS {
                shower[2 * N_RINGS + ring] += 0.5 * shower[ring];
                shower[ring] *= 0.5;
            }
        }
    });
    assert!(score(&column, "auc_features") > 0.5 + 5.0 * auc_error, "{column:?}");
    let worst = &column.comparison.score("separation_power_max").unwrap().detail[0];
    assert!(worst.ends_with("layer 0") && (worst.contains("Eta") || worst.contains("Phi")), "{worst}");
    // No voxel above 60 MeV: the histogram of voxels ends too early.
    let tail = fault(&|showers| showers.mapv_inplace(|mev| mev.min(60.0)));
    assert!(score(&tail, "auc_features") > 0.5 + 5.0 * auc_error, "{tail:?}");
    // One shower again and again: nothing of the reference is covered.
    let collapsed = fault(&|showers| {
        let first = showers.row(0).to_owned();
        showers.rows_mut().into_iter().for_each(|mut shower| shower.assign(&first));
    });
    assert!(score(&collapsed, "coverage") < 0.05 && score(&collapsed, "recall") < 0.05, "{collapsed:?}");
}

#[test]
fn what_cannot_be_computed_says_why() {
    let reference = showers(1);
    let one = reference.slice(s![..1, ..]).to_owned();
    let found = judged(&reference, &one);
    assert_eq!(found.comparison.scores.len(), CHALLENGE_SCORES.len());
    for id in ["auc_features", "fpd", "kpd", "precision"] {
        assert_eq!(found.comparison.score(id).unwrap().value, None, "{id}");
    }
    assert!(score(&found, "separation_power") > 0.1);
    let text = format!("{:?}", found.gaps);
    assert!(
        text.contains("candidate: AUC of trees on features") && text.contains("1 showers; expected"),
        "{text}"
    );
    // Sixty showers are too few for FPD with 26 features, and enough for KPD.
    let few = judged(&reference, &showers(2).slice(s![..60, ..]).to_owned());
    assert!(
        few.comparison.score("fpd").unwrap().value.is_none() && score(&few, "kpd").abs() < 0.1,
        "{few:?}"
    );
    // All voxels of the candidate below the cut: only the axis of the response and sparsities have entries.
    let empty = judged(&reference, &(&reference * 1e-6));
    assert!((score(&empty, "separation_power_max") - 1.0).abs() < 1e-12, "{empty:?}");
}

#[test]
fn halves_give_the_floor_and_histograms_of_all_samples_share_their_axes() {
    let (layout, reference) = (layout(), showers(1));
    let sample = sample(&layout, &reference, &reference);
    let halves = [sample.half(ChallengeHalf::Even), sample.half(ChallengeHalf::Odd)];
    let floor = compare_challenge(&layout, "half / half", [&halves[0], &halves[1]], SETTINGS).unwrap();
    assert_eq!(floor.comparison.n_showers, [N as u64 / 2; 2]);
    assert!(floor.gaps.is_empty(), "{:?}", floor.gaps);
    let drawn =
        feature_histograms(&layout, &[sample.whole().unwrap().histograms, halves[0].histograms.clone()]);
    assert_eq!(drawn.len(), floor.comparison.separation_powers.len());
    let energy = drawn.iter().find(|histogram| histogram.name == "E layer 2").unwrap();
    assert_eq!((energy.feature.as_str(), energy.layer_id, energy.unit.as_str()), ("E_layer", Some(2), "MeV"));
    assert_eq!((energy.edges.len(), energy.log_bins, energy.counts.len()), (40, true, 2));
    let total = |sample: usize| energy.counts[sample].iter().sum::<f64>() + energy.outside[sample];
    assert!((total(0) - N as f64).abs() < 0.5 && (total(1) - N as f64 / 2.0).abs() < 0.5);
    let voxels = drawn.last().unwrap();
    assert_eq!((voxels.feature.as_str(), voxels.layer_id), ("voxels", None));
}

#[test]
fn seeds_decide_on_batches_and_folds_alone() {
    let (a, b) = (showers(1), showers(2));
    assert_eq!(judged(&a, &b), judged(&a, &b));
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut other = b.clone();
    other.mapv_inplace(|mev| mev * (1.0 + 0.2 * rng.random::<f32>()));
    assert!(score(&judged(&a, &other), "auc_features") > 0.6);
}
