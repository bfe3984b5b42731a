//! Ratios to the reference, on bins joined until their errors are small enough.

/// Bins are joined until the reference's relative error is below this.
pub(crate) const WANTED_ERROR: f64 = 0.2;

/// One histogram for a ratio.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) errors: &'a [f64],
}

/// Candidate over reference in a run of bins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RatioPoint {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ratio: f64,
    /// From the candidate's error alone.
    pub(crate) error: f64,
}

/// A run of joined bins, `first..end`, and the relative error of the reference in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Run {
    pub(crate) first: usize,
    pub(crate) end: usize,
    pub(crate) reference: f64,
    pub(crate) reference_error: f64,
}

/// Neighbouring bins joined until the reference's relative error, added in quadrature, is small enough; what is left
/// over at the end joins the last run. Bins before the first and after the last entry of the reference are left out.
pub(crate) fn runs(reference: Side<'_>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open: Option<Run> = None;
    let close = |run: Run| run.reference_error.sqrt() <= WANTED_ERROR * run.reference;
    for (bin, (&value, &error)) in reference.values.iter().zip(reference.errors).enumerate() {
        if !(value > 0.0 && value.is_finite() && error.is_finite()) {
            continue;
        }
        let run = open.get_or_insert(Run { first: bin, end: bin, reference: 0.0, reference_error: 0.0 });
        run.end = bin + 1;
        run.reference += value;
        run.reference_error += error * error;
        if close(*run) {
            runs.extend(open.take());
        }
    }
    match (open, runs.last_mut()) {
        (Some(rest), Some(last)) => {
            last.end = rest.end;
            last.reference += rest.reference;
            last.reference_error += rest.reference_error;
        }
        (Some(rest), None) => runs.push(rest),
        (None, _) => {}
    }
    for run in &mut runs {
        run.reference_error = run.reference_error.sqrt() / run.reference;
    }
    runs
}

/// The candidate over the reference in each run.
pub(crate) fn ratios(runs: &[Run], edges: &[f64], candidate: Side<'_>) -> Vec<RatioPoint> {
    let point = |run: &Run| {
        let sum: f64 = candidate.values.get(run.first..run.end)?.iter().sum();
        let variance: f64 = candidate.errors.get(run.first..run.end)?.iter().map(|e| e * e).sum();
        let (ratio, error) = (sum / run.reference, variance.sqrt() / run.reference);
        let (low, high) = (*edges.get(run.first)?, *edges.get(run.end)?);
        (ratio.is_finite() && error.is_finite()).then_some(RatioPoint { low, high, ratio, error })
    };
    runs.iter().filter_map(point).collect()
}

/// Half height of a ratio panel: the smallest of a few that holds nine tenths of the deviations.
pub(crate) fn half_range(deviations: impl IntoIterator<Item = f64>, choices: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = deviations.into_iter().map(f64::abs).filter(|d| d.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    let needed = sizes.get(sizes.len() * 9 / 10).or(sizes.last()).copied().unwrap_or(0.0) * 1.1;
    choices.iter().copied().find(|&choice| choice >= needed).or(choices.last().copied()).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_bins_keep_the_sum_and_reach_the_wanted_error() {
        let counts = [0.0, 100.0, 9.0, 16.0, 1.0, 0.0];
        let errors = counts.map(f64::sqrt);
        let edges = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let side = Side { values: &counts, errors: &errors };
        let runs = runs(side);
        assert_eq!(runs.iter().map(|r| (r.first, r.end)).collect::<Vec<_>>(), [(1, 2), (2, 5)]);
        assert!((runs[1].reference - 26.0).abs() < 1e-12);
        let points = ratios(&runs, &edges, side);
        assert!(points.iter().all(|p| (p.ratio - 1.0).abs() < 1e-12));
        assert!((points[0].error - 0.1).abs() < 1e-12);
        assert!((points[1].low - 2.0).abs() < 1e-12 && (points[1].high - 5.0).abs() < 1e-12);
    }

    #[test]
    fn a_lonely_entry_still_makes_one_point() {
        let side = Side { values: &[0.0, 1.0, 0.0], errors: &[0.0, 1.0, 0.0] };
        assert_eq!(runs(side).len(), 1);
        assert!(runs(Side { values: &[0.0; 3], errors: &[0.0; 3] }).is_empty());
    }

    #[test]
    fn the_panel_holds_most_points() {
        assert!((half_range([0.01, -0.02, 0.03], &[0.1, 0.5, 1.0]) - 0.1).abs() < 1e-12);
        assert!((half_range([0.3; 20], &[0.1, 0.5, 1.0]) - 0.5).abs() < 1e-12);
        assert!((half_range([7.0; 3], &[0.1, 0.5, 1.0]) - 1.0).abs() < 1e-12);
    }
}
