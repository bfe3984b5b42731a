//! Two histograms with their replicas, and the combination of several energies.

use crate::accumulate::Resampled;
use crate::distance::{
    area_difference, area_of_contents, chi2, divergence_of_contents, jensen_shannon_divergence, ks,
    separation_power, wasserstein1,
};
use crate::error::Result;
use crate::histogram::Histogram;
use crate::results::{Estimate, HistogramComparison, HistogramDistances};
use crate::spread::spread_of_finite;

/// Every distance between two histograms with replicas.
///
/// # Errors
/// Different axes, or a histogram that is empty.
pub fn compare_histograms(
    energy_gev: Option<f64>,
    a: &Resampled,
    b: &Resampled,
) -> Result<HistogramDistances> {
    Ok(Pair::new(energy_gev, a, b)?.distances)
}

/// Distances of two histograms, and divergence and area difference of each replica.
pub(super) struct Pair {
    pub(super) distances: HistogramDistances,
    divergence: f64,
    /// NaN where a replica drew nothing on one side.
    replicas: Vec<[f64; 2]>,
}

impl Pair {
    pub(super) fn new(energy_gev: Option<f64>, a: &Resampled, b: &Resampled) -> Result<Self> {
        let replicas: Vec<[f64; 2]> = a
            .replicas
            .iter()
            .zip(&b.replicas)
            .map(|(a, b)| {
                [divergence_of_contents(a, b), area_of_contents(a, b)]
                    .map(|distance| distance.unwrap_or(f64::NAN))
            })
            .collect();
        let resampled = resampled_pairs(a, b)?;
        let (a, b) = (&a.nominal, &b.nominal);
        let divergence = jensen_shannon_divergence(a, b)?;
        let with_error = |distance: fn(&Histogram, &Histogram) -> Result<f64>| {
            let replicas = resampled.iter().map(|(a, b)| distance(a, b).unwrap_or(f64::NAN));
            Ok(Estimate { value: distance(a, b)?, error: spread_of_finite(replicas) })
        };
        let distances = HistogramDistances {
            energy_gev,
            jsd: Estimate {
                value: divergence.sqrt(),
                error: spread_of_finite(replicas.iter().map(|[divergence, _]| divergence.sqrt())),
            },
            area_difference: Estimate {
                value: area_difference(a, b)?,
                error: spread_of_finite(replicas.iter().map(|[_, area]| *area)),
            },
            chi2: with_error(|a, b| Ok(chi2(a, b)?.0))?,
            chi2_dof: chi2(a, b)?.1,
            ks: with_error(ks)?,
            wasserstein1: with_error(wasserstein1)?,
            separation_power: with_error(separation_power)?,
        };
        Ok(Self { distances, divergence, replicas })
    }
}

/// The replicas of both sides as histograms. Variances of their contents are taken to be those of the sample.
fn resampled_pairs(a: &Resampled, b: &Resampled) -> Result<Vec<(Histogram, Histogram)>> {
    let histogram = |of: &Resampled, slots: &[f64]| {
        let nominal = &of.nominal;
        Histogram::from_slots(nominal.axis().clone(), slots.to_vec(), nominal.squared_slots().to_vec())
    };
    let pairs = a.replicas.iter().zip(&b.replicas);
    pairs.map(|(slots_a, slots_b)| Ok((histogram(a, slots_a)?, histogram(b, slots_b)?))).collect()
}

/// One comparison of the pairs of an observable: the root of the mean divergence, the mean area difference. None
/// without a pair.
pub(super) fn combine(observable: &str, pairs: Vec<Pair>) -> Option<(HistogramComparison, Vec<[f64; 2]>)> {
    if pairs.is_empty() {
        return None;
    }
    let n = pairs.len() as f64;
    let n_replicas = pairs.iter().map(|pair| pair.replicas.len()).min().unwrap_or(0);
    let replicas: Vec<[f64; 2]> = (0..n_replicas)
        .map(|i| {
            let sum = |which: usize| pairs.iter().map(|pair| pair.replicas[i][which]).sum::<f64>();
            [(sum(0) / n).sqrt(), sum(1) / n]
        })
        .collect();
    let mean_divergence = pairs.iter().map(|pair| pair.divergence).sum::<f64>() / n;
    let mean_area = pairs.iter().map(|pair| pair.distances.area_difference.value).sum::<f64>() / n;
    let comparison = HistogramComparison {
        observable: observable.to_owned(),
        jsd: Estimate {
            value: mean_divergence.sqrt(),
            error: spread_of_finite(replicas.iter().map(|[distance, _]| *distance)),
        },
        area_difference: Estimate {
            value: mean_area,
            error: spread_of_finite(replicas.iter().map(|[_, area]| *area)),
        },
        parts: pairs.into_iter().map(|pair| pair.distances).collect(),
    };
    Some((comparison, replicas))
}
