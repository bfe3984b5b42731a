//! Kernel physics distance (KPD): squared maximum mean discrepancy with a polynomial kernel of degree four.

mod pairs;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::random::stream;
use crate::resampling::Draw;
use crate::results::Estimate;
use crate::sample::{check_pair, check_sizes};

/// Fewest showers of a sample for batches of it.
const MIN_SHOWERS: usize = 20;

/// With more features, the moments of degree four would fill the memory: their number grows with the fourth power. The
/// kernel is then summed over pairs.
const MAX_MOMENT_FEATURES: usize = 64;

/// Rows expanded at a time.
const BLOCK_ROWS: usize = 256;

/// Percentiles whose half distance JetNet quotes as error.
const ERROR_PERCENTILES: [f64; 2] = [16.275, 83.725];

/// Batches whose median is the distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelSettings {
    /// Number of batches.
    pub n_batches: usize,
    /// Showers of either sample in a batch.
    pub batch_size: usize,
    /// How batches are drawn.
    pub draw: Draw,
    /// Seed of the draws.
    pub seed: u64,
}

impl KernelSettings {
    /// JetNet's ten batches of 5,000 showers, or of half the smaller sample where that is less.
    pub fn for_sizes(n_reference: usize, n_candidate: usize, seed: u64) -> Self {
        let batch_size = (n_reference.min(n_candidate) / 2).min(5_000);
        Self { n_batches: 10, batch_size, draw: Draw::default(), seed }
    }

    fn validate(&self, n_showers: usize) -> Result<()> {
        if self.n_batches == 0 {
            return Err(Error::parameter("n_batches", self.n_batches, "at least 1"));
        }
        if self.batch_size < 2 {
            return Err(Error::parameter("batch_size", self.batch_size, "at least 2"));
        }
        if self.draw == Draw::WithoutReplacement && self.batch_size > n_showers {
            let expected = format!("at most the {n_showers} showers there are, drawn without replacement");
            return Err(Error::parameter("batch_size", self.batch_size, expected));
        }
        Ok(())
    }
}

/// Unbiased squared maximum mean discrepancy of two whole samples, with the kernel (x.y / d + 1)^4 in d features.
/// It may fall below zero where the samples agree.
///
/// # Shapes
/// `reference` `[n, d]`, `candidate` `[m, d]`; up to 64 features the cost grows with (n + m) d^4, beyond with
/// (n + m)^2 d.
///
/// # Errors
/// Empty, mismatched or non-finite samples, or fewer than two showers in either.
///
/// ```
/// use ndarray::array;
/// let (a, b) = (array![[0.0], [1.0], [-1.0]], array![[0.0], [-1.0], [1.0]]);
/// let distance = calo_metrics::kernel_distance(a.view(), b.view())?;
/// // Pairs within a sample have kernels 1, 1, 0; those across 5 times 1, twice 16, twice 0.
/// assert!((distance - (2.0 * 2.0 / 3.0 - 2.0 * 37.0 / 9.0)).abs() < 1e-12);
/// # Ok::<(), calo_metrics::Error>(())
/// ```
pub fn kernel_distance(reference: ArrayView2<'_, f64>, candidate: ArrayView2<'_, f64>) -> Result<f64> {
    check_pair(reference, candidate)?;
    check_sizes("a kernel distance", reference, candidate, 2)?;
    if reference.ncols() > MAX_MOMENT_FEATURES {
        return finite(pairs::discrepancy(reference, candidate));
    }
    let whole = |sample: ArrayView2<'_, f64>| Moments::of(sample, 0..sample.nrows());
    finite(discrepancy(&whole(reference), &whole(candidate)))
}

/// Kernel physics distance: median of [`kernel_distance`] over seeded batches; the error is half the distance between
/// the percentiles 16.275 and 83.725 of the batches.
///
/// # Shapes
/// `reference` `[n, feature]`, `candidate` `[m, feature]`, both standardised with the reference
/// ([`two_sample_features`](crate::two_sample_features)).
///
/// # Errors
/// Empty, mismatched or non-finite samples, fewer than 20 showers in either, or impossible settings.
///
/// # Reference
/// R. Kansal et al., arXiv 2211.10295; JetNet 0.2.5, `jetnet.evaluation.kpd`. JetNet draws with replacement: see
/// [`Draw`].
pub fn kpd(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
    settings: &KernelSettings,
) -> Result<Estimate> {
    check_pair(reference, candidate)?;
    check_sizes("batches of a kernel distance", reference, candidate, MIN_SHOWERS)?;
    let n_showers = [reference.nrows(), candidate.nrows()];
    settings.validate(n_showers[0].min(n_showers[1]))?;
    kpd_of_batches(reference, candidate, settings.n_batches, |batch| {
        let mut rng = stream(settings.seed, *b"kpdbatch", 0, batch as u64);
        n_showers.map(|n| settings.draw.indices(n, settings.batch_size, &mut rng))
    })
}

/// [`kpd`] of given batches: `draw(batch)` gives the indices of the showers of either sample.
///
/// # Errors
/// As [`kpd`]; also an index out of range or a batch of fewer than two showers.
pub fn kpd_of_batches(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
    n_batches: usize,
    draw: impl Fn(usize) -> [Vec<usize>; 2] + Sync,
) -> Result<Estimate> {
    check_pair(reference, candidate)?;
    if n_batches == 0 {
        return Err(Error::parameter("n_batches", n_batches, "at least 1"));
    }
    let mut distances: Vec<f64> = (0..n_batches)
        .into_par_iter()
        .map(|batch| {
            let [first, second] = draw(batch);
            for (indices, sample) in [(&first, reference), (&second, candidate)] {
                check_batch(indices, sample.nrows())?;
            }
            if reference.ncols() > MAX_MOMENT_FEATURES {
                let [a, b] = [reference.select(Axis(0), &first), candidate.select(Axis(0), &second)];
                return finite(pairs::discrepancy(a.view(), b.view()));
            }
            finite(discrepancy(
                &Moments::of(reference, first.iter().copied()),
                &Moments::of(candidate, second.iter().copied()),
            ))
        })
        .collect::<Result<_>>()?;
    distances.sort_unstable_by(f64::total_cmp);
    let [low, high] = ERROR_PERCENTILES.map(|percent| percentile(&distances, percent));
    Ok(Estimate { value: percentile(&distances, 50.0), error: Some((high - low) / 2.0) })
}

fn check_batch(indices: &[usize], n_showers: usize) -> Result<()> {
    if indices.len() < 2 {
        let what = "batch for a kernel distance".to_owned();
        return Err(Error::TooFew { what, found: indices.len(), expected: 2 });
    }
    match indices.iter().find(|&&index| index >= n_showers) {
        None => Ok(()),
        Some(index) => {
            let expected = format!("below the {n_showers} showers of the sample");
            Err(Error::parameter("shower index", index, expected))
        }
    }
}

/// Finite features may still overflow in the fourth power.
fn finite(value: f64) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { Err(Error::non_finite("kernel of the features", value, &[])) }
}

/// What a sample contributes to sums of the kernel over all pairs.
///
/// With u = (1, x / sqrt d) the kernel is (u.v)^4 = (p.q)^2, where p holds the products u_i u_j (those with i < j once,
/// times sqrt 2). So the sum over pairs of samples P and Q is the scalar product of P^T P and Q^T Q: one pass over each
/// sample, and never a matrix of pairs.
struct Moments {
    n: f64,
    gram: Array2<f64>,
    /// Sum of the kernel of each shower with itself.
    diagonal: f64,
}

impl Moments {
    fn of(sample: ArrayView2<'_, f64>, mut indices: impl Iterator<Item = usize>) -> Self {
        let n_coordinates = sample.ncols() + 1;
        let scale = 1.0 / (sample.ncols() as f64).sqrt();
        let n_products = n_coordinates * (n_coordinates + 1) / 2;
        let mut gram = Array2::zeros((n_products, n_products));
        let mut buffer = Array2::zeros((BLOCK_ROWS, n_products));
        let mut u = vec![1.0; n_coordinates];
        let (mut n, mut diagonal) = (0.0, 0.0);
        loop {
            let mut n_rows = 0;
            for (mut row, index) in buffer.rows_mut().into_iter().zip(&mut indices) {
                for (u, x) in u[1..].iter_mut().zip(sample.row(index)) {
                    *u = x * scale;
                }
                fill_products(&u, row.iter_mut());
                diagonal += u.iter().map(|u| u * u).sum::<f64>().powi(4);
                n_rows += 1;
            }
            let block = buffer.slice(s![..n_rows, ..]);
            general_mat_mul(1.0, &block.t(), &block, 1.0, &mut gram);
            n += n_rows as f64;
            // A short or empty block was the last: `zip` asks for an index only after it has a row.
            if n_rows < BLOCK_ROWS {
                return Self { n, gram, diagonal };
            }
        }
    }

    /// Sum of the kernel over all pairs of a shower here and one there.
    fn dot(&self, other: &Self) -> f64 {
        self.gram.iter().zip(&other.gram).map(|(a, b)| a * b).sum()
    }

    /// Mean of the kernel over pairs of different showers.
    fn mean_of_pairs(&self) -> f64 {
        (self.dot(self) - self.diagonal) / (self.n * (self.n - 1.0))
    }
}

fn fill_products<'a>(u: &[f64], row: impl Iterator<Item = &'a mut f64>) {
    let pairs = u.iter().enumerate().flat_map(|(i, &a)| {
        u[i..]
            .iter()
            .enumerate()
            .map(move |(j, &b)| a * b * if j == 0 { 1.0 } else { std::f64::consts::SQRT_2 })
    });
    for (out, product) in row.zip(pairs) {
        *out = product;
    }
}

fn discrepancy(first: &Moments, second: &Moments) -> f64 {
    first.mean_of_pairs() + second.mean_of_pairs() - 2.0 * first.dot(second) / (first.n * second.n)
}

/// Percentile of sorted values, linear between ranks as in NumPy.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = percent / 100.0 * (sorted.len() as f64 - 1.0);
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (rank - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: usize, shift: f64) -> Array2<f64> {
        Array2::from_shape_fn((n, 3), |(i, j)| ((i * 17 + j * 29) % 23) as f64 / 10.0 - 1.0 + shift)
    }

    fn kernel(sample: &Array2<f64>, i: usize, other: &Array2<f64>, j: usize) -> f64 {
        (sample.row(i).dot(&other.row(j)) / sample.ncols() as f64 + 1.0).powi(4)
    }

    #[test]
    fn moments_give_the_sum_over_all_pairs() {
        let (x, y) = (sample(300, 0.0), sample(511, 0.3));
        let pairs = |a: &Array2<f64>, b: &Array2<f64>, with_self: bool| -> f64 {
            let all = (0..a.nrows()).flat_map(|i| (0..b.nrows()).map(move |j| (i, j)));
            all.filter(|(i, j)| with_self || i != j).map(|(i, j)| kernel(a, i, b, j)).sum()
        };
        let (n, m) = (300.0, 511.0);
        let direct = pairs(&x, &x, false) / (n * (n - 1.0)) + pairs(&y, &y, false) / (m * (m - 1.0))
            - 2.0 * pairs(&x, &y, true) / (n * m);
        let ours = kernel_distance(x.view(), y.view()).unwrap();
        assert!((ours / direct - 1.0).abs() < 1e-10, "{ours} {direct}");
    }

    #[test]
    fn percentiles_interpolate_between_ranks() {
        assert!((percentile(&[1.0, 2.0, 4.0], 75.0) - 3.0).abs() < 1e-12);
        assert!((percentile(&[1.0, 2.0, 4.0], 100.0) - 4.0).abs() < 1e-12);
        assert!((percentile(&[5.0], 16.0) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn impossible_settings_are_named() {
        let sound = KernelSettings::for_sizes(100, 300, 0);
        assert_eq!(sound.batch_size, 50);
        let x = sample(100, 0.0);
        for settings in [
            KernelSettings { n_batches: 0, ..sound },
            KernelSettings { batch_size: 1, ..sound },
            KernelSettings { batch_size: 101, ..sound },
        ] {
            assert!(matches!(kpd(x.view(), x.view(), &settings), Err(Error::Parameter { .. })));
        }
        let with_replacement = KernelSettings { batch_size: 101, draw: Draw::WithReplacement, ..sound };
        assert!(kpd(x.view(), x.view(), &with_replacement).is_ok());
    }

    /// Features that are zero change scalar products by their number alone, which the scale of the others makes up for.
    #[test]
    fn samples_of_many_features_are_summed_over_pairs() {
        let widened = |narrow: &Array2<f64>| {
            let mut wide = Array2::zeros((narrow.nrows(), 96));
            wide.slice_mut(s![.., ..3]).assign(&(narrow * 32.0_f64.sqrt()));
            wide
        };
        let (x, y) = (sample(300, 0.0), sample(280, 0.3));
        let (wide_x, wide_y) = (widened(&x), widened(&y));
        let expected = kernel_distance(x.view(), y.view()).unwrap();
        let wide = kernel_distance(wide_x.view(), wide_y.view()).unwrap();
        assert!((wide / expected - 1.0).abs() < 1e-9, "{wide} {expected}");
        let settings = KernelSettings::for_sizes(300, 280, 0);
        let expected = kpd(x.view(), y.view(), &settings).unwrap();
        let wide = kpd(wide_x.view(), wide_y.view(), &settings).unwrap();
        assert!((wide.value / expected.value - 1.0).abs() < 1e-9, "{wide:?} {expected:?}");
    }

    #[test]
    fn overflow_is_an_error() {
        let x = sample(30, 0.0) * 1e100;
        let message = kernel_distance(x.view(), x.view()).unwrap_err().to_string();
        assert!(message.starts_with("kernel of the features"), "{message}");
    }
}
