//! Two-sample classifier: how well boosted trees tell a candidate from the reference.

use forust_ml::{GradientBooster, Matrix};
use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::cross_validation::{fold_of_showers, mean_over_folds};
use crate::error::{Error, Result};
use crate::results::Estimate;
use crate::roc::roc_auc;
use crate::sample::{check_pair, check_sizes};

/// Fewest showers of either sample in a fold.
const MIN_PER_FOLD: usize = 5;

/// Larger features are clamped: trees split on order alone, and the classifier library reserves the largest numbers.
const LARGEST_FEATURE: f64 = 1e300;

/// Boosted trees and their cross-validation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassifierSettings {
    /// Parts of the samples; each is scored by trees trained on the others.
    pub n_folds: usize,
    /// Trees of one classifier.
    pub n_trees: usize,
    /// Weight of each tree, 0 to 1.
    pub learning_rate: f32,
    /// Splits from the root of a tree to a leaf.
    pub max_depth: usize,
    /// Seed of the folds.
    pub seed: u64,
}

impl Default for ClassifierSettings {
    fn default() -> Self {
        Self { n_folds: 5, n_trees: 100, learning_rate: 0.1, max_depth: 4, seed: 0 }
    }
}

impl ClassifierSettings {
    fn validate(&self) -> Result<()> {
        if !(2..=100).contains(&self.n_folds) {
            return Err(Error::parameter("n_folds", self.n_folds, "2 to 100"));
        }
        if !(1..=10_000).contains(&self.n_trees) {
            return Err(Error::parameter("n_trees", self.n_trees, "1 to 10000"));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return Err(Error::parameter("learning_rate", self.learning_rate, "above 0, at most 1"));
        }
        if !(1..=16).contains(&self.max_depth) {
            return Err(Error::parameter("max_depth", self.max_depth, "1 to 16"));
        }
        Ok(())
    }
}

/// Area under the ROC curve of gradient-boosted trees between two samples: 0.5 where they cannot be told apart, 1
/// where every shower is recognised. Slightly below 0.5 is a fluctuation.
///
/// Every shower is scored by trees that have not seen it. The area is the mean over the folds, since scores of
/// different classifiers are not on one scale. The error is DeLong's of each fold, and covers that folds share training
/// showers. Samples of different size weigh the same in training.
///
/// # Shapes
/// `reference` `[n, feature]`, `candidate` `[m, feature]`, as from
/// [`two_sample_features`](crate::two_sample_features); scaling does not matter to trees.
///
/// # Errors
/// Empty, mismatched or non-finite samples, fewer than five showers of either a fold, or impossible settings.
pub fn classifier_auc(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
    settings: &ClassifierSettings,
) -> Result<Estimate> {
    check_pair(reference, candidate)?;
    settings.validate()?;
    let what = format!("a classifier in {} folds", settings.n_folds);
    check_sizes(&what, reference, candidate, MIN_PER_FOLD * settings.n_folds)?;
    let samples = [reference, candidate];
    let folds = samples.map(|sample| fold_of_showers(sample.nrows(), settings.n_folds, settings.seed));
    let areas = (0..settings.n_folds)
        .into_par_iter()
        .map(|fold| area_of_fold(samples, &folds, fold, settings))
        .collect::<Result<Vec<_>>>()?;
    Ok(mean_over_folds(&areas))
}

/// Trains on all folds but one and tests on that one.
fn area_of_fold(
    samples: [ArrayView2<'_, f64>; 2],
    folds: &[Vec<usize>; 2],
    fold: usize,
    settings: &ClassifierSettings,
) -> Result<Estimate> {
    let select = |class: usize, is_wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
        folds[class].iter().enumerate().filter(|&(_, &f)| is_wanted(f)).map(|(shower, _)| shower).collect()
    };
    let training = [0, 1].map(|class| select(class, &|f| f != fold));
    let n_training = [training[0].len(), training[1].len()];
    let total = n_training[0] + n_training[1];
    // One class weighs as much as the other; the mean weight is one, so that the trees' regularisation keeps its scale.
    let per_class = |values: [f64; 2]| -> Vec<f64> {
        [vec![values[0]; n_training[0]], vec![values[1]; n_training[1]]].concat()
    };
    let weights = per_class(n_training.map(|n| total as f64 / (2.0 * n as f64)));
    let labels = per_class([0.0, 1.0]);
    let columns = column_major([(samples[0], &training[0]), (samples[1], &training[1])]);
    let mut trees = GradientBooster::default()
        .set_iterations(settings.n_trees)
        .set_learning_rate(settings.learning_rate)
        .set_max_depth(settings.max_depth)
        // Folds run in parallel; within one, a single thread sums in a fixed order.
        .set_parallel(false);
    let data = Matrix::new(&columns, total, samples[0].ncols());
    trees.fit(&data, &labels, &weights, None).map_err(|problem| {
        Error::parameter("classifier settings", problem, "settings and features that trees can be trained on")
    })?;
    let [reference, candidate] = [0, 1].map(|class| {
        let test = select(class, &|f| f == fold);
        let columns = column_major([(samples[class], &test), (samples[class], &Vec::new())]);
        trees.predict(&Matrix::new(&columns, test.len(), samples[class].ncols()), false)
    });
    roc_auc(&reference, &candidate)
}

/// The chosen showers of both samples, feature by feature.
fn column_major(parts: [(ArrayView2<'_, f64>, &Vec<usize>); 2]) -> Vec<f64> {
    let n_features = parts[0].0.ncols();
    (0..n_features)
        .flat_map(|feature| {
            parts.iter().flat_map(move |(sample, showers)| {
                showers
                    .iter()
                    .map(move |&shower| sample[[shower, feature]].clamp(-LARGEST_FEATURE, LARGEST_FEATURE))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn impossible_settings_are_named() {
        let sound = ClassifierSettings::default();
        for (settings, name) in [
            (ClassifierSettings { n_folds: 1, ..sound }, "n_folds"),
            (ClassifierSettings { n_trees: 0, ..sound }, "n_trees"),
            (ClassifierSettings { learning_rate: f32::NAN, ..sound }, "learning_rate"),
            (ClassifierSettings { max_depth: 0, ..sound }, "max_depth"),
        ] {
            let message = settings.validate().unwrap_err().to_string();
            assert!(message.starts_with(&format!("parameter `{name}`")), "{message}");
        }
    }

    #[test]
    fn constant_and_huge_features_are_no_trouble() {
        let constant = Array2::<f64>::ones((50, 2));
        let same = classifier_auc(constant.view(), constant.view(), &ClassifierSettings::default()).unwrap();
        assert!((same.value - 0.5).abs() < 1e-15);
        let huge = Array2::from_elem((50, 2), f64::MAX);
        let told = classifier_auc(constant.view(), huge.view(), &ClassifierSettings::default()).unwrap();
        assert!((told.value - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_sample_cannot_be_told_from_its_copy() {
        let sample = Array2::from_shape_fn((60, 3), |(i, j)| ((i * 37 + j * 11) % 61) as f64);
        let same = classifier_auc(sample.view(), sample.view(), &ClassifierSettings::default()).unwrap();
        assert!((same.value - 0.5).abs() < 1e-15, "{same:?}");
    }
}
