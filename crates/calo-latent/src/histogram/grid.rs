//! Bins of equal width, and the one that a point lies in.

use ndarray::{ArrayView1, ArrayView2};

use crate::check::{check_columns, check_sample};
use crate::error::{Error, Result};

/// Bins that a histogram may have in all: counts are kept for every one.
const MAX_BINS: usize = 1 << 24;

/// Where bins lie; the last column runs fastest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pub(super) low: Vec<f64>,
    pub(super) high: Vec<f64>,
    pub(super) n_bins: Vec<usize>,
}

impl Grid {
    /// The range of the points, in one bin.
    pub(super) fn of(points: ArrayView2<'_, f64>) -> Result<Self> {
        check_sample("points", points, 2)?;
        let end = |better: fn(f64, f64) -> f64| -> Vec<f64> {
            points
                .columns()
                .into_iter()
                .map(|column| column.iter().copied().fold(column[0], better))
                .collect()
        };
        let (low, high) = (end(f64::min), end(f64::max));
        match (0..low.len()).find(|&axis| low[axis] >= high[axis]) {
            Some(axis) => Err(Error::Constant { what: format!("column {axis}"), value: low[axis] }),
            None => Ok(Self { n_bins: vec![1; low.len()], low, high }),
        }
    }

    pub(super) fn with_bins(&self, n_bins: &[usize]) -> Result<Self> {
        check_columns("n_bins", n_bins.len(), self.low.len())?;
        let n_cells = n_bins.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        if n_cells.is_none_or(|n| n == 0 || n > MAX_BINS) {
            return Err(Error::parameter("n_bins", format!("{n_bins:?}"), "1 to 2^24 bins in all"));
        }
        Ok(Self { n_bins: n_bins.to_vec(), ..self.clone() })
    }

    pub(super) fn n_cells(&self) -> usize {
        self.n_bins.iter().product()
    }

    pub(super) fn cell_volume(&self) -> f64 {
        let width = |axis: usize| (self.high[axis] - self.low[axis]) / self.n_bins[axis] as f64;
        (0..self.n_bins.len()).map(width).product()
    }

    /// The bin along one column; the largest point belongs to the last bin.
    fn bin(&self, axis: usize, x: f64) -> Option<usize> {
        let (low, high, n) = (self.low[axis], self.high[axis], self.n_bins[axis]);
        (low..=high).contains(&x).then(|| (((x - low) / (high - low) * n as f64) as usize).min(n - 1))
    }

    pub(super) fn cell(&self, point: ArrayView1<'_, f64>) -> Option<usize> {
        point
            .iter()
            .enumerate()
            .try_fold(0, |cell, (axis, &x)| Some(cell * self.n_bins[axis] + self.bin(axis, x)?))
    }
}
