//! Counts of showers in quantile bins at every resolution, and their divergences.

use super::QuantileBins;
use super::sample::QuantileSample;
use crate::distance::divergence_of_contents;
use crate::error::Result;

/// Showers in each bin at 1, 2, 4 .. bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Levels(pub(super) Vec<Vec<u64>>);

impl Levels {
    /// Two neighbours make the bin that they were split from.
    pub(super) fn of(finest: Vec<u64>) -> Self {
        let mut levels = vec![finest];
        while let Some(counts) = levels.last().filter(|counts| counts.len() > 1) {
            levels.push(counts.chunks(2).map(|pair| pair.iter().sum()).collect());
        }
        levels.reverse();
        Self(levels)
    }

    /// The shares of the truth that `bins` were made for.
    pub(super) fn of_truth(bins: &QuantileBins) -> Self {
        Self::of(bins.occupation().to_vec())
    }

    /// Divergence D_JS of the shares from those of `other`, at every resolution.
    pub(super) fn divergences(&self, other: &Self) -> Result<Vec<f64>> {
        let contents = |counts: &[u64]| counts.iter().map(|&count| count as f64).collect::<Vec<_>>();
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(p, g)| divergence_of_contents(&contents(p), &contents(g))).collect()
    }
}

/// The bins of all rows of a sample.
#[derive(Debug)]
pub(super) struct Assigned<'a> {
    sample: &'a QuantileSample,
    bins: Vec<u32>,
    n_bins: usize,
}

impl<'a> Assigned<'a> {
    pub(super) fn new(bins: &QuantileBins, sample: &'a QuantileSample) -> Result<Self> {
        Ok(Self { sample, bins: bins.assign(sample.rows())?, n_bins: bins.occupation().len() })
    }

    pub(super) fn n_showers(&self) -> usize {
        self.sample.n_showers()
    }

    /// Counts of the given showers.
    pub(super) fn levels(&self, showers: impl Iterator<Item = usize>) -> Levels {
        let mut counts = vec![0; self.n_bins];
        for shower in showers {
            for &bin in &self.bins[self.sample.rows_of(shower)] {
                counts[bin as usize] += 1;
            }
        }
        Levels::of(counts)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn coarse_levels_are_those_of_a_coarser_tree() {
        let sample = Array2::from_shape_fn((640, 2), |(i, j)| ((i * 37 + j * 101) % 641) as f64);
        let fine = QuantileBins::fit(sample.view(), 5).unwrap();
        let all = Levels::of_truth(&fine);
        for n_splits in 0..=5 {
            let coarse = QuantileBins::fit(sample.view(), n_splits).unwrap();
            assert_eq!(all.0[n_splits as usize], coarse.occupation());
        }
    }

    #[test]
    fn equal_shares_have_no_divergence_and_disjoint_ones_ln_2() {
        let of = |p: &[u64], g: &[u64]| {
            Levels(vec![p.to_vec()]).divergences(&Levels(vec![g.to_vec()])).unwrap()[0]
        };
        assert!((of(&[5, 0], &[0, 3]) - std::f64::consts::LN_2).abs() < 1e-15);
        assert!(of(&[5, 1], &[10, 2]).abs() < 1e-15);
    }

    #[test]
    fn all_cells_of_a_shower_count() {
        let truth = Array2::from_shape_fn((100, 1), |(i, _)| i as f64);
        let bins = QuantileBins::fit(truth.view(), 1).unwrap();
        let sample = QuantileSample::of_cells(vec![1.0, 80.0, 90.0, 2.0], &[3, 0, 1]).unwrap();
        let assigned = Assigned::new(&bins, &sample).unwrap();
        assert_eq!(assigned.n_showers(), 3);
        assert_eq!(assigned.levels(0..3), Levels(vec![vec![4], vec![2, 2]]));
        assert_eq!(assigned.levels([0, 0].into_iter()), Levels(vec![vec![6], vec![2, 4]]));
    }
}
