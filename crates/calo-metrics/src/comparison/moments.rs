//! Means and widths by sample: observables with one value per shower, response, punch-through.

use super::sample_set::{FixedEnergy, SampleSet};
use crate::accumulate::Part;
use crate::observables::{BinnedObservable, Column};
use crate::results::{Estimate, Moments, PunchThrough, Response};
use crate::spread::standard_deviation;

/// Ranges of incident energy for which the response is given, besides the whole.
const N_RANGES: usize = 3;

/// Mean and standard deviation of the observables with one value per shower (visible energy, hits, centre of gravity),
/// for every sample, over the full spectrum and at every energy at which it has showers. The showers are those of the
/// histograms.
///
/// Errors are `s / sqrt(n)` and `sqrt((m4 - s^4) / n) / 2s` with the fourth central moment `m4`: they hold for any
/// distribution.
pub fn moments(samples: &[&SampleSet], energies: &[FixedEnergy]) -> Vec<Moments> {
    let mut all = Vec::new();
    for (index, sample) in samples.iter().enumerate() {
        for energy in std::iter::once(None).chain(energies.iter().map(Some)) {
            let (file, source) = match energy {
                None => (&sample.full, None),
                Some(energy) => match sample.showers_at(energy, Part::All) {
                    Some(found) => (found.file, Some(found.source)),
                    None => continue,
                },
            };
            let energy_gev = energy.map(|energy| energy.energy_gev);
            for BinnedObservable { observable, .. } in &sample.full.settings().histograms {
                let Some(value) = observable.of_showers() else { continue };
                let values = file.values(value, energy_gev);
                let Some(spread) = Spread::of(values.into_iter().filter(|value| value.is_finite())) else {
                    continue;
                };
                all.push(Moments {
                    sample: index,
                    observable: observable.info.id.to_string(),
                    energy_gev,
                    source,
                    n_showers: spread.n,
                    mean: spread.mean,
                    standard_deviation: spread.deviation,
                });
            }
        }
    }
    all
}

/// Visible over incident energy of every sample's full spectrum: over the whole range of the reference (the first
/// sample), and over thirds of it.
pub fn responses(samples: &[&SampleSet]) -> Vec<Response> {
    let Some(reference) = samples.first() else { return Vec::new() };
    let incident_gev = reference.full.table().column(Column::IncidentEnergyGev);
    let low = incident_gev.iter().copied().fold(f64::INFINITY, f64::min);
    let high = incident_gev.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let edge = |i: usize| low + (high - low) * i as f64 / N_RANGES as f64;
    let mut ranges = vec![[low, high]];
    if low < high {
        ranges.extend((0..N_RANGES).map(|i| [edge(i), edge(i + 1)]));
    }
    let mut all = Vec::new();
    for (index, sample) in samples.iter().enumerate() {
        let table = sample.full.table();
        let showers =
            table.column(Column::IncidentEnergyGev).iter().zip(table.column(Column::VisibleEnergyMev));
        for [low, high] in &ranges {
            let within = showers.clone().filter(|(incident, _)| (low..=high).contains(incident));
            let Some(spread) = Spread::of(within.map(|(incident, visible)| visible / incident)) else {
                continue;
            };
            let Some(relative_width) = spread.relative() else { continue };
            all.push(Response {
                sample: index,
                energy_range_gev: [*low, *high],
                n_showers: spread.n,
                mean_mev_per_gev: spread.mean,
                relative_width,
            });
        }
    }
    all
}

/// The share of showers of every sample's full spectrum with at most `at_most_hits` hits. The error is the binomial one of
/// the Agresti-Coull interval (two successes and two failures added), which is not zero where no shower counts.
pub fn punch_through(samples: &[&SampleSet], at_most_hits: u64) -> Vec<PunchThrough> {
    let samples = samples.iter().enumerate();
    let fractions = samples.filter(|(_, sample)| sample.full.n_showers() > 0).map(|(index, sample)| {
        let hits = sample.full.table().column(Column::NHits);
        let n_found = hits.iter().filter(|&&n_hits| n_hits <= at_most_hits as f64).count() as f64;
        let n = hits.len() as f64;
        let centre = (n_found + 2.0) / (n + 4.0);
        let error = Some((centre * (1.0 - centre) / (n + 4.0)).sqrt());
        let fraction = Estimate { value: n_found / n, error };
        PunchThrough { sample: index, at_most_hits, n_showers: hits.len() as u64, fraction }
    });
    fractions.collect()
}

/// Mean and standard deviation with their errors.
struct Spread {
    n: u64,
    mean: Estimate,
    deviation: Estimate,
}

impl Spread {
    /// None of fewer than two values.
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.collect();
        let deviation = standard_deviation(&values)?;
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let fourth = values.iter().map(|value| (value - mean).powi(4)).sum::<f64>() / n;
        let variance_error = ((fourth - deviation.powi(4)) / n).max(0.0).sqrt();
        let deviation_error = (deviation > 0.0).then(|| 0.5 * variance_error / deviation);
        Some(Self {
            n: values.len() as u64,
            mean: Estimate { value: mean, error: Some(deviation / n.sqrt()) },
            deviation: Estimate { value: deviation, error: deviation_error },
        })
    }

    /// Standard deviation over mean; none where the mean is zero.
    fn relative(&self) -> Option<Estimate> {
        let (mean, deviation) = (self.mean.value, self.deviation.value);
        if mean == 0.0 {
            return None;
        }
        let error = match (self.mean.error, self.deviation.error) {
            (Some(of_mean), Some(of_deviation)) => {
                Some((of_deviation / mean).hypot(deviation * of_mean / mean.powi(2)))
            }
            _ => None,
        };
        Some(Estimate { value: deviation / mean, error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_two_valued_sample() {
        // Half at 1, half at 3: mean 2, s^2 = n / (n - 1), and the deviation hardly fluctuates.
        let spread = Spread::of((0..1000).map(|i| if i % 2 == 0 { 1.0 } else { 3.0 })).unwrap();
        assert!((spread.mean.value - 2.0).abs() < 1e-12);
        assert!((spread.mean.error.unwrap() - (1.0_f64 / 999.0).sqrt()).abs() < 1e-12);
        assert!(spread.deviation.error.unwrap() < 1e-3);
        assert!((spread.relative().unwrap().value - 0.5).abs() < 1e-3);
    }

    #[test]
    fn the_error_of_a_uniform_sample_s_width_has_its_fourth_moment() {
        // Uniform on 0 .. 1: variance 1/12, fourth central moment 1/80.
        let n = 10_000;
        let spread = Spread::of((0..n).map(|i| (f64::from(i) + 0.5) / f64::from(n))).unwrap();
        let expected = ((1.0 / 80.0 - 1.0 / 144.0) / f64::from(n)).sqrt() / 2.0 * 12.0_f64.sqrt();
        assert!((spread.deviation.error.unwrap() / expected - 1.0).abs() < 1e-3);
    }
}
