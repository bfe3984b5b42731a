//! Rows of some showers of a sample that is too large to be kept.

use ndarray::Array2;

/// Rows of evenly spread showers, of as many as fit.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T> {
    pub(crate) n_showers: usize,
    pub(crate) rows: Array2<T>,
}

impl<T: Clone + Default> Kept<T> {
    pub(crate) fn new(n_showers: usize, at_most: usize, n_columns: usize) -> Self {
        Self { n_showers, rows: Array2::from_elem((n_showers.min(at_most), n_columns), T::default()) }
    }

    /// Where the shower goes; none where it is not kept. The first of each of as many equal parts as there are rows is.
    pub(crate) fn place(&self, shower: usize) -> Option<usize> {
        let part = |shower: usize| shower as u128 * self.rows.nrows() as u128 / self.n_showers.max(1) as u128;
        let is_first = shower == 0 || part(shower) != part(shower - 1);
        usize::try_from(part(shower)).ok().filter(|&place| is_first && place < self.rows.nrows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_showers_are_spread_evenly() {
        let kept = Kept::<f32>::new(10, 4, 1);
        let places: Vec<usize> = (0..10).filter(|&shower| kept.place(shower).is_some()).collect();
        assert_eq!(places, [0, 3, 5, 8]);
        assert!((0..10).filter_map(|shower| kept.place(shower)).eq(0..4));
        assert!((0..10).all(|shower| Kept::<f32>::new(10, 20, 1).place(shower) == Some(shower)));
    }
}
