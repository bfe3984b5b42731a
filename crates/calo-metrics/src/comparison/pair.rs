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
    replicas: Vec<PairReplica>,
}

/// Distances of one replica; NaN where it drew nothing on one side.
struct PairReplica {
    divergence: f64,
    area_difference: f64,
}

/// Distances of one replica of an observable's histograms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplicaDistances {
    /// Jensen-Shannon distance.
    pub jsd: f64,
    /// Area difference.
    pub area_difference: f64,
}

/// The comparison of an observable, and the distances of each replica.
pub(super) struct Combined {
    pub(super) comparison: HistogramComparison,
    pub(super) replicas: Vec<ReplicaDistances>,
}

impl Pair {
    pub(super) fn new(energy_gev: Option<f64>, a: &Resampled, b: &Resampled) -> Result<Self> {
        let replicas: Vec<PairReplica> = a
            .replicas
            .iter()
            .zip(&b.replicas)
            .map(|(a, b)| PairReplica {
                divergence: divergence_of_contents(a, b).unwrap_or(f64::NAN),
                area_difference: area_of_contents(a, b).unwrap_or(f64::NAN),
            })
            .collect();
        let resampled = resampled_pairs(a, b)?;
        let (a, b) = (&a.nominal, &b.nominal);
        let divergence = jensen_shannon_divergence(a, b)?;
        let with_error = |distance: fn(&Histogram, &Histogram) -> Result<f64>| {
            let replicas = resampled.iter().map(|[a, b]| distance(a, b).unwrap_or(f64::NAN));
            Ok(Estimate { value: distance(a, b)?, error: spread_of_finite(replicas) })
        };
        let distances = HistogramDistances {
            energy_gev,
            jsd: Estimate {
                value: divergence.sqrt(),
                error: spread_of_finite(replicas.iter().map(|replica| replica.divergence.sqrt())),
            },
            area_difference: Estimate {
                value: area_difference(a, b)?,
                error: spread_of_finite(replicas.iter().map(|replica| replica.area_difference)),
            },
            chi2: with_error(|a, b| Ok(chi2(a, b)?.value))?,
            chi2_dof: chi2(a, b)?.degrees_of_freedom,
            ks: with_error(ks)?,
            wasserstein1: with_error(wasserstein1)?,
            separation_power: with_error(separation_power)?,
        };
        Ok(Self { distances, divergence, replicas })
    }
}

/// The replicas of both sides as histograms. Variances of their contents are taken to be those of the sample.
fn resampled_pairs(a: &Resampled, b: &Resampled) -> Result<Vec<[Histogram; 2]>> {
    let histogram = |of: &Resampled, slots: &[f64]| {
        let nominal = &of.nominal;
        Histogram::from_slots(nominal.axis().clone(), slots.to_vec(), nominal.squared_slots().to_vec())
    };
    let pairs = a.replicas.iter().zip(&b.replicas);
    pairs.map(|(slots_a, slots_b)| Ok([histogram(a, slots_a)?, histogram(b, slots_b)?])).collect()
}

/// One comparison of the pairs of an observable: the root of the mean divergence, the mean area difference. None
/// without a pair.
pub(super) fn combine(observable: &str, pairs: Vec<Pair>) -> Option<Combined> {
    if pairs.is_empty() {
        return None;
    }
    let n = pairs.len() as f64;
    let n_replicas = pairs.iter().map(|pair| pair.replicas.len()).min().unwrap_or(0);
    let replicas: Vec<ReplicaDistances> = (0..n_replicas)
        .map(|i| {
            let mean =
                |of: fn(&PairReplica) -> f64| pairs.iter().map(|pair| of(&pair.replicas[i])).sum::<f64>() / n;
            ReplicaDistances {
                jsd: mean(|replica| replica.divergence).sqrt(),
                area_difference: mean(|replica| replica.area_difference),
            }
        })
        .collect();
    let mean_divergence = pairs.iter().map(|pair| pair.divergence).sum::<f64>() / n;
    let mean_area = pairs.iter().map(|pair| pair.distances.area_difference.value).sum::<f64>() / n;
    let comparison = HistogramComparison {
        observable: observable.to_owned(),
        jsd: Estimate {
            value: mean_divergence.sqrt(),
            error: spread_of_finite(replicas.iter().map(|replica| replica.jsd)),
        },
        area_difference: Estimate {
            value: mean_area,
            error: spread_of_finite(replicas.iter().map(|replica| replica.area_difference)),
        },
        parts: pairs.into_iter().map(|pair| pair.distances).collect(),
    };
    Some(Combined { comparison, replicas })
}
