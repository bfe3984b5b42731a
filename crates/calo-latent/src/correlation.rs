//! Correlation of latent variables with observables.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::check::check_sample;
use crate::error::{Error, Result};

/// Correlation of every latent variable with every observable.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlations {
    /// Coefficient, `[latent variable, observable]`; NaN where either is constant, which is not the same as uncorrelated.
    pub coefficient: Array2<f64>,
    /// Its standard error, `[latent variable, observable]`.
    pub error: Array2<f64>,
}

/// Pearson's correlation of latent variables with observables.
///
/// The error is that of the influence function, the mean square of xy - r (x^2 + y^2) / 2 over standardised x and y,
/// divided by n: unlike (1 - r^2) / sqrt(n) it holds for distributions that are not normal.
///
/// # Shapes
/// `latents` `[n, k]`, `observables` `[n, m]`, n of three at least, to `[k, m]`.
///
/// # Errors
/// Empty, non-finite or too few points, or numbers of points that differ.
///
/// # Reference
/// arXiv:2102.12491, figure 3, with sampled z, not their means.
///
/// ```
/// use ndarray::array;
/// let z = array![[-1.0, 0.3], [0.0, -0.8], [1.0, 0.5], [2.0, 0.0]];
/// let cog_z = array![[9.0], [10.0], [12.0], [13.0]];
/// let found = calo_latent::pearson(z.view(), cog_z.view())?;
/// assert!(found.coefficient[[0, 0]] > 0.98 && found.coefficient[[1, 0]].abs() < 0.5);
/// # Ok::<(), calo_latent::Error>(())
/// ```
pub fn pearson(latents: ArrayView2<'_, f64>, observables: ArrayView2<'_, f64>) -> Result<Correlations> {
    check(latents, observables)?;
    Ok(correlate(
        &standardised(latents, |column| column.to_owned()),
        &standardised(observables, |column| column.to_owned()),
    ))
}

/// Spearman's correlation: Pearson's of ranks, ties having their mean rank. It sees any monotonic relation.
///
/// The error is that of Pearson's coefficient of the ranks, which treats ranks as given.
///
/// # Shapes
/// As [`pearson`].
///
/// # Errors
/// As [`pearson`].
pub fn spearman(latents: ArrayView2<'_, f64>, observables: ArrayView2<'_, f64>) -> Result<Correlations> {
    check(latents, observables)?;
    Ok(correlate(&standardised(latents, ranks), &standardised(observables, ranks)))
}

fn check(latents: ArrayView2<'_, f64>, observables: ArrayView2<'_, f64>) -> Result<()> {
    check_sample("latent variables", latents, 3)?;
    check_sample("observables", observables, 3)?;
    if latents.nrows() == observables.nrows() {
        return Ok(());
    }
    Err(Error::mismatch("points of the observables", observables.nrows(), latents.nrows()))
}

/// Columns of mean 0 and mean square 1, each contiguous; NaN where a column does not vary.
fn standardised(
    sample: ArrayView2<'_, f64>,
    transform: impl Fn(ArrayView1<'_, f64>) -> Array1<f64> + Sync,
) -> Vec<Array1<f64>> {
    let columns: Vec<_> = sample.axis_iter(Axis(1)).collect();
    let standardise = |column: ArrayView1<'_, f64>| {
        let mut x = transform(column);
        let (low, high) =
            x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
        // Scaled to the range first: squares of huge values do not overflow, nor those of tiny ones vanish.
        let (middle, range) = (low / 2.0 + high / 2.0, high / 2.0 - low / 2.0);
        if range <= 0.0 {
            return Array1::from_elem(x.len(), f64::NAN);
        }
        x.mapv_inplace(|x| (x - middle) / range);
        let mean = x.sum() / x.len() as f64;
        x.mapv_inplace(|x| x - mean);
        let root_mean_square = (x.dot(&x) / x.len() as f64).sqrt();
        x.mapv_inplace(|x| x / root_mean_square);
        x
    };
    columns.into_par_iter().map(standardise).collect()
}

fn correlate(latents: &[Array1<f64>], observables: &[Array1<f64>]) -> Correlations {
    let (k, m) = (latents.len(), observables.len());
    let pair = |i: usize| {
        let (x, y) = (&latents[i / m], &observables[i % m]);
        let n = x.len() as f64;
        let r = x.dot(y) / n;
        // Rounding must not carry it past one; NaN stays.
        let r = if r.abs() > 1.0 { r.signum() } else { r };
        let influence = |(x, y): (&f64, &f64)| (x * y - 0.5 * r * (x * x + y * y)).powi(2);
        (r, (x.iter().zip(y).map(influence).sum::<f64>()).sqrt() / n)
    };
    let pairs: Vec<(f64, f64)> = (0..k * m).into_par_iter().map(pair).collect();
    let fill =
        |value: fn(&(f64, f64)) -> f64| Array2::from_shape_fn((k, m), |(i, j)| value(&pairs[i * m + j]));
    Correlations { coefficient: fill(|pair| pair.0), error: fill(|pair| pair.1) }
}

/// Ranks from 1, the mean of them where values are equal.
fn ranks(column: ArrayView1<'_, f64>) -> Array1<f64> {
    let mut order: Vec<usize> = (0..column.len()).collect();
    order.sort_by(|&i, &j| column[i].total_cmp(&column[j]));
    let mut ranks = Array1::zeros(column.len());
    let mut first = 0;
    // 0 and -0 are equal numbers.
    for tied in order.chunk_by(|&i, &j| column[i] >= column[j]) {
        let mean = first as f64 + 0.5 * (tied.len() as f64 + 1.0);
        for &i in tied {
            ranks[i] = mean;
        }
        first += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use rand::Rng;
    use rand_distr::StandardNormal;

    use super::*;
    use calo_core::random::{Purpose, stream};

    #[test]
    fn tied_values_share_their_mean_rank() {
        assert_eq!(ranks(array![3.0, 1.0, 3.0, 0.0, -0.0].view()), array![4.5, 3.0, 4.5, 1.5, 1.5]);
    }

    #[test]
    fn spearman_sees_any_monotonic_relation_and_a_constant_column_none() {
        let z = Array2::from_shape_fn((20, 1), |(i, _)| i as f64);
        let found = spearman(z.view(), z.mapv(|z| (z - 3.0).exp()).view()).unwrap();
        assert!((found.coefficient[[0, 0]] - 1.0).abs() < 1e-12 && found.error[[0, 0]] < 1e-6);
        let found = pearson(z.view(), Array2::ones((20, 2)).view()).unwrap();
        assert!(found.coefficient.iter().chain(&found.error).all(|x| x.is_nan()));
    }

    #[test]
    fn the_error_is_the_spread_of_repeated_experiments() {
        let (n, n_repeats) = (200, 200);
        let mut sums = [0.0; 3];
        for repeat in 0..n_repeats {
            let mut rng = stream(1, Purpose::new("testtest"), repeat);
            let mut sample = Array2::from_shape_simple_fn((n, 2), || rng.sample::<f64, _>(StandardNormal));
            for mut row in sample.rows_mut() {
                row[1] = 0.6 * row[0] + 0.8 * row[1];
            }
            let (x, y) = sample.view().split_at(Axis(1), 1);
            let found = pearson(x, y).unwrap();
            let r = found.coefficient[[0, 0]];
            sums = [sums[0] + r, sums[1] + r * r, sums[2] + found.error[[0, 0]]];
        }
        let [mean, squares, error] = sums.map(|sum| sum / n_repeats as f64);
        let spread = (squares - mean * mean).sqrt();
        // (1 - 0.36) / sqrt(200) for normal variables; the spread of 200 values is known to 5 %.
        assert!(
            (error / spread - 1.0).abs() < 0.2 && (error / 0.0453 - 1.0).abs() < 0.05,
            "{error} {spread}"
        );
    }

    #[test]
    fn samples_of_different_length_are_refused() {
        let error = pearson(Array2::zeros((4, 1)).view(), Array2::zeros((5, 1)).view()).unwrap_err();
        assert_eq!(error.to_string(), "points of the observables: found 5; expected 4");
    }
}
