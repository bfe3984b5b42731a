//! Linear correlations between observables.

use ndarray::{Array2, ArrayView2, Axis};

use crate::bootstrap::{BootstrapSettings, bootstrap_error};
use crate::error::{Error, Result};
use crate::results::Estimate;
use crate::sample::{check_pair, check_sample, check_sizes};

/// Pearson correlation of every pair of columns.
///
/// A column whose values are all the same correlates with nothing: its row and column, diagonal included, are NaN, so
/// that it is not taken for uncorrelated.
///
/// # Shapes
/// `samples` `[shower, observable]` to `[observable, observable]`, symmetric, with exact ones on the diagonal.
///
/// # Errors
/// Empty or non-finite samples; leave out showers without hits first
/// ([`ObservableTable::complete_rows`](crate::ObservableTable::complete_rows)).
///
/// ```
/// use ndarray::array;
/// let showers = array![[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]];
/// let matrix = calo_metrics::pearson_matrix(showers.view())?;
/// assert!((matrix - array![[1.0, -1.0], [-1.0, 1.0]]).iter().all(|difference| difference.abs() < 1e-12));
/// # Ok::<(), calo_metrics::Error>(())
/// ```
pub fn pearson_matrix(samples: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    check_sample("observables", samples)?;
    let unit = unit_columns(samples);
    let mut matrix = unit.t().dot(&unit);
    for ((i, j), value) in matrix.indexed_iter_mut() {
        if !value.is_nan() {
            *value = if i == j { 1.0 } else { value.clamp(-1.0, 1.0) };
        }
    }
    Ok(matrix)
}

/// Columns of mean zero and length one; NaN where a column does not vary.
fn unit_columns(samples: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut unit = samples.to_owned();
    for mut column in unit.axis_iter_mut(Axis(1)) {
        let (low, high) = column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
        // Scaled to the range first: neither squares of huge values overflow nor those of tiny ones vanish.
        let (middle, range) = (low / 2.0 + high / 2.0, high / 2.0 - low / 2.0);
        if range > 0.0 {
            column.mapv_inplace(|value| (value - middle) / range);
            let mean = column.sum() / column.len() as f64;
            column.mapv_inplace(|value| value - mean);
            let length = column.dot(&column).sqrt();
            column.mapv_inplace(|value| value / length);
        } else {
            column.fill(f64::NAN);
        }
    }
    unit
}

/// `candidate - reference`, NaN where either is.
///
/// # Errors
/// Matrices of different shape.
pub fn pearson_difference(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    if reference.dim() != candidate.dim() {
        return Err(Error::mismatch("correlation matrix of the candidate", candidate.dim(), reference.dim()));
    }
    Ok(&candidate - &reference)
}

/// The pair of observables whose correlations differ most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LargestDifference {
    /// Candidate minus reference, with its sign.
    pub difference: Estimate,
    /// Columns of the two observables, the lower first.
    pub pair: [usize; 2],
}

/// An entry of a matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatrixEntry {
    /// Its row, from 0.
    pub row: usize,
    /// Its column, from 0.
    pub column: usize,
    /// The number there.
    pub value: f64,
}

/// The entry of largest absolute value above the diagonal, the first of equals; none where all are NaN.
pub fn largest_entry(difference: ArrayView2<'_, f64>) -> Option<MatrixEntry> {
    let mut largest: Option<MatrixEntry> = None;
    for ((row, column), &value) in difference.indexed_iter().filter(|((row, column), _)| row < column) {
        if !value.is_nan() && largest.is_none_or(|so_far| value.abs() > so_far.value.abs()) {
            largest = Some(MatrixEntry { row, column, value });
        }
    }
    largest
}

/// Largest absolute difference between the correlations of two samples. Its error is the bootstrap's for that very
/// pair: the maximum of resampled matrices would be biased upwards. `None` where no pair varies in both samples.
///
/// # Shapes
/// `reference` `[n, observable]`, `candidate` `[m, observable]`.
///
/// # Errors
/// Empty, mismatched or non-finite samples, or fewer than three showers in either.
pub fn largest_pearson_difference(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
    bootstrap: &BootstrapSettings,
) -> Result<Option<LargestDifference>> {
    check_pair(reference, candidate)?;
    check_sizes("correlations", reference, candidate, 3)?;
    let difference =
        pearson_difference(pearson_matrix(reference)?.view(), pearson_matrix(candidate)?.view())?;
    let Some(MatrixEntry { row, column, value }) = largest_entry(difference.view()) else { return Ok(None) };
    let pair = [row, column];
    let error = pair_error(reference, candidate, pair, bootstrap)?;
    Ok(Some(LargestDifference { difference: Estimate { value, error }, pair }))
}

/// Bootstrap error of the difference for one pair; none where a replica drew one and the same shower only.
fn pair_error(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
    pair: [usize; 2],
    bootstrap: &BootstrapSettings,
) -> Result<Option<f64>> {
    let pairs = [reference, candidate].map(|sample| sample.select(Axis(1), &pair));
    let correlation = |sample: usize, drawn: &[usize]| {
        let unit = unit_columns(pairs[sample].select(Axis(0), drawn).view());
        unit.column(0).dot(&unit.column(1))
    };
    let error = bootstrap_error([reference.nrows(), candidate.nrows()], bootstrap, |[first, second]| {
        Ok(correlation(1, second) - correlation(0, first))
    })?;
    Ok(Some(error).filter(|error| error.is_finite()))
}

#[cfg(test)]
mod tests {
    use ndarray::{array, s};
    use rand::Rng;

    use super::*;
    use crate::random::stream;

    #[test]
    fn a_constant_column_correlates_with_nothing() {
        let matrix =
            pearson_matrix(array![[1.0, 5.0, 2.0], [2.0, 5.0, 4.5], [3.0, 5.0, 6.0]].view()).unwrap();
        assert!(matrix.column(1).iter().chain(matrix.row(1)).all(|value| value.is_nan()));
        assert!(matrix[[0, 2]] > 0.98);
        assert_eq!(largest_entry(Array2::from_elem((3, 3), f64::NAN).view()), None);
    }

    #[test]
    fn huge_and_tiny_values_keep_their_correlation() {
        let plain = array![[1.0, 3.0], [2.0, -2.0], [4.0, 1.0], [0.5, 0.0]];
        let expected = pearson_matrix(plain.view()).unwrap()[[0, 1]];
        let scaled = &plain * &array![1e200, 1e-200];
        assert!((pearson_matrix(scaled.view()).unwrap()[[0, 1]] - expected).abs() < 1e-12);
    }

    #[test]
    fn the_largest_difference_keeps_its_sign_and_names_its_pair() {
        let reference = array![[1.0, 0.1, 0.9], [0.1, 1.0, 0.0], [0.9, 0.0, 1.0]];
        let candidate = array![[1.0, 0.2, 0.5], [0.2, 1.0, f64::NAN], [0.5, f64::NAN, 1.0]];
        let difference = pearson_difference(reference.view(), candidate.view()).unwrap();
        let largest = largest_entry(difference.view()).unwrap();
        assert_eq!([largest.row, largest.column], [0, 2]);
        assert!((largest.value + 0.4).abs() < 1e-12);
        let narrow = candidate.slice(s![..2, ..2]);
        let message = pearson_difference(reference.view(), narrow).unwrap_err().to_string();
        assert_eq!(message, "correlation matrix of the candidate: found (2, 2); expected (3, 3)");
    }

    #[test]
    fn the_bootstrap_error_is_the_known_one() {
        // Uncorrelated normal variables: the standard error of a correlation is 1 / sqrt(n), of a difference sqrt(2/n).
        let n = 2_000;
        let normal = |index| {
            let mut rng = stream(11, *b"twelve u", 0, index);
            // Sums of twelve uniform numbers are normal enough.
            Array2::from_shape_simple_fn((n, 2), || (0..12).map(|_| rng.random::<f64>()).sum::<f64>())
        };
        let bootstrap = BootstrapSettings { replicas: 400, seed: 3 };
        let largest =
            largest_pearson_difference(normal(0).view(), normal(1).view(), &bootstrap).unwrap().unwrap();
        let expected = (2.0 / n as f64).sqrt();
        let error = largest.difference.error.unwrap();
        // The standard deviation of 400 resamples is itself known to 1 / sqrt(800) = 3.5 %.
        assert!((error / expected - 1.0).abs() < 0.15, "{error} {expected}");
        assert!(largest.difference.value.abs() < 4.0 * expected);
    }
}
