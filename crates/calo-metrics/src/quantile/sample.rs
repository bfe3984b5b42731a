//! Values of showers that quantile bins are filled with.

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};
use crate::sample::check_sample;

/// Values of showers: one row of observables for each, or any number of values for each, as those of its cells.
///
/// What is resampled and counted are showers in both cases: the cells of a shower are not independent.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileSample {
    /// `[row, observable]`
    rows: Array2<f64>,
    /// Where the rows of each shower begin, and where the last end; none where each shower has one row.
    starts: Option<Vec<usize>>,
}

impl QuantileSample {
    /// One row of observables for each shower.
    ///
    /// # Shapes
    /// `[shower, observable]`
    ///
    /// # Errors
    /// An empty or non-finite sample.
    pub fn of_showers(rows: Array2<f64>) -> Result<Self> {
        check_sample("sample for quantile bins", rows.view())?;
        Ok(Self { rows, starts: None })
    }

    /// `n_cells[i]` values of shower i, one shower after another. A shower may have none.
    ///
    /// # Errors
    /// No value at all, NaN or infinity, or other numbers of values than `n_cells` says.
    pub fn of_cells(values: Vec<f64>, n_cells: &[usize]) -> Result<Self> {
        let mut starts = vec![0];
        starts.extend(n_cells.iter().scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        }));
        let n_values = starts[n_cells.len()];
        if values.len() != n_values {
            return Err(Error::mismatch(
                "values of cells, for their numbers in showers",
                values.len(),
                n_values,
            ));
        }
        let rows = Array2::from_shape_vec((n_values, 1), values)
            .map_err(|e| Error::mismatch("values of cells", e.to_string(), "a column"))?;
        check_sample("sample for quantile bins", rows.view())?;
        Ok(Self { rows, starts: Some(starts) })
    }

    /// Number of showers.
    pub fn n_showers(&self) -> usize {
        self.starts.as_ref().map_or(self.rows.nrows(), |starts| starts.len() - 1)
    }

    /// All rows, `[row, observable]`.
    pub fn rows(&self) -> ArrayView2<'_, f64> {
        self.rows.view()
    }

    /// Whether each shower has one row.
    pub fn is_one_row_each(&self) -> bool {
        self.starts.is_none()
    }

    /// Which rows are those of shower `i`.
    pub(super) fn rows_of(&self, i: usize) -> std::ops::Range<usize> {
        match &self.starts {
            Some(starts) => starts[i]..starts[i + 1],
            None => i..i + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn cells_belong_to_their_showers() {
        let sample = QuantileSample::of_cells(vec![1.0, 2.0, 3.0, 4.0], &[1, 0, 2, 1]).unwrap();
        assert_eq!((sample.n_showers(), sample.is_one_row_each()), (4, false));
        assert_eq!([0, 1, 2, 3].map(|shower| sample.rows_of(shower)), [0..1, 1..1, 1..3, 3..4]);
        let rows = QuantileSample::of_showers(array![[1.0, 5.0], [2.0, 6.0]]).unwrap();
        assert_eq!((rows.n_showers(), rows.rows_of(1)), (2, 1..2));
    }

    #[test]
    fn bad_input_is_named() {
        let message = QuantileSample::of_cells(vec![1.0], &[2]).unwrap_err().to_string();
        assert_eq!(message, "values of cells, for their numbers in showers: found 1; expected 2");
        assert!(QuantileSample::of_cells(Vec::new(), &[0, 0]).is_err());
        assert!(QuantileSample::of_showers(array![[f64::NAN]]).unwrap_err().to_string().contains("NaN"));
    }
}
