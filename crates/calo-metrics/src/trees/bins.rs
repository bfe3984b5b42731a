//! Features cut into bins.

use ndarray::{ArrayView1, ArrayView2};

/// The thresholds of each feature; a value at a threshold lies below it.
#[derive(Debug, Clone)]
pub(super) struct Bins {
    thresholds: Vec<Vec<f64>>,
}

/// The bins of showers, feature by feature.
pub(super) struct Binned {
    pub(super) columns: Vec<Vec<u8>>,
    /// Bins of each feature.
    pub(super) n_bins: Vec<usize>,
    pub(super) n_rows: usize,
}

impl Bins {
    /// At most `n_bins` bins: one for each value where there are no more values, else of equal occupation.
    pub(super) fn fit(features: ArrayView2<'_, f64>, n_bins: usize) -> Self {
        Self { thresholds: features.columns().into_iter().map(|column| thresholds(column, n_bins)).collect() }
    }

    pub(super) fn n_features(&self) -> usize {
        self.thresholds.len()
    }

    /// The bins of other showers; there must be as many features.
    pub(super) fn apply(&self, features: ArrayView2<'_, f64>) -> Binned {
        let of_column = |(column, thresholds): (ArrayView1<'_, f64>, &Vec<f64>)| -> Vec<u8> {
            column.iter().map(|&value| thresholds.partition_point(|&edge| edge < value) as u8).collect()
        };
        Binned {
            columns: features.columns().into_iter().zip(&self.thresholds).map(of_column).collect(),
            n_bins: self.thresholds.iter().map(|thresholds| thresholds.len() + 1).collect(),
            n_rows: features.nrows(),
        }
    }
}

fn thresholds(column: ArrayView1<'_, f64>, n_bins: usize) -> Vec<f64> {
    let mut sorted = column.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut values = sorted.clone();
    values.dedup();
    // Halves first: the largest numbers do not overflow.
    let middle = |low: f64, high: f64| 0.5 * low + 0.5 * high;
    if values.len() <= n_bins {
        return values.windows(2).map(|pair| middle(pair[0], pair[1])).collect();
    }
    let mut thresholds: Vec<f64> = (1..n_bins)
        .map(|i| {
            let rank = (sorted.len() - 1) as f64 * i as f64 / n_bins as f64;
            middle(sorted[rank.floor() as usize], sorted[rank.ceil() as usize])
        })
        .collect();
    thresholds.dedup();
    thresholds
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn few_values_have_a_bin_each_and_many_equal_shares() {
        let features =
            Array2::from_shape_fn((1000, 2), |(i, j)| if j == 0 { (i % 3) as f64 } else { (i * i) as f64 });
        let bins = Bins::fit(features.view(), 10);
        let binned = bins.apply(features.view());
        assert_eq!((bins.thresholds[0].as_slice(), &binned.n_bins[..]), (&[0.5, 1.5][..], &[3, 10][..]));
        for bin in 0..10 {
            let n = binned.columns[1].iter().filter(|&&found| found == bin).count();
            assert!((99..=101).contains(&n), "{n}");
        }
        // Beyond the range of the fit is the last bin.
        assert_eq!(bins.apply(Array2::from_elem((1, 2), 1e300).view()).columns, [[2], [9]]);
    }
}
