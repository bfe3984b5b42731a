//! Histograms of two quantities together, with the mean of one in every bin of the other.

use ndarray::{Array2, ArrayView1};

use crate::error::{Error, Result};

/// Points in equal bins along two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct JointHistogram {
    /// Edges along x, one more than bins.
    pub x_edges: Vec<f64>,
    /// Edges along y.
    pub y_edges: Vec<f64>,
    /// Points, `[bin along x, bin along y]`; the last edge belongs to the last bin.
    pub counts: Array2<u64>,
    /// Points beyond the edges of either axis.
    pub n_outside: u64,
    /// Mean of y and its standard error in every bin along x, wherever y lies; none for fewer than two points.
    pub profile: Vec<Option<[f64; 2]>>,
}

/// Counts points of `x` and `y` in `n_bins` bins along each, between the ends of the ranges.
///
/// # Shapes
/// `x` and `y` `[n]`.
///
/// # Errors
/// Numbers of points that differ, a range that does not rise, no bins, or points that are not finite.
///
/// ```
/// use ndarray::array;
/// let (x, y) = (array![0.1, 0.2, 0.9, 5.0], array![1.0, 3.0, 2.0, 2.0]);
/// let found = calo_latent::joint_histogram(x.view(), y.view(), [[0.0, 1.0], [0.0, 4.0]], [2, 2])?;
/// assert_eq!(found.counts, array![[1, 1], [0, 1]]);
/// assert_eq!((found.n_outside, found.profile[0]), (1, Some([2.0, 1.0])));
/// # Ok::<(), calo_latent::Error>(())
/// ```
pub fn joint_histogram(
    x: ArrayView1<'_, f64>,
    y: ArrayView1<'_, f64>,
    ranges: [[f64; 2]; 2],
    n_bins: [usize; 2],
) -> Result<JointHistogram> {
    if x.len() != y.len() {
        return Err(Error::mismatch("points along y", y.len(), x.len()));
    }
    for (name, [low, high], n) in
        [("range along x", ranges[0], n_bins[0]), ("range along y", ranges[1], n_bins[1])]
    {
        if !(low.is_finite() && high.is_finite() && low < high) || n == 0 {
            let found = format!("{n} bins from {low} to {high}");
            return Err(Error::parameter(name, found, "at least one bin between finite ends that rise"));
        }
    }
    let edges = |axis: usize| -> Vec<f64> {
        let ([low, high], n) = (ranges[axis], n_bins[axis]);
        // The last one is the end itself, whatever rounding makes of it.
        (0..n).map(|i| low + (high - low) * i as f64 / n as f64).chain([high]).collect()
    };
    let bin = |axis: usize, value: f64| {
        let ([low, high], n) = (ranges[axis], n_bins[axis]);
        let within = (low..=high).contains(&value);
        within.then(|| (((value - low) / (high - low) * n as f64) as usize).min(n - 1))
    };
    let mut counts = Array2::zeros((n_bins[0], n_bins[1]));
    let mut n_outside = 0;
    let mut columns = vec![Vec::new(); n_bins[0]];
    for (i, (&x, &y)) in x.iter().zip(y).enumerate() {
        if !(x.is_finite() && y.is_finite()) {
            let value = if x.is_finite() { y } else { x };
            return Err(Error::non_finite("points of a joint histogram", value, &[i]));
        }
        let (column, row) = (bin(0, x), bin(1, y));
        if let Some(column) = column {
            columns[column].push(y);
        }
        match (column, row) {
            (Some(column), Some(row)) => counts[[column, row]] += 1,
            _ => n_outside += 1,
        }
    }
    let profile = columns.iter().map(|values| mean_and_error(values)).collect();
    Ok(JointHistogram { x_edges: edges(0), y_edges: edges(1), counts, n_outside, profile })
}

/// Mean and its standard error, of two values at least.
fn mean_and_error(values: &[f64]) -> Option<[f64; 2]> {
    let n = values.len() as f64;
    if n < 2.0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    Some([mean, (squares / (n - 1.0) / n).sqrt()])
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;

    #[test]
    fn ends_belong_to_bins_and_no_point_is_lost() {
        let x = array![0.0, 0.5, 1.0, 1.1, -0.1, 0.3];
        let y = array![0.0, 2.0, 2.0, 1.0, 1.0, 9.0];
        let found = joint_histogram(x.view(), y.view(), [[0.0, 1.0], [0.0, 2.0]], [2, 4]).unwrap();
        assert_eq!(found.counts.sum() + found.n_outside, 6);
        assert_eq!((found.counts[[0, 0]], found.counts[[1, 3]], found.n_outside), (1, 2, 3));
        // The profile counts what lies beyond the edges along y.
        assert_eq!(found.profile, [Some([4.5, 4.5]), Some([2.0, 0.0])]);
        assert_eq!((found.x_edges, found.y_edges.len()), (vec![0.0, 0.5, 1.0], 5));
    }

    #[test]
    fn impossible_input_is_named() {
        let x = Array1::zeros(3);
        for (y, range, expected) in [
            (Array1::zeros(2), [0.0, 1.0], "points along y: found 2; expected 3"),
            (Array1::zeros(3), [1.0, 1.0], "2 bins from 1 to 1"),
            (array![0.0, f64::NAN, 0.0], [0.0, 1.0], "NaN at index [1]"),
        ] {
            let error = joint_histogram(x.view(), y.view(), [[0.0, 1.0], range], [2, 2]).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
