//! Histograms of single observables: what samples look like, beside what they are worth.
//!
//! # Reference
//! calomplification, figures 4 and 8.

use calo_core::Detector;
use calo_metrics::results::Estimate;
use calo_metrics::{Axis, Column, Histogram, Spacing, observable_info};
use calo_report::amplification::{AmplifiedDistribution, Shares};

use super::compare::Compared;
use super::observable_set::ObservableSet;
use super::observed::{ObservedShowers, spectrum_axis};
use crate::Result;
use crate::error::Context as _;

/// Bins of an observable.
const N_BINS: usize = 50;

/// Share of the truth that may lie outside of the bins on either side, before these are widened.
const OUTSIDE: f64 = 5e-4;

/// What the bins are widened by on either side, over their range.
const MARGIN: f64 = 0.1;

/// A histogram of `column` of the truth and of the samples, whose values of estimators come from `estimated`, by the place of
/// the sample; none where the truth does not have it or is constant.
///
/// # Errors
/// Values that bins cannot be made for.
pub(super) fn of_column(
    column: Column,
    truth: &ObservedShowers,
    samples: &[Compared],
    estimated: &[Option<Vec<f64>>],
) -> Result<Option<AmplifiedDistribution>> {
    let Some(axis) = axis(truth.column(column), column == Column::NHits)? else { return Ok(None) };
    let of_showers = |showers: &ObservedShowers, from: usize, to: usize| {
        let values = showers.column(column).get(from..to).unwrap_or_default();
        shares(&axis, values.iter().map(|value| f64::from(*value)))
    };
    let of = |(index, sample): (usize, &Compared)| -> Option<Shares> {
        let Some(showers) = sample.observed() else {
            return shares(&axis, estimated.get(index)?.as_ref()?.iter().copied());
        };
        let whole = of_showers(showers, 0, showers.len())?;
        let mut begin = 0;
        let parts = sample.parts.iter().map(|part| {
            begin += part.n_showers;
            of_showers(showers, begin - part.n_showers, begin)
        });
        Some(with_scatter(whole, &parts.collect::<Option<Vec<_>>>()?))
    };
    let truth = of_showers(truth, 0, truth.len());
    let samples = samples.iter().enumerate().map(of).collect();
    Ok(truth.map(|truth| distribution(column.id(), &axis, truth, samples)))
}

/// The energies of all cells; none where they are not known of the truth.
///
/// # Errors
/// A detector without a cut.
pub(super) fn of_cells(
    detector: &Detector,
    truth: &ObservedShowers,
    samples: &[Compared],
) -> Result<Option<AmplifiedDistribution>> {
    let of = |counts: &Option<Vec<f64>>| {
        let counts = counts.as_ref()?;
        let total: f64 = counts.iter().sum();
        (total > 0.0).then(|| of_counts(counts, total))
    };
    let of_sample = |sample: &Compared| {
        let whole = of(&sample.observed()?.cell_counts)?;
        let parts = sample.parts.iter().map(|part| of(&part.cell_counts));
        Some(with_scatter(whole, &parts.collect::<Option<Vec<_>>>()?))
    };
    let Some(of_truth) = of(&truth.cell_counts) else { return Ok(None) };
    let samples = samples.iter().map(of_sample).collect();
    Ok(Some(distribution("cell_energy", &spectrum_axis(detector)?, of_truth, samples)))
}

/// The column of a set of one observable.
pub(super) fn single(set: &ObservableSet) -> Option<Column> {
    match set {
        ObservableSet::Showers(columns) => match columns[..] {
            [column] => Some(column),
            _ => None,
        },
        ObservableSet::Cells => None,
    }
}

fn distribution(id: &str, axis: &Axis, truth: Shares, samples: Vec<Option<Shares>>) -> AmplifiedDistribution {
    let info = observable_info(id);
    AmplifiedDistribution {
        id: id.to_owned(),
        label: info.map_or_else(|| id.to_owned(), |info| info.label.to_string()),
        x_label: info.map_or_else(|| id.to_owned(), |info| info.x_label.to_string()),
        log_bins: axis.spacing() == Spacing::Log,
        edges: axis.edges().to_vec(),
        truth,
        samples,
    }
}

/// Bins that hold nearly all of `values`; none where these are constant or missing.
///
/// # Errors
/// Values so large that their range has no width.
fn axis(values: &[f32], is_whole: bool) -> Result<Option<Axis>> {
    let mut values: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f32::total_cmp);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let n_outside = (values.len() as f64 * OUTSIDE) as usize;
    let (Some(low), Some(high)) = (values.get(n_outside), values.iter().nth_back(n_outside)) else {
        return Ok(None);
    };
    let [low, high] = [*low, *high].map(f64::from);
    if low >= high {
        return Ok(None);
    }
    let margin = (high - low) * MARGIN;
    let (mut low, mut width) = (low - margin, (high - low + 2.0 * margin) / N_BINS as f64);
    if is_whole {
        // As many whole numbers in each bin.
        (low, width) = (low.floor() - 0.5, width.ceil());
    }
    Axis::linear(N_BINS, low, low + width * N_BINS as f64).map(Some).context("bins of a histogram")
}

/// Shares of all values that are finite; none where there are none.
fn shares(axis: &Axis, values: impl Iterator<Item = f64>) -> Option<Shares> {
    let mut histogram = Histogram::new(axis.clone());
    let mut n = 0.0;
    for value in values.filter(|value| value.is_finite()) {
        histogram.fill(value, 1.0);
        n += 1.0;
    }
    (n > 0.0).then(|| of_counts(histogram.counts(), n))
}

fn of_counts(counts: &[f64], total: f64) -> Shares {
    let over_total = |count: f64| count / total;
    Shares {
        values: counts.iter().copied().map(over_total).collect(),
        errors: counts.iter().map(|count| over_total(count.sqrt())).collect(),
    }
}

/// `whole` with the standard deviation over its parts for errors, where there are several.
fn with_scatter(whole: Shares, parts: &[Shares]) -> Shares {
    if parts.len() < 2 {
        return whole;
    }
    let scatter = |bin: usize| {
        let values: Vec<f64> = parts.iter().map(|part| part.values[bin]).collect();
        Estimate::over(&values).error.unwrap_or(0.0)
    };
    let errors = (0..whole.values.len()).map(scatter).collect();
    Shares { errors, ..whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_nearly_all_values_and_whole_numbers_evenly() {
        let values: Vec<f32> = (0..10_000).map(|i| i as f32 / 100.0).chain([1e9, f32::NAN]).collect();
        let found = axis(&values, false).unwrap().unwrap();
        assert!((found.low() + 10.0).abs() < 0.2 && (found.high() - 110.0).abs() < 0.2, "{found:?}");
        let found = axis(&values, true).unwrap().unwrap();
        let width = found.edges()[1] - found.edges()[0];
        assert!(width.fract() == 0.0 && (found.low() - 0.5).fract() == 0.0, "{found:?}");
        assert!(axis(&[1.0; 100], false).unwrap().is_none() && axis(&[], false).unwrap().is_none());
    }

    #[test]
    fn shares_count_what_is_outside_and_errors_are_of_counts_or_parts() {
        let axis = Axis::linear(2, 0.0, 2.0).unwrap();
        let [all, half] = [&[0.5, 1.5, 1.5, 9.0][..], &[0.5, 1.5]].map(|values| {
            let values = values.iter().copied().chain([f64::NAN]);
            shares(&axis, values).unwrap()
        });
        assert_eq!((&all.values[..], &all.errors[..]), (&[0.25, 0.5][..], &[0.25, 2_f64.sqrt() / 4.0][..]));
        let whole = with_scatter(all.clone(), &[all.clone(), half]);
        assert_eq!((whole.values, whole.errors[1]), (all.values, 0.0));
        assert!((whole.errors[0] - 0.125 * 2_f64.sqrt()).abs() < 1e-12);
        assert!(shares(&axis, std::iter::once(f64::NAN)).is_none());
    }
}
