//! The number of bins that maximises the likelihood of held-out points.
//!
//! All points are counted once for a binning; for every held-out set its own counts are subtracted again, so that the
//! cost of a set is its own size. Columns take turns: along each the numbers of bins are tried on a geometric grid,
//! then ever closer to the best.

use calo_core::random::{Purpose, stream};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::grid::Grid;
use crate::check::check_positive;
use crate::error::{Error, Result};
use crate::random::choose;

/// Rounds over the columns; one column needs one.
const MAX_ROUNDS: usize = 5;

/// How numbers of bins are searched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BinValidation {
    /// Sets of points held out in turn: `n_sets / n_folds` shuffles, each cut into folds.
    pub n_sets: usize,
    /// Parts into which each shuffle is cut.
    pub n_folds: usize,
    /// Bins at most along a column.
    pub max_bins: usize,
    /// Points added to every bin; without any, one point in an empty bin rules a binning out.
    pub pseudo_count: f64,
    /// Shuffles the points.
    pub seed: u64,
}

impl Default for BinValidation {
    /// The paper's 500 sets.
    fn default() -> Self {
        Self { n_sets: 500, n_folds: 5, max_bins: 200, pseudo_count: 0.5, seed: 0 }
    }
}

impl BinValidation {
    fn validate(&self) -> Result<()> {
        check_positive("pseudo_count", self.pseudo_count)?;
        if self.n_folds < 2 {
            return Err(Error::parameter("n_folds", self.n_folds, "at least 2"));
        }
        if self.n_sets < self.n_folds {
            return Err(Error::parameter("n_sets", self.n_sets, "at least the number of folds"));
        }
        if self.max_bins == 0 {
            return Err(Error::parameter("max_bins", 0, "at least 1"));
        }
        Ok(())
    }
}

/// The likelihood of one binning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinTrial {
    /// Bins along each column.
    pub n_bins: Vec<usize>,
    /// Mean log density of held-out points, in nats.
    pub log_likelihood: f64,
}

/// What a search went through: the curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinSearch {
    /// Every binning tried, in the order of trial.
    pub trials: Vec<BinTrial>,
    /// The best.
    pub best: BinTrial,
}

/// The likeliest binning of `points`.
pub(super) fn search(
    points: ArrayView2<'_, f64>,
    grid: &Grid,
    settings: &BinValidation,
) -> Result<BinSearch> {
    settings.validate()?;
    let (n, d) = points.dim();
    if n < 2 * settings.n_folds {
        let what = format!("cross-validation in {} parts", settings.n_folds);
        return Err(Error::TooFew { what, found: n, expected: 2 * settings.n_folds });
    }
    let n_shuffles = settings.n_sets.div_ceil(settings.n_folds) as u64;
    let shuffles: Vec<Vec<usize>> = (0..n_shuffles)
        .into_par_iter()
        .map(|shuffle| choose(n, n, &mut stream(settings.seed, Purpose::new("histbins"), shuffle)))
        .collect();
    let mut search = Search { points, grid, settings, shuffles, trials: Vec::new() };
    // The rule of thumb for n points in d dimensions is a start, no more.
    let start = (n as f64).powf(1.0 / (d as f64 + 2.0)).ceil() as usize;
    let mut best = search.trial(&vec![start.clamp(1, settings.max_bins); d])?;
    for _ in 0..if d == 1 { 1 } else { MAX_ROUNDS } {
        let before = best.n_bins.clone();
        for axis in 0..d {
            best = search.along(axis, best)?;
        }
        if best.n_bins == before {
            break;
        }
    }
    Ok(BinSearch { trials: search.trials, best })
}

struct Search<'a> {
    points: ArrayView2<'a, f64>,
    grid: &'a Grid,
    settings: &'a BinValidation,
    /// Permutations of the points.
    shuffles: Vec<Vec<usize>>,
    trials: Vec<BinTrial>,
}

impl Search<'_> {
    /// The best number of bins along one column, the others as they are.
    fn along(&mut self, axis: usize, mut best: BinTrial) -> Result<BinTrial> {
        let mut candidate = 1.0_f64;
        let mut coarse = Vec::new();
        while candidate.round() as usize <= self.settings.max_bins {
            coarse.push(candidate.round() as usize);
            candidate = (candidate * 1.25).max(candidate + 1.0);
        }
        self.best_of(axis, &coarse, &mut best)?;
        let mut step = best.n_bins[axis] / 8;
        loop {
            step = step.max(1);
            let middle = best.n_bins[axis];
            let near = [middle.saturating_sub(step).max(1), (middle + step).min(self.settings.max_bins)];
            self.best_of(axis, &near, &mut best)?;
            match (best.n_bins[axis] == middle, step) {
                (true, 1) => return Ok(best),
                (true, _) => step /= 2,
                (false, _) => {}
            }
        }
    }

    fn best_of(&mut self, axis: usize, candidates: &[usize], best: &mut BinTrial) -> Result<()> {
        for &n in candidates {
            let mut n_bins = best.n_bins.clone();
            n_bins[axis] = n;
            // More bins than can be counted are no candidate.
            if self.grid.with_bins(&n_bins).is_err() {
                continue;
            }
            let trial = self.trial(&n_bins)?;
            if trial.log_likelihood > best.log_likelihood {
                *best = trial;
            }
        }
        Ok(())
    }

    fn trial(&mut self, n_bins: &[usize]) -> Result<BinTrial> {
        if let Some(known) = self.trials.iter().find(|trial| trial.n_bins == n_bins) {
            return Ok(known.clone());
        }
        let trial = BinTrial { n_bins: n_bins.to_vec(), log_likelihood: self.log_likelihood(n_bins)? };
        self.trials.push(trial.clone());
        Ok(trial)
    }

    fn log_likelihood(&self, n_bins: &[usize]) -> Result<f64> {
        let grid = self.grid.with_bins(n_bins)?;
        let n = self.points.nrows();
        let cells: Vec<usize> = self.points.rows().into_iter().filter_map(|row| grid.cell(row)).collect();
        let mut counts = vec![0_u32; grid.n_cells()];
        for &cell in &cells {
            counts[cell] += 1;
        }
        // Logarithms of all contents there can be: far fewer than points to be looked up.
        let largest = counts.iter().max().map_or(0, |&count| count as usize);
        let logs: Vec<f64> = (0..=largest).map(|k| (k as f64 + self.settings.pseudo_count).ln()).collect();
        let pseudo = self.settings.pseudo_count * grid.n_cells() as f64;
        let of_shuffle = |shuffle: &Vec<usize>| {
            let mut sum = 0.0;
            let mut left = counts.clone();
            for fold in 0..self.settings.n_folds {
                let [start, end] = [fold, fold + 1].map(|fold| fold * n / self.settings.n_folds);
                let left_out = &shuffle[start..end];
                for &i in left_out {
                    left[cells[i]] -= 1;
                }
                let log_total = ((n - left_out.len()) as f64 + pseudo).ln();
                for &i in left_out {
                    sum += logs[left[cells[i]] as usize] - log_total;
                }
                for &i in left_out {
                    left[cells[i]] += 1;
                }
            }
            sum
        };
        let sums: Vec<f64> = self.shuffles.par_iter().map(of_shuffle).collect();
        Ok(sums.iter().sum::<f64>() / (n * self.shuffles.len()) as f64 - grid.cell_volume().ln())
    }
}
