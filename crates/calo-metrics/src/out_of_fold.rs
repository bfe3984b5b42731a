//! How well boosted trees tell two samples apart that they have not seen.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;

use crate::cross_validation::{fold_of_showers, mean_over_folds};
use crate::error::{Error, Result};
use crate::results::{Estimate, Gap};
use crate::roc::roc_auc;
use crate::sample::{check_pair, check_sizes};
use crate::trees::{BoostedTrees, TreeSettings};

/// Fewest showers of either sample in a fold.
const MIN_PER_FOLD: usize = 5;

/// Trees and their cross-validation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutOfFoldSettings {
    /// The trees of each fold.
    pub trees: TreeSettings,
    /// Parts of the samples; each is scored by trees trained on the others.
    pub n_folds: usize,
    /// Seed of the folds.
    pub seed: u64,
}

impl Default for OutOfFoldSettings {
    fn default() -> Self {
        Self { trees: TreeSettings::default(), n_folds: 5, seed: 0 }
    }
}

/// What trees say of showers that they were not trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfFold {
    /// Area under the ROC curve, mean over the folds.
    pub auc: Estimate,
    /// Logarithm of the odds that a shower is a candidate: of the reference, of the candidate.
    pub log_odds: [Vec<f64>; 2],
    /// Showers of either sample that also stand in the other. Above zero, the samples are not independent: the area is
    /// nearer to 0.5 than that of independent ones.
    pub n_shared: [usize; 2],
}

/// Hashes by which showers are told: equal where all cells are equal. None for showers without energy, which are equal by
/// nature and not copies.
///
/// # Shapes
/// `showers` `[shower, cell]`.
pub fn shower_hashes(showers: ArrayView2<'_, f32>) -> Vec<Option<u64>> {
    let hash = |shower: usize| {
        let mut hasher = DefaultHasher::new();
        let mut is_empty = true;
        for (cell, &energy) in showers.row(shower).iter().enumerate() {
            // 0 and -0 are one energy.
            if energy != 0.0 {
                is_empty = false;
                hasher.write_usize(cell);
                hasher.write_u32(energy.to_bits());
            }
        }
        (!is_empty).then(|| hasher.finish())
    };
    (0..showers.nrows()).into_par_iter().map(hash).collect()
}

/// Area under the ROC curve of boosted trees between two samples, each shower scored by trees that have not seen it: 0.5
/// where they cannot be told apart, 1 where every shower is recognised.
///
/// Samples of different size weigh the same. Showers with the same hash, in one sample or in both, are kept in one fold:
/// trees that saw one copy would know the other. The error covers that folds share training showers: pulls of unrelated
/// samples of one population have width 1, and less for few showers.
///
/// # Shapes
/// `features` of the reference `[n, feature]` and of the candidate `[m, feature]`; `hashes` `[n]` and `[m]`, from
/// [`shower_hashes`], or empty where no shower can stand in both.
///
/// # Errors
/// Empty, mismatched or non-finite samples, hashes of another length, fewer than five showers of either a fold, or
/// impossible settings.
pub fn out_of_fold(
    features: [ArrayView2<'_, f64>; 2],
    hashes: [&[Option<u64>]; 2],
    settings: &OutOfFoldSettings,
) -> Result<OutOfFold> {
    check_pair(features[0], features[1])?;
    settings.trees.validate()?;
    if !(2..=100).contains(&settings.n_folds) {
        return Err(Error::parameter("n_folds", settings.n_folds, "2 to 100"));
    }
    let what = format!("a classifier in {} folds", settings.n_folds);
    check_sizes(&what, features[0], features[1], MIN_PER_FOLD * settings.n_folds)?;
    for (hashes, sample) in hashes.iter().zip(features) {
        if !hashes.is_empty() && hashes.len() != sample.nrows() {
            return Err(Error::mismatch("hashes of showers", hashes.len(), sample.nrows()));
        }
    }
    let folds = folds(features.map(|sample| sample.nrows()), hashes, settings);
    let of_folds = (0..settings.n_folds)
        .into_par_iter()
        .map(|fold| score_fold(features, &folds, fold, &settings.trees))
        .collect::<Result<Vec<_>>>()?;
    let areas: Vec<Estimate> = of_folds.iter().map(|fold| fold.area).collect();
    let mut log_odds = features.map(|sample| vec![0.0; sample.nrows()]);
    for fold in of_folds {
        for (all, (rows, odds)) in log_odds.iter_mut().zip(fold.log_odds) {
            rows.into_iter().zip(odds).for_each(|(row, odds)| all[row] = odds);
        }
    }
    Ok(OutOfFold { auc: mean_over_folds(&areas), log_odds, n_shared: n_shared(hashes) })
}

impl OutOfFold {
    /// What to know of all scores where showers stand in both samples.
    pub(crate) fn shared_gap(&self) -> Option<Gap> {
        let [of_reference, of_candidate] = self.n_shared;
        (of_candidate > 0).then(|| {
            let why = format!(
                "{of_candidate} of its showers stand in the reference too ({of_reference} there): all scores are nearer to \
                 those of a perfect imitation than an independent sample's"
            );
            Gap::new("an independent comparison", why)
        })
    }
}

/// Showers of either sample that stand in the other, told by what identifies them: [`shower_hashes`], or a few numbers of
/// each. Those without identity are equal by nature and do not count.
pub fn n_shared<I: Copy + Eq + Hash>(identities: [&[Option<I>]; 2]) -> [usize; 2] {
    let mut sides: HashMap<I, [usize; 2]> = HashMap::new();
    for (side, identities) in identities.iter().enumerate() {
        for identity in identities.iter().flatten() {
            sides.entry(*identity).or_default()[side] += 1;
        }
    }
    sides.values().filter(|n| n[0] > 0 && n[1] > 0).fold([0; 2], |sum, n| [sum[0] + n[0], sum[1] + n[1]])
}

/// The fold of each shower; showers of one hash follow the first of them.
fn folds(
    n_showers: [usize; 2],
    hashes: [&[Option<u64>]; 2],
    settings: &OutOfFoldSettings,
) -> [Vec<usize>; 2] {
    let mut folds = n_showers.map(|n| fold_of_showers(n, settings.n_folds, settings.seed));
    let mut known: HashMap<u64, usize> = HashMap::new();
    for (folds, hashes) in folds.iter_mut().zip(hashes) {
        for (fold, hash) in folds.iter_mut().zip(hashes) {
            if let Some(hash) = hash {
                *fold = *known.entry(*hash).or_insert(*fold);
            }
        }
    }
    folds
}

struct ScoredFold {
    area: Estimate,
    /// Rows of either sample and their logarithm of the odds.
    log_odds: [(Vec<usize>, Vec<f64>); 2],
}

/// Trains on all folds but one and scores that one.
fn score_fold(
    features: [ArrayView2<'_, f64>; 2],
    folds: &[Vec<usize>; 2],
    fold: usize,
    settings: &TreeSettings,
) -> Result<ScoredFold> {
    let rows = |class: usize, of_fold: bool| -> Vec<usize> {
        (0..folds[class].len()).filter(|&row| (folds[class][row] == fold) == of_fold).collect()
    };
    let training = [0, 1].map(|class| features[class].select(Axis(0), &rows(class, false)));
    let sizes = training.each_ref().map(Array2::nrows);
    let joined = concatenate(Axis(0), &[training[0].view(), training[1].view()]).map_err(|problem| {
        Error::mismatch("training showers", problem.to_string(), "two samples of the same features")
    })?;
    // One class weighs as much as the other, and the mean weight is one.
    let of_class = sizes.map(|n| (sizes[0] + sizes[1]) as f64 / (2.0 * n as f64));
    let labels = [vec![false; sizes[0]], vec![true; sizes[1]]].concat();
    let weights = [vec![of_class[0]; sizes[0]], vec![of_class[1]; sizes[1]]].concat();
    let trees = BoostedTrees::fit(joined.view(), &labels, &weights, settings)?;
    let score = |class: usize| -> Result<(Vec<usize>, Vec<f64>)> {
        let rows = rows(class, true);
        let odds = trees.log_odds(features[class].select(Axis(0), &rows).view())?;
        Ok((rows, odds))
    };
    let log_odds = [score(0)?, score(1)?];
    Ok(ScoredFold { area: roc_auc(&log_odds[0].1, &log_odds[1].1)?, log_odds })
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;
    use crate::random::stream;

    fn showers(n: usize, seed: u64) -> Array2<f32> {
        let mut random = stream(seed, *b"outofold", 0, 0);
        Array2::from_shape_simple_fn((n, 4), || random.random::<f32>())
    }

    fn quick() -> OutOfFoldSettings {
        let trees = TreeSettings { n_trees: 30, ..TreeSettings::default() };
        OutOfFoldSettings { trees, ..OutOfFoldSettings::default() }
    }

    #[test]
    fn copies_in_another_order_stay_in_one_fold_and_are_reported() {
        let reference = showers(300, 1);
        let order: Vec<usize> = (0..300).map(|i| (i * 7) % 300).collect();
        let candidate = reference.select(Axis(0), &order);
        let hashes = [&reference, &candidate].map(|sample| shower_hashes(sample.view()));
        let features = [&reference, &candidate].map(|sample| sample.mapv(f64::from));
        let views = features.each_ref().map(|features| features.view());
        let kept = out_of_fold(views, [&hashes[0], &hashes[1]], &quick()).unwrap();
        assert!((kept.auc.value - 0.5).abs() < 1e-12, "{kept:?}");
        assert_eq!(kept.n_shared, [300, 300]);
        // Split over folds, each copy is known with the opposite label.
        let split = out_of_fold(views, [&[], &[]], &quick()).unwrap();
        assert!(split.auc.value < 0.3 && split.n_shared == [0, 0], "{:?}", split.auc);
    }

    #[test]
    fn hashes_tell_showers_by_all_cells() {
        let mut sample = showers(4, 2);
        sample.row_mut(2).fill(0.0);
        let first = sample.row(0).to_owned();
        sample.row_mut(3).assign(&first);
        let hashes = shower_hashes(sample.view());
        assert!(hashes[0] == hashes[3] && hashes[0] != hashes[1] && hashes[2].is_none());
        sample[[3, 1]] += 0.1;
        sample[[1, 2]] = 0.0;
        let other = shower_hashes(sample.view());
        assert!(other[3] != hashes[3] && other[0] == hashes[0]);
        sample[[1, 2]] = -0.0;
        assert_eq!(shower_hashes(sample.view())[1], other[1]);
        assert_eq!(n_shared([&[Some(1), None, Some(1)], &[Some(1), None, Some(2)]]), [2, 1]);
    }

    #[test]
    fn constant_and_huge_features_are_no_trouble() {
        let constant = Array2::<f64>::ones((50, 2));
        let huge = Array2::from_elem((50, 2), f64::MAX);
        let auc = |candidate: &Array2<f64>| {
            out_of_fold([constant.view(), candidate.view()], [&[], &[]], &quick()).unwrap().auc.value
        };
        assert!((auc(&constant) - 0.5).abs() < 1e-15 && (auc(&huge) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn bad_input_is_named() {
        let sample = showers(30, 1).mapv(f64::from);
        let run = |hashes: &[Option<u64>], settings: OutOfFoldSettings| {
            out_of_fold([sample.view(), sample.view()], [hashes, &[]], &settings).unwrap_err().to_string()
        };
        assert!(run(&[None; 3], quick()).starts_with("hashes of showers: found 3; expected 30"));
        assert!(run(&[], OutOfFoldSettings { n_folds: 1, ..quick() }).starts_with("parameter `n_folds`: 1"));
        let message = run(&[], OutOfFoldSettings { n_folds: 10, ..quick() });
        assert_eq!(message, "reference for a classifier in 10 folds: 30 showers; expected at least 50");
    }
}
