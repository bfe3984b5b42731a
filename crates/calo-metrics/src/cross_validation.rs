//! Folds, and what they say together.

use rand::seq::SliceRandom;

use crate::random::stream;
use crate::results::Estimate;

/// The fold of each shower: equal shares in random order.
///
/// Two samples of the same size get the same folds. A candidate made shower by shower from the reference (a smeared copy,
/// a reconstruction) then has each copy in the fold of its original. Otherwise the trees would learn the copy of each test
/// shower with the opposite label, and score far below 0.5.
pub(crate) fn fold_of_showers(n_showers: usize, n_folds: usize, seed: u64) -> Vec<usize> {
    let mut folds: Vec<usize> = (0..n_showers).map(|shower| shower % n_folds).collect();
    folds.shuffle(&mut stream(seed, *b"aucfolds", 0, 0));
    folds
}

/// Mean of the areas of the folds, and its error. Every area is independent of the showers of the other folds, but not of
/// the classifier that was trained on them: classifiers share most of their showers, and what is luck in one fold comes
/// back in others. With K folds the variance is 1 + K / (K - 1) times that of independent areas: 2.25 times with five.
///
/// # Reference
/// C. Nadeau and Y. Bengio, Machine Learning 52 (2003) 239, equation 9.
pub(crate) fn mean_over_folds(areas: &[Estimate]) -> Estimate {
    let n_folds = areas.len() as f64;
    let value = areas.iter().map(|area| area.value).sum::<f64>() / n_folds;
    let variances: Option<Vec<f64>> = areas.iter().map(|area| area.error.map(|e| e * e)).collect();
    let shared_training = 1.0 + n_folds / (n_folds - 1.0);
    let error = variances.map(|variances| (variances.iter().sum::<f64>() * shared_training).sqrt() / n_folds);
    Estimate { value, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_share_the_showers_equally() {
        let folds = fold_of_showers(23, 5, 0);
        let sizes: Vec<usize> = (0..5).map(|fold| folds.iter().filter(|&&f| f == fold).count()).collect();
        assert_eq!(sizes, [5, 5, 5, 4, 4]);
    }

    #[test]
    fn five_folds_are_worth_less_than_five_independent_areas() {
        let area = Estimate { value: 0.6, error: Some(0.1) };
        let mean = mean_over_folds(&[area; 5]);
        assert!((mean.value - 0.6).abs() < 1e-12);
        assert!((mean.error.unwrap() - 1.5 * 0.1 / 5.0_f64.sqrt()).abs() < 1e-12, "{mean:?}");
    }
}
