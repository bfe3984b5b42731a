//! Histograms as density estimates: bins of equal width, whose number cross-validation chooses.

mod cross_validation;
mod grid;

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::Rng;
use rayon::prelude::*;

pub use cross_validation::{BinSearch, BinTrial, BinValidation};
use grid::Grid;

use crate::check::{check_columns, check_finite};
use crate::error::{Error, Result};

/// A histogram with bins of equal width from the smallest to the largest point of every column, as a density.
///
/// Every bin holds `pseudo_count` points in addition to those found, so that a bin that is empty by chance does not
/// make held-out points impossible; beyond the range the density is zero.
///
/// # Reference
/// The histogram estimator that calomplification (arXiv:2202.07352) compares with KDE and VAE-GAN, figures 8 to 10 and
/// table 1.
///
/// ```
/// use calo_latent::HistogramDensity;
/// use ndarray::array;
///
/// let histogram = HistogramDensity::new(array![[0.0], [1.0], [1.5], [4.0]].view(), &[2], 0.0)?;
/// let log_density = histogram.log_density(array![[1.9], [2.1], [5.0]].view())?;
/// assert!((log_density.mapv(f64::exp) - array![0.375, 0.125, 0.0]).iter().all(|x| x.abs() < 1e-12));
/// # Ok::<(), calo_latent::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HistogramDensity {
    grid: Grid,
    /// Log density in every bin.
    log_density: Vec<f64>,
    /// Cumulative probability up to and including every bin.
    cumulative: Vec<f64>,
    search: Option<BinSearch>,
}

impl HistogramDensity {
    /// The density of `points` in the given number of bins along each column.
    ///
    /// # Shapes
    /// `points` `[n, d]`, `n_bins` `[d]`.
    ///
    /// # Errors
    /// Empty, non-finite, single or constant points; no bins, or more than 2^24 in all; a negative pseudo-count.
    pub fn new(points: ArrayView2<'_, f64>, n_bins: &[usize], pseudo_count: f64) -> Result<Self> {
        let grid = Grid::of(points)?.with_bins(n_bins)?;
        if !(pseudo_count.is_finite() && pseudo_count >= 0.0) {
            return Err(Error::parameter("pseudo_count", pseudo_count, "a finite number of at least 0"));
        }
        let n_cells = grid.n_cells();
        let mut counts = vec![0.0; n_cells];
        for row in points.rows() {
            if let Some(cell) = grid.cell(row) {
                counts[cell] += 1.0;
            }
        }
        let total = points.nrows() as f64 + pseudo_count * n_cells as f64;
        let log_cell = (total * grid.cell_volume()).ln();
        let log_density = counts.iter().map(|count| (count + pseudo_count).ln() - log_cell).collect();
        let cumulative = counts.iter().scan(0.0, |sum, count| {
            *sum += (count + pseudo_count) / total;
            Some(*sum)
        });
        Ok(Self { cumulative: cumulative.collect(), grid, log_density, search: None })
    }

    /// The density of `points` in the number of bins that maximises the likelihood of held-out points.
    ///
    /// # Shapes
    /// `points` `[n, d]`.
    ///
    /// # Errors
    /// As [`HistogramDensity::new`], invalid settings, or fewer than two points for each fold.
    pub fn fit(points: ArrayView2<'_, f64>, settings: &BinValidation) -> Result<Self> {
        let grid = Grid::of(points)?;
        let search = cross_validation::search(points, &grid, settings)?;
        let mut histogram = Self::new(points, &search.best.n_bins, settings.pseudo_count)?;
        histogram.search = Some(search);
        Ok(histogram)
    }

    /// Number of bins along each column.
    pub fn n_bins(&self) -> &[usize] {
        &self.grid.n_bins
    }

    /// Record of the cross-validation, if there was one.
    pub fn search(&self) -> Option<&BinSearch> {
        self.search.as_ref()
    }

    /// Natural logarithm of the density at every point, minus infinity beyond the range.
    ///
    /// # Shapes
    /// `points` `[m, d]` to `[m]`.
    ///
    /// # Errors
    /// Another number of columns, or points that are not finite.
    pub fn log_density(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        check_columns("points", points.ncols(), self.grid.n_bins.len())?;
        check_finite("points", points)?;
        let value = |row| self.grid.cell(row).map_or(f64::NEG_INFINITY, |cell| self.log_density[cell]);
        Ok(points.rows().into_iter().map(value).collect())
    }

    /// One random point: a bin by its content, then anywhere in it.
    ///
    /// # Shapes
    /// Result `[d]`.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Array1<f64> {
        let x = rng.random::<f64>() * self.cumulative.last().copied().unwrap_or(1.0);
        let cell = self.cumulative.partition_point(|&cumulative| cumulative <= x);
        let mut cell = cell.min(self.cumulative.len() - 1);
        let mut point = Array1::zeros(self.grid.n_bins.len());
        for axis in (0..point.len()).rev() {
            let n_bins = self.grid.n_bins[axis];
            let within = (cell % n_bins) as f64 + rng.random::<f64>();
            let (low, high) = (self.grid.low[axis], self.grid.high[axis]);
            point[axis] = low + (high - low) * (within / n_bins as f64);
            cell /= n_bins;
        }
        point
    }

    /// Samples number `indices`, each from its own random stream, so that sample i is the same in any range.
    ///
    /// # Shapes
    /// Result `[indices, d]`.
    pub fn samples<R: Rng>(&self, indices: Range<u64>, rng_of: impl Fn(u64) -> R + Sync) -> Array2<f64> {
        let n = usize::try_from(indices.end.saturating_sub(indices.start)).unwrap_or(usize::MAX);
        let mut x = Array2::zeros((n, self.grid.n_bins.len()));
        let rows = x.axis_iter_mut(Axis(0)).into_par_iter().enumerate();
        rows.for_each(|(i, mut x)| x.assign(&self.sample(&mut rng_of(indices.start + i as u64))));
        x
    }
}
