//! Random splits of a sample into disjoint parts of equal size.
//!
//! A distance between finite samples falls with their number of showers, so candidate and floor are only comparable
//! at the same number on all sides. A split draws `n` showers of the candidate and twice `n`, without overlap, of the
//! reference; many splits average out the luck of the draw.

use crate::error::{Error, Result};
use crate::random::stream;
use crate::resampling::Draw;

/// Which showers of a file belong to the parts of each split.
///
/// Every split is a permutation of the showers drawn from (seed, key of the file, number of the split), of which the
/// first part takes the first showers and the second part those that follow. Sixteen bytes a shower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    n_splits: usize,
    sizes: [usize; 2],
    /// For each shower and part, a bit for each split.
    members: Vec<[u64; 2]>,
}

impl Splits {
    /// Most splits there can be.
    pub const MAX: usize = u64::BITS as usize;

    /// Draws `n_splits` splits of a file of `n_showers` into two parts of `sizes` showers; the rest is in neither.
    ///
    /// # Errors
    /// No split, more than [`Self::MAX`], an empty first part, or parts larger than the file.
    pub fn draw(n_splits: usize, sizes: [usize; 2], n_showers: usize, seed: u64, key: u64) -> Result<Self> {
        if !(1..=Self::MAX).contains(&n_splits) {
            return Err(Error::parameter("n_splits", n_splits, format!("1 to {}", Self::MAX)));
        }
        if sizes[0] == 0 || sizes.iter().sum::<usize>() > n_showers {
            let expected = format!("a first part that is not empty, and at most {n_showers} showers in both");
            return Err(Error::parameter("sizes", format!("{sizes:?}"), expected));
        }
        let mut members = vec![[0; 2]; n_showers];
        for split in 0..n_splits {
            for (part, showers) in
                draw_parts(n_showers, sizes, seed, key, split as u64).into_iter().enumerate()
            {
                for shower in showers {
                    members[shower][part] |= 1 << split;
                }
            }
        }
        Ok(Self { n_splits, sizes, members })
    }

    /// Number of splits.
    pub fn n_splits(&self) -> usize {
        self.n_splits
    }

    /// Showers in either part.
    pub fn sizes(&self) -> [usize; 2] {
        self.sizes
    }

    /// For each part the splits that a shower belongs to, as bits.
    pub(crate) fn members(&self, shower: u64) -> Result<[u64; 2]> {
        let members = usize::try_from(shower).ok().and_then(|shower| self.members.get(shower));
        members.copied().ok_or_else(|| {
            let expected = format!("below {}, the number of showers that were split", self.members.len());
            Error::parameter("index of a shower", shower, expected)
        })
    }
}

/// The rows of two disjoint parts of `n_rows` rows.
pub(crate) fn draw_parts(
    n_rows: usize,
    sizes: [usize; 2],
    seed: u64,
    key: u64,
    index: u64,
) -> [Vec<usize>; 2] {
    let mut rng = stream(seed, *b"splitrow", key, index);
    let mut first = Draw::WithoutReplacement.indices(n_rows, sizes[0] + sizes[1], &mut rng);
    let second = first.split_off(sizes[0].min(first.len()));
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_their_sizes_and_do_not_overlap() {
        let splits = Splits::draw(64, [40, 35], 100, 1, 2).unwrap();
        for split in 0..64 {
            let mut counts = [0; 2];
            for shower in 0..100 {
                let members = splits.members(shower).unwrap().map(|bits| bits >> split & 1);
                assert!(members.iter().sum::<u64>() < 2);
                counts[0] += members[0];
                counts[1] += members[1];
            }
            assert_eq!(counts, [40, 35]);
        }
        assert!(splits.members(100).is_err());
    }

    #[test]
    fn splits_differ_and_take_every_shower_as_often() {
        let (n_splits, n) = (60, 400);
        let splits = Splits::draw(n_splits, [n / 2, n / 2], n, 5, 0).unwrap();
        // Each shower is in the first part of each split with probability 1/2: binomial, sigma sqrt(n_splits) / 2.
        let limit = 5.0 * (n_splits as f64).sqrt() / 2.0;
        for shower in 0..n as u64 {
            let n_first = splits.members(shower).unwrap()[0].count_ones();
            assert!((f64::from(n_first) - n_splits as f64 / 2.0).abs() < limit, "{n_first}");
        }
        let first = |split| {
            (0..n as u64).map(move |shower| splits_bit(&Splits::draw(2, [200, 200], n, 5, 0), shower, split))
        };
        assert!(first(0).ne(first(1)));
    }

    fn splits_bit(splits: &Result<Splits>, shower: u64, split: u32) -> u64 {
        splits.as_ref().unwrap().members(shower).unwrap()[0] >> split & 1
    }

    #[test]
    fn impossible_splits_are_refused() {
        for (n_splits, sizes) in [(0, [1, 1]), (65, [1, 1]), (2, [0, 5]), (2, [6, 5])] {
            assert!(Splits::draw(n_splits, sizes, 10, 0, 0).is_err(), "{n_splits} {sizes:?}");
        }
        let error = Splits::draw(2, [6, 5], 10, 0, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter `sizes`: [6, 5]; expected a first part that is not empty, and at most 10 showers in both"
        );
    }
}
