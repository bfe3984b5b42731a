//! Precision, recall, density and coverage from k nearest neighbours, exact in any number of dimensions.
//!
//! Distances come from blocks of f32 matrix products with a bound on their error. Where that leaves a comparison open, the
//! one pair is computed anew in f64. So results are those of f64, at the speed of f32, and no matrix of all pairs is held.

mod nearest;
mod points;

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::error::{Error, Result};
use nearest::kth_squares;
use points::{Points, Squares, blocks};

/// How well the neighbourhoods of two samples cover each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prdc {
    /// Share of candidates within the neighbourhood of some reference shower.
    pub precision: f64,
    /// Share of reference showers within the neighbourhood of some candidate.
    pub recall: f64,
    /// Mean number of reference neighbourhoods that a candidate lies in, over k.
    pub density: f64,
    /// Share of reference showers with a candidate in their neighbourhood.
    pub coverage: f64,
}

/// Precision, recall, density and coverage: a neighbourhood of a shower is the open ball that reaches to its k-th
/// nearest neighbour in the own sample.
///
/// Memory beyond the samples is about 4 KB a dimension, whatever the number of showers. The cost grows with
/// (n + m)^2 d.
///
/// # Shapes
/// `reference` `[n, d]`, `candidate` `[m, d]`; distances are between `coordinate` of each entry.
///
/// # Errors
/// Empty or mismatched samples, not more than `n_neighbours` showers in either, coordinates that are not finite or above
/// 1e15.
///
/// # Reference
/// T. Kynkaanniemi et al., arXiv 1904.06991; M. F. Naeem et al., arXiv 2002.09797, package `prdc`.
///
/// ```
/// use ndarray::array;
/// let a = array![[0.0_f32], [1.0], [2.0], [10.0]];
/// let b = array![[0.5_f32], [1.5], [30.0], [31.0]];
/// let scores = calo_metrics::prdc(a.view(), b.view(), &|x| f64::from(x), 1)?;
/// // Balls of radius 1, 1, 1 and 8 around `a`, of 1, 1, 1 and 1 around `b`.
/// assert_eq!((scores.precision, scores.recall), (0.5, 0.75));
/// assert_eq!((scores.density, scores.coverage), (1.0, 0.75));
/// # Ok::<(), calo_metrics::Error>(())
/// ```
pub fn prdc(
    reference: ArrayView2<'_, f32>,
    candidate: ArrayView2<'_, f32>,
    coordinate: &(dyn Fn(f32) -> f64 + Sync),
    n_neighbours: usize,
) -> Result<Prdc> {
    if n_neighbours == 0 {
        return Err(Error::parameter("n_neighbours", 0, "at least 1"));
    }
    if candidate.ncols() != reference.ncols() {
        let (found, expected) = (candidate.ncols(), reference.ncols());
        return Err(Error::mismatch("number of features of the candidate", found, expected));
    }
    let mut samples = Vec::with_capacity(2);
    for (name, rows) in [("reference", reference), ("candidate", candidate)] {
        if rows.nrows() <= n_neighbours {
            let what = format!("{name} for {n_neighbours} neighbours");
            return Err(Error::TooFew { what, found: rows.nrows(), expected: n_neighbours + 1 });
        }
        samples.push(Points::new(name, rows, coordinate)?);
    }
    let radii = [0, 1].map(|side| kth_squares(&samples[side], n_neighbours));
    Ok(count(&samples[0], &samples[1], [&radii[0], &radii[1]], n_neighbours))
}

/// What one block of candidates says about a block of reference showers.
struct BlockCounts {
    /// For each reference shower: a candidate is in its ball; it is in a candidate's ball.
    reference: Vec<[bool; 2]>,
    /// For each candidate: in how many balls of reference showers it is.
    candidate: Vec<u32>,
}

fn count<'a>(
    reference: &Points<'a>,
    candidate: &Points<'a>,
    radii: [&[f64]; 2],
    n_neighbours: usize,
) -> Prdc {
    let mut covered = vec![[false; 2]; reference.len()];
    let mut n_balls = vec![0_u64; candidate.len()];
    for rows in blocks(reference.len()) {
        let panel = reference.panel(rows.clone());
        let counts: Vec<BlockCounts> = blocks(candidate.len())
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|columns| {
                let squares = Squares::new(reference, rows.clone(), &panel, candidate, columns.clone());
                count_block(&squares, [&radii[0][rows.clone()], &radii[1][columns]])
            })
            .collect();
        for (columns, block) in blocks(candidate.len()).zip(counts) {
            for (sum, n) in n_balls[columns].iter_mut().zip(block.candidate) {
                *sum += u64::from(n);
            }
            for (sum, found) in covered[rows.clone()].iter_mut().zip(block.reference) {
                *sum = [sum[0] || found[0], sum[1] || found[1]];
            }
        }
    }
    let share_of_reference =
        |which: usize| covered.iter().filter(|found| found[which]).count() as f64 / reference.len() as f64;
    let n_candidates = candidate.len() as f64;
    Prdc {
        precision: n_balls.iter().filter(|&&n| n > 0).count() as f64 / n_candidates,
        recall: share_of_reference(1),
        density: n_balls.iter().sum::<u64>() as f64 / (n_neighbours as f64 * n_candidates),
        coverage: share_of_reference(0),
    }
}

fn count_block(squares: &Squares<'_, '_>, radii: [&[f64]; 2]) -> BlockCounts {
    let mut counts =
        BlockCounts { reference: vec![[false; 2]; radii[0].len()], candidate: vec![0; radii[1].len()] };
    for (i, &radius) in radii[0].iter().enumerate() {
        for (j, &other_radius) in radii[1].iter().enumerate() {
            let within_reference = squares.is_below(i, j, radius);
            counts.candidate[j] += u32::from(within_reference);
            let found = &mut counts.reference[i];
            found[0] |= within_reference;
            // Once is enough: the comparison is skipped for most pairs.
            found[1] = found[1] || squares.is_below(i, j, other_radius);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};
    use rand::Rng as _;

    use super::*;
    use crate::random::stream;

    fn sample(n: usize, n_features: usize, seed: u64, scale: f32) -> Array2<f32> {
        let mut random = stream(seed, *b"neighbrs", 0, 0);
        Array2::from_shape_simple_fn((n, n_features), || scale * (random.random::<f32>() - 0.5))
    }

    /// All distances in f64, as the definition says.
    fn by_definition(a: &Array2<f32>, b: &Array2<f32>, k: usize) -> Prdc {
        let square = |x: &Array2<f32>, i: usize, y: &Array2<f32>, j: usize| -> f64 {
            x.row(i).iter().zip(y.row(j)).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum()
        };
        let radii = |x: &Array2<f32>| -> Vec<f64> {
            (0..x.nrows())
                .map(|i| {
                    let mut squares: Vec<f64> =
                        (0..x.nrows()).filter(|&j| j != i).map(|j| square(x, i, x, j)).collect();
                    squares.sort_by(f64::total_cmp);
                    squares[k - 1]
                })
                .collect()
        };
        let (ra, rb, n, m) = (radii(a), radii(b), a.nrows(), b.nrows());
        let within = |i: usize, j: usize, radius: f64| square(a, i, b, j) < radius;
        let share = |hits: Vec<bool>| hits.iter().filter(|&&hit| hit).count() as f64 / hits.len() as f64;
        let n_within = (0..m).map(|j| (0..n).filter(|&i| within(i, j, ra[i])).count()).sum::<usize>();
        Prdc {
            precision: share((0..m).map(|j| (0..n).any(|i| within(i, j, ra[i]))).collect()),
            recall: share((0..n).map(|i| (0..m).any(|j| within(i, j, rb[j]))).collect()),
            density: n_within as f64 / (k * m) as f64,
            coverage: share((0..n).map(|i| (0..m).any(|j| within(i, j, ra[i]))).collect()),
        }
    }

    #[test]
    fn blocks_give_what_the_definition_says() {
        let identity = |x: f32| f64::from(x);
        for (n, m, n_features, k) in [(40, 50, 3, 5), (1100, 90, 2, 3), (30, 1050, 700, 4)] {
            let (a, b) = (sample(n, n_features, 1, 1.0), sample(m, n_features, 2, 1.1));
            let ours = prdc(a.view(), b.view(), &identity, k).unwrap();
            assert_eq!(ours, by_definition(&a, &b, k), "{n} {m} {n_features}");
        }
    }

    /// Integers on a coarse grid: most comparisons are ties, and far from the origin f32 products cannot decide.
    #[test]
    fn ties_far_from_the_origin_are_decided_exactly() {
        let grid = |sample: Array2<f32>| sample.mapv(|x| (4.0 * x).round() + 4_000.0);
        let (a, b) = (grid(sample(150, 3, 1, 1.0)), grid(sample(160, 3, 2, 1.0)));
        let ours = prdc(a.view(), b.view(), &|x| f64::from(x), 2).unwrap();
        assert_eq!(ours, by_definition(&a, &b, 2));
    }

    #[test]
    fn a_copy_covers_all_and_a_distant_sample_nothing() {
        let a = sample(100, 4, 1, 1.0);
        let identity = |x: f32| f64::from(x);
        let copy = prdc(a.view(), a.slice(s![..;-1, ..]), &identity, 5).unwrap();
        assert_eq!((copy.precision, copy.recall, copy.coverage), (1.0, 1.0, 1.0));
        let far = &a + 100.0;
        let apart = prdc(a.view(), far.view(), &identity, 5).unwrap();
        assert_eq!(apart, Prdc { precision: 0.0, recall: 0.0, density: 0.0, coverage: 0.0 });
    }

    #[test]
    fn bad_input_is_named() {
        let a = sample(10, 3, 1, 1.0);
        let message =
            |b: &Array2<f32>, k| prdc(a.view(), b.view(), &|x| f64::from(x), k).unwrap_err().to_string();
        assert!(message(&a, 0).starts_with("parameter `n_neighbours`: 0"));
        assert_eq!(message(&a, 10), "reference for 10 neighbours: 10 showers; expected at least 11");
        assert!(message(&sample(10, 2, 1, 1.0), 3).starts_with("number of features of the candidate"));
        let mut bad = a.clone();
        bad[[4, 1]] = f32::INFINITY;
        assert_eq!(message(&bad, 3), "candidate: inf at index [4, 1]; expected finite numbers");
    }
}
