//! Quantile bins: equal shares of a reference sample, and the Jensen-Shannon divergence over them.

mod amplification;
mod divergence;
mod levels;
mod sample;

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::sample::check_sample;
pub use amplification::{IndependentCurve, IndependentPoint, Worth, worth_at_resolution};
pub use divergence::{QuantileDivergence, SHOWERS_PER_BIN, Withheld, quantile_divergences};
pub use sample::QuantileSample;

/// Most dimensions that bins are split along; the shares of more could not be resolved by any sample.
const MAX_DIMENSIONS: usize = 5;

/// Most splits, for 2^24 bins.
const MAX_SPLITS: u32 = 24;

/// A binary tree of median splits along the axes in turn: `2^n_splits` bins of nearly equal share of the sample it was
/// fitted to. Its first k levels are the bins of k splits.
///
/// A value equal to an edge belongs to the bin right of it (x < edge goes left). Values that occur several times
/// therefore make shares unequal, and can leave bins empty: [`occupation`](Self::occupation) shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileBins {
    n_features: usize,
    n_splits: u32,
    /// Edge of every node, level by level; the children of node i are 2i + 1 and 2i + 2.
    edges: Vec<f64>,
    /// Rows of the fitted sample in every bin, or the same number in all bins of a formula.
    occupation: Vec<u64>,
}

impl QuantileBins {
    /// Splits `reference` into halves `n_splits` times, along axis 0, 1, .. in turn; each edge is the median of its
    /// cell. A cell left empty by ties sends every value to the left.
    ///
    /// # Shapes
    /// `reference` `[shower, observable]` with one to five observables.
    ///
    /// # Errors
    /// An empty or non-finite sample, more than five observables, or more bins than showers.
    ///
    /// # Reference
    /// calomplification, paragraph "Quantiles" and figure 5.
    ///
    /// ```
    /// use ndarray::Array2;
    /// let energies_gev = Array2::from_shape_fn((1000, 1), |(i, _)| i as f64);
    /// let bins = calo_metrics::QuantileBins::fit(energies_gev.view(), 2)?;
    /// assert_eq!(bins.edges(), [499.5, 249.5, 749.5]);
    /// assert_eq!(bins.occupation(), [250; 4]);
    /// # Ok::<(), calo_metrics::Error>(())
    /// ```
    pub fn fit(reference: ArrayView2<'_, f64>, n_splits: u32) -> Result<Self> {
        check_sample("reference of quantile bins", reference)?;
        let n_features = reference.ncols();
        check_axes(n_features, n_splits)?;
        if 1 << n_splits > reference.nrows() {
            let what = format!("reference of 2^{n_splits} quantile bins");
            return Err(Error::TooFew { what, found: reference.nrows(), expected: 1 << n_splits });
        }
        let mut cells: Vec<Vec<usize>> = vec![(0..reference.nrows()).collect()];
        let mut edges = Vec::with_capacity((1 << n_splits) - 1);
        for level in 0..n_splits {
            let values = reference.column(level as usize % n_features);
            let split: Vec<_> = cells.into_par_iter().map(|cell| split_at_median(cell, values)).collect();
            cells = Vec::with_capacity(2 * split.len());
            for SplitCell { edge, left, right } in split {
                edges.push(edge);
                cells.extend([left, right]);
            }
        }
        let occupation: Vec<u64> = cells.iter().map(|cell| cell.len() as u64).collect();
        Ok(Self { n_features, n_splits, edges, occupation })
    }

    /// The quantiles of the uniform distribution in the unit cube: for a truth that is known as a formula, whose
    /// cumulative distributions take its observables there one by one. Such a truth does not fluctuate.
    ///
    /// # Errors
    /// None or more than five observables, or more than 24 splits.
    ///
    /// # Reference
    /// Butter et al., arXiv 2008.06545, where truth densities are formulas.
    ///
    /// ```
    /// let bins = calo_metrics::QuantileBins::of_unit_cube(2, 2)?;
    /// assert_eq!(bins.assign(ndarray::array![[0.1, 0.2], [0.7, 0.3]].view())?, [0, 2]);
    /// # Ok::<(), calo_metrics::Error>(())
    /// ```
    pub fn of_unit_cube(n_features: usize, n_splits: u32) -> Result<Self> {
        check_axes(n_features, n_splits)?;
        // Lower and upper end of the cell of each node.
        let mut cells = vec![vec![[0.0, 1.0]; n_features]];
        let mut edges = Vec::with_capacity((1 << n_splits) - 1);
        for level in 0..n_splits as usize {
            let axis = level % n_features;
            let mut halves = Vec::with_capacity(2 * cells.len());
            for cell in cells {
                let [low, high] = cell[axis];
                let edge = f64::midpoint(low, high);
                edges.push(edge);
                for half in [[low, edge], [edge, high]] {
                    let mut cell = cell.clone();
                    cell[axis] = half;
                    halves.push(cell);
                }
            }
            cells = halves;
        }
        Ok(Self { n_features, n_splits, edges, occupation: vec![1; cells.len()] })
    }

    /// Number of splits.
    pub fn n_splits(&self) -> u32 {
        self.n_splits
    }

    /// Edges of the tree, level by level; the children of node i are 2i + 1 and 2i + 2.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// Rows of the fitted sample in each bin; the same number in all bins of a formula.
    pub fn occupation(&self) -> &[u64] {
        &self.occupation
    }

    /// The bin of one row with the observables of the fitted sample, all finite.
    fn bin_of(&self, row: ArrayView1<'_, f64>) -> u32 {
        let mut node = 0;
        for level in 0..self.n_splits as usize {
            let goes_left = row[level % self.n_features] < self.edges[node];
            node = 2 * node + if goes_left { 1 } else { 2 };
        }
        (node - self.edges.len()) as u32
    }

    /// The bin of every row.
    ///
    /// # Shapes
    /// `sample` `[row, observable]`.
    ///
    /// # Errors
    /// An empty or non-finite sample, or other observables than those of the fitted sample.
    pub fn assign(&self, sample: ArrayView2<'_, f64>) -> Result<Vec<u32>> {
        check_sample("sample for quantile bins", sample)?;
        if sample.ncols() != self.n_features {
            return Err(Error::mismatch("observables of quantile bins", sample.ncols(), self.n_features));
        }
        Ok((0..sample.nrows()).into_par_iter().map(|i| self.bin_of(sample.row(i))).collect())
    }
}

/// Observables and splits that bins can have.
fn check_axes(n_features: usize, n_splits: u32) -> Result<()> {
    if !(1..=MAX_DIMENSIONS).contains(&n_features) {
        return Err(Error::mismatch("observables of quantile bins", n_features, 1..=MAX_DIMENSIONS));
    }
    if n_splits > MAX_SPLITS {
        return Err(Error::parameter("n_splits", n_splits, format!("at most {MAX_SPLITS}")));
    }
    Ok(())
}

/// A cell split at its median, and the showers left and right of it.
struct SplitCell {
    edge: f64,
    left: Vec<usize>,
    right: Vec<usize>,
}

fn split_at_median(mut cell: Vec<usize>, values: ArrayView1<'_, f64>) -> SplitCell {
    if cell.is_empty() {
        return SplitCell { edge: f64::INFINITY, left: cell, right: Vec::new() };
    }
    let (middle, is_even) = (cell.len() / 2, cell.len().is_multiple_of(2));
    let (below, &mut upper, _) =
        cell.select_nth_unstable_by(middle, |&a, &b| values[a].total_cmp(&values[b]));
    let mut edge = values[upper];
    if is_even {
        let lower = below.iter().map(|&shower| values[shower]).fold(f64::NEG_INFINITY, f64::max);
        let midpoint = lower / 2.0 + edge / 2.0;
        // Neighbouring floating-point numbers have none between them; the upper one then separates them.
        if midpoint > lower {
            edge = midpoint;
        }
    }
    let (left, right) = cell.into_iter().partition(|&shower| values[shower] < edge);
    SplitCell { edge, left, right }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn axes_are_split_in_turn() {
        let grid = Array2::from_shape_fn((16, 2), |(i, axis)| if axis == 0 { i / 4 } else { i % 4 } as f64);
        let bins = QuantileBins::fit(grid.view(), 3).unwrap();
        assert_eq!(bins.edges(), [1.5, 1.5, 1.5, 0.5, 0.5, 2.5, 2.5]);
        assert_eq!(bins.occupation(), [2; 8]);
        assert_eq!(bins.assign(array![[0.0, 0.0], [0.5, 0.0], [3.0, 3.0]].view()).unwrap(), [0, 1, 7]);
    }

    #[test]
    fn a_value_on_the_edge_goes_right() {
        let bins = QuantileBins::fit(array![[1.0], [2.0], [3.0]].view(), 1).unwrap();
        assert_eq!(bins.edges(), [2.0]);
        assert_eq!(bins.occupation(), [1, 2]);
        assert_eq!(bins.assign(array![[2.0], [1.9]].view()).unwrap(), [1, 0]);
    }

    #[test]
    fn neighbouring_numbers_are_separated() {
        let next = f64::from_bits(1.0_f64.to_bits() + 1);
        for low in [1.0, next] {
            let high = f64::from_bits(low.to_bits() + 1);
            let bins = QuantileBins::fit(array![[low], [high]].view(), 1).unwrap();
            assert_eq!(bins.occupation(), [1, 1]);
        }
    }

    #[test]
    fn ties_leave_bins_empty_and_say_so() {
        let bins = QuantileBins::fit(Array2::ones((8, 1)).view(), 2).unwrap();
        assert_eq!(bins.occupation(), [0, 0, 0, 8]);
        assert!(bins.edges()[1].is_infinite());
        assert_eq!(bins.assign(array![[0.0], [1.0]].view()).unwrap(), [0, 3]);
    }

    #[test]
    fn bad_input_is_named() {
        let fit = |sample: Array2<f64>, n_splits| {
            QuantileBins::fit(sample.view(), n_splits).unwrap_err().to_string()
        };
        let too_few = fit(Array2::zeros((7, 1)), 3);
        assert_eq!(too_few, "reference of 2^3 quantile bins: 7 showers; expected at least 8");
        let wide = fit(Array2::zeros((7, 6)), 1);
        assert_eq!(wide, "observables of quantile bins: found 6; expected 1..=5");
        assert!(fit(Array2::zeros((7, 1)), 200).starts_with("parameter `n_splits`"));
        assert!(fit(Array2::zeros((0, 1)), 1).contains("empty"));
        assert!(fit(array![[f64::NAN]], 0).contains("NaN at index [0, 0]"));
    }
}
