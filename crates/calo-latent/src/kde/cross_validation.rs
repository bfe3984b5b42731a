//! Bandwidths that maximise the likelihood of held-out points.
//!
//! The likelihood is flat around its only maximum, so the search is simple: a coarse grid on few points finds the
//! region, then golden sections on all points, bandwidth by bandwidth, find the maximum. Distances are taken once and
//! in 32 bits ([`LeaveOneOut`]); very narrow kernels, and the likelihood that is quoted in the end, in 64.

use calo_core::random::{Purpose, stream};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};

use super::leave_one_out::{LeaveOneOut, NARROWEST};
use crate::check::check_positive;
use crate::error::{Error, Result};
use crate::log_sum::{Widths, log_kernel_sums};
use crate::random::choose;

/// Bandwidths, in standard deviations, at the ends of the grid; it is extended downwards if needed.
const GRID: [f64; 2] = [0.05, 1.6];

/// Ratio of neighbours on the grid.
const GRID_STEP: f64 = std::f64::consts::SQRT_2;

/// No bandwidth is searched below or above.
const LIMITS: [f64; 2] = [1e-4, 100.0];

/// First bracket of each round of golden sections.
const ROUND_STEPS: [f64; 2] = [GRID_STEP, 1.15];

/// How a bandwidth is searched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrossValidation {
    /// Points used at most, drawn by the seed. Time grows with its square.
    pub n_points: usize,
    /// Points used at most on the coarse grid.
    pub n_coarse: usize,
    /// Parts, each of which is held out once.
    pub n_folds: usize,
    /// Relative accuracy of the bandwidths at which the search stops.
    pub tolerance: f64,
    /// One bandwidth for all columns, the condition included.
    pub common: bool,
    /// Draws the points and shuffles them into parts.
    pub seed: u64,
}

impl Default for CrossValidation {
    fn default() -> Self {
        Self { n_points: 5000, n_coarse: 1000, n_folds: 5, tolerance: 0.03, common: false, seed: 0 }
    }
}

impl CrossValidation {
    fn validate(&self) -> Result<()> {
        check_positive("tolerance", self.tolerance)?;
        if self.n_folds < 2 {
            return Err(Error::parameter("n_folds", self.n_folds, "at least 2"));
        }
        for (name, n) in [("n_points", self.n_points), ("n_coarse", self.n_coarse)] {
            if n < 2 * self.n_folds {
                return Err(Error::parameter(name, n, "at least twice the number of folds"));
            }
        }
        Ok(())
    }
}

/// Where in the search a pair of bandwidths was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// On the grid, with few points.
    Coarse,
    /// In a golden section, with all.
    Golden,
}

/// The likelihood of one pair of bandwidths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Grid or golden section.
    pub stage: Stage,
    /// Bandwidth of every column but the condition.
    pub bandwidth: f64,
    /// Bandwidth of the condition, if there is one.
    pub condition: Option<f64>,
    /// Mean log density of held-out points, in nats.
    pub log_likelihood: f64,
    /// Its standard error over the points.
    pub error: f64,
}

/// Record of a search: the curve of the likelihood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BandwidthSearch {
    /// Points used.
    pub n_points: usize,
    /// Points used on the coarse grid.
    pub n_coarse: usize,
    /// The settings.
    pub settings: CrossValidation,
    /// Every pair of bandwidths tried, in the order of trial.
    pub evaluations: Vec<Evaluation>,
    /// The best.
    pub best: Evaluation,
}

/// The likeliest widths for whitened `centres`.
pub(super) fn search(
    centres: ArrayView2<'_, f64>,
    n_condition: usize,
    log_determinant: f64,
    settings: CrossValidation,
) -> Result<(Widths, BandwidthSearch)> {
    settings.validate()?;
    // A condition with the bandwidth of all others is a column like them.
    let n_condition = if settings.common { 0 } else { n_condition };
    let n_points = centres.nrows().min(settings.n_points);
    if n_points < 2 * settings.n_folds {
        let what = format!("cross-validation in {} parts", settings.n_folds);
        return Err(Error::TooFew { what, found: n_points, expected: 2 * settings.n_folds });
    }
    let chosen = choose(centres.nrows(), n_points, &mut stream(settings.seed, Purpose::new("cross-va"), 0));
    let points = centres.select(Axis(0), &chosen);
    let n_coarse = n_points.min(settings.n_coarse);
    let coarse = points.slice(s![..n_coarse, ..]);
    let mut coarse = Likelihood::new(Stage::Coarse, coarse, n_condition, log_determinant, settings.n_folds);
    let start = coarse.best_on_grid()?;
    let mut fine =
        Likelihood::new(Stage::Golden, points.view(), n_condition, log_determinant, settings.n_folds);
    let mut widths = fine.golden_sections(start, settings.tolerance)?;
    if settings.common {
        widths.condition = widths.rest;
    }
    let best = fine.evaluation(widths, fine.exact(&[widths]).column(0));
    let mut evaluations = coarse.tried;
    evaluations.append(&mut fine.tried);
    Ok((widths, BandwidthSearch { n_points, n_coarse, settings, evaluations, best }))
}

/// The function that is maximised, and the values it has had.
struct Likelihood<'a> {
    stage: Stage,
    points: ArrayView2<'a, f64>,
    left_out: LeaveOneOut,
    n_condition: usize,
    log_determinant: f64,
    n_folds: usize,
    tried: Vec<Evaluation>,
}

impl<'a> Likelihood<'a> {
    fn new(
        stage: Stage,
        points: ArrayView2<'a, f64>,
        n_condition: usize,
        log_determinant: f64,
        n_folds: usize,
    ) -> Self {
        let left_out = LeaveOneOut::new(points, n_condition, n_folds);
        Self { stage, points, left_out, n_condition, log_determinant, n_folds, tried: Vec::new() }
    }

    /// Values already known are not computed again.
    fn evaluate(&mut self, widths: &[Widths]) -> Vec<Evaluation> {
        let known = |tried: &[Evaluation], w: Widths| {
            tried.iter().copied().find(|e| {
                e.bandwidth.total_cmp(&w.rest).is_eq()
                    && e.condition.is_none_or(|condition| condition.total_cmp(&w.condition).is_eq())
            })
        };
        let new: Vec<Widths> = widths.iter().copied().filter(|&w| known(&self.tried, w).is_none()).collect();
        if !new.is_empty() {
            let values = self.compute(&new);
            self.tried.extend(values);
        }
        widths.iter().filter_map(|&w| known(&self.tried, w)).collect()
    }

    fn compute(&self, widths: &[Widths]) -> Vec<Evaluation> {
        let is_wide = |widths: &Widths| widths.rest >= NARROWEST;
        let (wide, narrow): (Vec<Widths>, Vec<Widths>) = widths.iter().partition(|widths| is_wide(widths));
        let values = |widths: Vec<Widths>, log_sums: Array2<f64>| -> Vec<Evaluation> {
            widths
                .iter()
                .zip(log_sums.columns())
                .map(|(&widths, sums)| self.evaluation(widths, sums))
                .collect()
        };
        let mut found = values(wide.clone(), self.left_out.log_kernel_sums(&wide));
        if !narrow.is_empty() {
            found.extend(values(narrow.clone(), self.exact(&narrow)));
        }
        found
    }

    /// Log kernel sums of the held-out points, in 64 bits.
    fn exact(&self, widths: &[Widths]) -> Array2<f64> {
        let n = self.points.nrows();
        let mut result = Array2::zeros((n, widths.len()));
        for fold in 0..self.n_folds {
            let [start, end] = [fold, fold + 1].map(|fold| fold * n / self.n_folds);
            let others = [self.points.slice(s![..start, ..]), self.points.slice(s![end.., ..])];
            let left_out = self.points.slice(s![start..end, ..]);
            let log_sums = log_kernel_sums(left_out, &others, self.n_condition, widths);
            result.slice_mut(s![start..end, ..]).assign(&log_sums);
        }
        result
    }

    fn evaluation(&self, widths: Widths, log_sums: ArrayView1<'_, f64>) -> Evaluation {
        let (n, d) = self.points.dim();
        let normalisation = widths.log_normalisation(self.n_condition, d);
        let mut sums = [0.0; 2];
        for (i, log_sum) in log_sums.iter().enumerate() {
            let value = log_sum + normalisation - (self.left_out.n_others(i) as f64).ln();
            sums[0] += value;
            sums[1] += value * value;
        }
        let [mean, mean_square] = sums.map(|sum| sum / n as f64);
        let variance = (mean_square - mean * mean).max(0.0);
        Evaluation {
            stage: self.stage,
            bandwidth: widths.rest,
            condition: (self.n_condition != 0).then_some(widths.condition),
            log_likelihood: mean - self.log_determinant,
            error: (variance / n as f64).sqrt(),
        }
    }

    /// The likeliest pair on the grid, which is extended downwards as long as it lies on the lower edge.
    fn best_on_grid(&mut self) -> Result<Widths> {
        let n_steps = ((GRID[1] / GRID[0]).ln() / GRID_STEP.ln()).round() as i32;
        let (mut low_rest, mut low_condition) = (0, 0);
        loop {
            let at = |step: i32| GRID[0] * GRID_STEP.powi(step);
            let mut grid = Vec::new();
            for rest in low_rest..=n_steps {
                for condition in if self.n_condition == 0 { n_steps } else { low_condition }..=n_steps {
                    grid.push([rest, condition]);
                }
            }
            let widths =
                grid.iter().map(|&[rest, condition]| Widths { rest: at(rest), condition: at(condition) });
            let widths: Vec<Widths> = widths.collect();
            let values = self.evaluate(&widths);
            let best = |best: usize, i: usize| {
                if values[i].log_likelihood > values[best].log_likelihood { i } else { best }
            };
            let best = (1..values.len()).fold(0, best);
            let [rest, condition] = grid[best];
            let prolong_condition = self.n_condition != 0 && condition == low_condition;
            if rest != low_rest && !prolong_condition {
                return Ok(widths[best]);
            }
            low_rest -= if rest == low_rest { 4 } else { 0 };
            low_condition -= if prolong_condition { 4 } else { 0 };
            check_limits(at(low_rest.min(low_condition)))?;
        }
    }

    /// Maximises in one bandwidth, then in the other, in two rounds.
    fn golden_sections(&mut self, start: Widths, tolerance: f64) -> Result<Widths> {
        let mut widths = start;
        for step in ROUND_STEPS {
            let rest = self.line(widths.rest, step, tolerance, &|rest| Widths { rest, ..widths })?;
            widths.rest = rest;
            if self.n_condition != 0 {
                let at = |condition| Widths { condition, ..widths };
                widths.condition = self.line(widths.condition, step, tolerance, &at)?;
            }
        }
        Ok(widths)
    }

    /// Golden section along one bandwidth, in its logarithm.
    fn line(&mut self, start: f64, step: f64, tolerance: f64, at: &dyn Fn(f64) -> Widths) -> Result<f64> {
        let values = |this: &mut Self, h: &[f64]| -> Vec<f64> {
            let widths: Vec<Widths> = h.iter().map(|&h| at(h)).collect();
            this.evaluate(&widths).into_iter().map(|e| e.log_likelihood).collect()
        };
        let mut h = [start / step, start, start * step];
        let found = values(self, &h);
        let mut value = [found[0], found[1], found[2]];
        // The middle must be the best of three.
        while value[1] < value[0].max(value[2]) {
            if value[0] > value[2] {
                h = [h[0] / step, h[0], h[1]];
                value = [values(self, &h[..1])[0], value[0], value[1]];
            } else {
                h = [h[1], h[2], h[2] * step];
                value = [value[1], value[2], values(self, &h[2..])[0]];
            }
            check_limits(h[0])?;
            check_limits(h[2])?;
        }
        let golden = 0.5 * (3.0 - 5.0_f64.sqrt());
        while (h[2] / h[0]).ln() > 2.0 * tolerance {
            let (below, above) = ((h[1] / h[0]).ln(), (h[2] / h[1]).ln());
            let new =
                if below > above { h[1] * (-golden * below).exp() } else { h[1] * (golden * above).exp() };
            let found = values(self, &[new])[0];
            match (new < h[1], found > value[1]) {
                (true, true) => (h, value) = ([h[0], new, h[1]], [value[0], found, value[1]]),
                (true, false) => (h[0], value[0]) = (new, found),
                (false, true) => (h, value) = ([h[1], new, h[2]], [value[1], found, value[2]]),
                (false, false) => (h[2], value[2]) = (new, found),
            }
        }
        Ok(h[1])
    }
}

/// Repeated points make the likelihood rise without limit as the bandwidth falls.
pub(super) fn check_limits(bandwidth: f64) -> Result<()> {
    if (LIMITS[0]..=LIMITS[1]).contains(&bandwidth) {
        return Ok(());
    }
    let problem = format!("the likelihood has no maximum above a bandwidth of {bandwidth:.1e}");
    let expected = if bandwidth < 1.0 {
        "points that do not repeat (a condition with few values needs a bandwidth given as a number)"
    } else {
        "points without far outliers"
    };
    Err(Error::Search { problem, expected: expected.to_owned() })
}
