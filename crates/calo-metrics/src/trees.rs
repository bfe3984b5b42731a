//! Gradient-boosted trees on binned features, which tell two classes apart.
//!
//! The algorithm is that of LightGBM and of scikit-learn's `HistGradientBoostingClassifier`: features are cut into at most
//! 255 bins of equal occupation, sums of gradients in the bins find the best splits, and each tree grows where it gains
//! most.

mod bins;
mod grow;

use ndarray::ArrayView2;

use crate::error::{Error, Result};
use crate::sample::check_sample;
use bins::{Binned, Bins};
use grow::{Derivatives, Grower, Tree};

/// Boosted trees. The defaults are scikit-learn's but for the number of trees and their weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeSettings {
    /// Trees, each fitted to what those before leave over.
    pub n_trees: usize,
    /// Weight of each tree, 0 to 1.
    pub learning_rate: f64,
    /// Leaves of a tree.
    pub max_leaves: usize,
    /// Fewest showers in a leaf.
    pub min_leaf: usize,
    /// Bins of a feature, at most 255.
    pub n_bins: usize,
}

impl Default for TreeSettings {
    fn default() -> Self {
        Self { n_trees: 200, learning_rate: 0.06, max_leaves: 31, min_leaf: 20, n_bins: 255 }
    }
}

impl TreeSettings {
    pub(crate) fn validate(&self) -> Result<()> {
        for (name, value, range) in [
            ("n_trees", self.n_trees, 1..=10_000),
            ("max_leaves", self.max_leaves, 2..=10_000),
            ("min_leaf", self.min_leaf, 1..=usize::MAX),
            ("n_bins", self.n_bins, 2..=255),
        ] {
            if !range.contains(&value) {
                let expected = format!("{} to {}", range.start(), range.end());
                return Err(Error::parameter(name, value, expected));
            }
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return Err(Error::parameter("learning_rate", self.learning_rate, "above 0, at most 1"));
        }
        Ok(())
    }
}

/// Trees fitted to two classes.
///
/// ```
/// use calo_metrics::{BoostedTrees, TreeSettings};
/// use ndarray::Array2;
/// // The class is whether two numbers have the same sign: no single feature says it.
/// let features = Array2::from_shape_fn((400, 2), |(i, j)| ((i * [37, 91][j] + 5) % 101) as f64 - 50.0);
/// let labels: Vec<bool> = features.rows().into_iter().map(|row| row[0] * row[1] > 0.0).collect();
/// let trees = BoostedTrees::fit(features.view(), &labels, &[1.0; 400], &TreeSettings::default())?;
/// let log_odds = trees.log_odds(features.view())?;
/// let n_right = log_odds.iter().zip(&labels).filter(|&(&odds, &label)| (odds > 0.0) == label).count();
/// assert!(n_right > 390);
/// # Ok::<(), calo_metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BoostedTrees {
    bins: Bins,
    start: f64,
    trees: Vec<Tree>,
}

impl BoostedTrees {
    /// Fits trees to `features`, so that their sum is the logarithm of the odds of `labels`.
    ///
    /// # Shapes
    /// `features` `[shower, feature]`; `labels` and `weights` `[shower]`.
    ///
    /// # Errors
    /// Empty or non-finite features, lengths that differ, weights below zero or none for one of the classes, impossible
    /// settings.
    pub fn fit(
        features: ArrayView2<'_, f64>,
        labels: &[bool],
        weights: &[f64],
        settings: &TreeSettings,
    ) -> Result<Self> {
        settings.validate()?;
        check_sample("features", features)?;
        for (what, found) in [("labels", labels.len()), ("weights", weights.len())] {
            if found != features.nrows() {
                return Err(Error::mismatch(what, found, features.nrows()));
            }
        }
        let start = start(labels, weights)?;
        let bins = Bins::fit(features, settings.n_bins);
        let binned = bins.apply(features);
        let mut log_odds = vec![start; features.nrows()];
        let mut grower = Grower::new(&binned, *settings);
        let trees = (0..settings.n_trees)
            .map(|_| grower.grow(&derivatives(&log_odds, labels, weights), &mut log_odds))
            .collect();
        Ok(Self { bins, start, trees })
    }

    /// The logarithm of the odds of the class `true` for each shower.
    ///
    /// # Errors
    /// Empty or non-finite features, or another number of them than was fitted.
    pub fn log_odds(&self, features: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        check_sample("features", features)?;
        if features.ncols() != self.bins.n_features() {
            return Err(Error::mismatch("number of features", features.ncols(), self.bins.n_features()));
        }
        let binned: Binned = self.bins.apply(features);
        let of_shower =
            |row| self.start + self.trees.iter().map(|tree| tree.value(&binned, row)).sum::<f64>();
        Ok((0..features.nrows()).map(of_shower).collect())
    }
}

/// Logarithm of the odds before any feature is looked at.
fn start(labels: &[bool], weights: &[f64]) -> Result<f64> {
    if let Some(row) = weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        let name = format!("weight of shower {row}");
        return Err(Error::parameter(name, weights[row], "a finite number of at least 0"));
    }
    let of_class =
        |class: bool| labels.iter().zip(weights).filter(|(label, _)| **label == class).map(|(_, w)| w).sum();
    let [against, for_it]: [f64; 2] = [of_class(false), of_class(true)];
    if against <= 0.0 || for_it <= 0.0 {
        return Err(Error::empty("one of the two classes", "showers with weight in both"));
    }
    Ok((for_it / against).ln())
}

/// First and second derivative of the weighted cross entropy by the logarithm of the odds.
fn derivatives(log_odds: &[f64], labels: &[bool], weights: &[f64]) -> Vec<Derivatives> {
    let derivative = |((odds, label), weight): ((&f64, &bool), &f64)| {
        let probability = 1.0 / (1.0 + (-odds).exp());
        let gradient = weight * (probability - f64::from(u8::from(*label)));
        Derivatives { gradient, hessian: weight * probability * (1.0 - probability) }
    };
    log_odds.iter().zip(labels).zip(weights).map(derivative).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn impossible_input_is_named() {
        let sound = TreeSettings::default();
        for (settings, name) in [
            (TreeSettings { n_trees: 0, ..sound }, "n_trees"),
            (TreeSettings { max_leaves: 1, ..sound }, "max_leaves"),
            (TreeSettings { min_leaf: 0, ..sound }, "min_leaf"),
            (TreeSettings { n_bins: 256, ..sound }, "n_bins"),
            (TreeSettings { learning_rate: f64::NAN, ..sound }, "learning_rate"),
        ] {
            let message = settings.validate().unwrap_err().to_string();
            assert!(message.starts_with(&format!("parameter `{name}`")), "{message}");
        }
        let features = Array2::<f64>::zeros((4, 2));
        let fit =
            |labels: &[bool], weights: &[f64]| BoostedTrees::fit(features.view(), labels, weights, &sound);
        let labels = [true, false, true, false];
        assert!(fit(&labels[..3], &[1.0; 4]).is_err() && fit(&labels, &[1.0; 3]).is_err());
        let message = fit(&[true; 4], &[1.0; 4]).unwrap_err().to_string();
        assert!(message.starts_with("one of the two classes: empty"), "{message}");
        assert!(fit(&labels, &[1.0, f64::NAN, 1.0, 1.0]).is_err());
        let trees = fit(&labels, &[1.0; 4]).unwrap();
        assert!(trees.log_odds(Array2::zeros((2, 3)).view()).is_err());
        // Features that say nothing leave the odds as they are.
        assert!(trees.log_odds(features.view()).unwrap().iter().all(|odds| odds.abs() < 1e-12));
    }

    #[test]
    fn weights_of_a_class_move_the_odds() {
        let features = Array2::from_shape_fn((200, 1), |(i, _)| (i % 7) as f64);
        let labels: Vec<bool> = (0..200).map(|i| i % 2 == 0).collect();
        let weights: Vec<f64> = labels.iter().map(|&label| if label { 3.0 } else { 1.0 }).collect();
        let trees = BoostedTrees::fit(features.view(), &labels, &weights, &TreeSettings::default()).unwrap();
        let mean = trees.log_odds(features.view()).unwrap().iter().sum::<f64>() / 200.0;
        assert!((mean - 3.0_f64.ln()).abs() < 0.05, "{mean}");
    }
}
