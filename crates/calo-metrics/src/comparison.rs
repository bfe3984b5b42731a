//! The comparison of two samples by their histograms, one for each observable of the settings.
//!
//! Some are compared over the full spectrum, others ([`ComparedAt::FixedEnergies`](crate::results::ComparedAt)) with
//! showers of fixed energies, whose divergences are averaged. Errors are standard deviations over bootstrap replicas. The
//! replicas' own distances are biased upwards by the noise that resampling adds, so they have no other use.

mod energies;
mod excess;
mod missing;
mod moments;
mod pair;
mod sample_set;
mod splits;

use crate::accumulate::{Part, Resampled};
use crate::error::Result;
use crate::observables::BinnedObservable;
use crate::results::{Distribution, EnergySource, Gap, HistogramComparison, SampleHistogram};

pub use energies::{Linearity, fixed_energies, linearity};
use missing::{OUTSIDE, label};
pub use moments::{moments, punch_through, responses};
use pair::{Pair, combine};
pub use pair::{ReplicaDistances, compare_histograms};
pub use sample_set::{FixedEnergy, SampleSet};
pub use splits::{ComparedSplits, compare_splits, split_size};

/// The comparisons of all histograms, and what errors of numbers made of them need.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedHistograms {
    /// One for each observable that both sides have, in the order of the settings.
    pub histograms: Vec<HistogramComparison>,
    /// Distances of each replica, for each of `histograms`.
    pub replicas: Vec<Vec<ReplicaDistances>>,
    /// What is missing and why.
    pub gaps: Vec<Gap>,
}

/// Compares a candidate with the reference.
///
/// # Errors
/// Different axes, or contents that cannot be compared. What one side lacks is a gap, not an error.
pub fn compare_samples(
    reference: &SampleSet,
    candidate: &SampleSet,
    energies: &[FixedEnergy],
) -> Result<ComparedHistograms> {
    let title = format!("{} against {}", candidate.name, reference.name);
    compare(&title, [(reference, Part::All), (candidate, Part::All)], energies)
}

/// Compares one half of a sample with the other: what a perfect imitation of half its size would score.
///
/// # Errors
/// As [`compare_samples`].
pub fn compare_halves(sample: &SampleSet, energies: &[FixedEnergy]) -> Result<ComparedHistograms> {
    let title = format!("half of {} against the other", sample.name);
    compare(&title, [(sample, Part::FirstHalf), (sample, Part::SecondHalf)], energies)
}

/// One histogram of every sample, for each observable of the full spectrum, then at each energy for those that are
/// compared there.
pub fn distributions(samples: &[&SampleSet], energies: &[FixedEnergy]) -> Vec<Distribution> {
    let Some(first) = samples.first() else { return Vec::new() };
    let histograms = || first.full.settings().histograms.iter();
    let full = histograms().map(|binned| (binned, None));
    let fixed = energies.iter().flat_map(|energy| {
        let there = histograms().filter(|binned| binned.observable.at_fixed_energies());
        there.map(move |binned| (binned, Some(energy)))
    });
    let distribution = |(binned, energy): (&BinnedObservable, Option<&FixedEnergy>)| {
        let BinnedObservable { observable, axis } = binned;
        let id = observable.info.id.to_string();
        Distribution {
            energy_gev: energy.map(|energy| energy.energy_gev),
            edges: axis.edges().to_vec(),
            log_bins: axis.spacing() == crate::histogram::Spacing::Log,
            samples: samples.iter().map(|sample| sample_histogram(sample, &id, energy)).collect(),
            observable: id,
        }
    };
    full.chain(fixed).map(distribution).collect()
}

fn sample_histogram(
    sample: &SampleSet,
    observable: &str,
    energy: Option<&FixedEnergy>,
) -> Option<SampleHistogram> {
    let (file, energy_gev, source) = match energy {
        None => (&sample.full, None, None),
        Some(energy) => {
            let found = sample.showers_at(energy, Part::All)?;
            (found.file, Some(energy.energy_gev), Some(found.source))
        }
    };
    let histogram = file.histogram(observable, energy_gev)?;
    let n_showers = file.n_showers_at(energy_gev, Part::All);
    (n_showers > 0).then(|| SampleHistogram {
        counts: histogram.counts().to_vec(),
        errors: histogram.errors(),
        underflow: histogram.underflow(),
        overflow: histogram.overflow(),
        n_showers,
        source,
    })
}

fn compare(
    title: &str,
    sides: [(&SampleSet, Part); 2],
    energies: &[FixedEnergy],
) -> Result<ComparedHistograms> {
    let mut compared = ComparedHistograms { histograms: Vec::new(), replicas: Vec::new(), gaps: Vec::new() };
    for BinnedObservable { observable, .. } in &sides[0].0.full.settings().histograms {
        let id = &*observable.info.id;
        let mut pairs = Vec::new();
        if observable.at_fixed_energies() {
            for energy in energies {
                let [a, b] = sides.map(|(sample, part)| at_energy(sample, part, id, energy));
                let mut missing = |name: &str, why: String| {
                    let what = format!("{title}: {} at {} GeV", label(observable), energy.energy_gev);
                    compared.gaps.push(Gap { what, why: format!("{name} {why}") });
                };
                match (a, b) {
                    (Some(a), Some(b)) => {
                        if a.source != b.source {
                            let why = "and the other side differ in where these showers come from: a file of that \
                                       energy, a window of the full spectrum";
                            missing(&sides[0].0.name, why.to_owned());
                        }
                        if all_outside(&a.resampled) && all_outside(&b.resampled) {
                            missing("every shower of both sides", OUTSIDE.to_owned());
                            continue;
                        }
                        pairs.push(Pair::new(Some(energy.energy_gev), &a.resampled, &b.resampled)?);
                    }
                    (a, _) => {
                        let name = &sides[usize::from(a.is_some())].0.name;
                        missing(name, "has no shower there, neither a file nor a window".to_owned());
                    }
                }
            }
        } else {
            let [a, b] = sides.map(|(sample, part)| filled(sample.full.resampled(id, None, part)));
            match (a, b) {
                (Some(a), Some(b)) if all_outside(&a) && all_outside(&b) => {
                    let what = format!("{title}: {}", label(observable));
                    compared.gaps.push(Gap { what, why: format!("every entry of both sides {OUTSIDE}") });
                }
                (Some(a), Some(b)) => pairs.push(Pair::new(None, &a, &b)?),
                (a, _) => {
                    let name = &sides[usize::from(a.is_some())].0.name;
                    let what = format!("{title}: {}", label(observable));
                    compared.gaps.push(Gap { what, why: format!("{name} has no entry") });
                }
            }
        }
        if let Some(combined) = combine(id, pairs) {
            compared.histograms.push(combined.comparison);
            compared.replicas.push(combined.replicas);
        }
    }
    Ok(compared)
}

/// Whether everything is under- or overflow.
fn all_outside(resampled: &Resampled) -> bool {
    resampled.nominal.counts().iter().sum::<f64>() <= 0.0
}

/// A histogram with content; an empty one has no shape to compare.
fn filled(resampled: Option<Resampled>) -> Option<Resampled> {
    resampled.filter(|resampled| resampled.nominal.total() > 0.0)
}

/// A histogram of the showers at one energy.
struct HistogramAt {
    resampled: Resampled,
    source: EnergySource,
}

fn at_energy(sample: &SampleSet, part: Part, observable: &str, energy: &FixedEnergy) -> Option<HistogramAt> {
    let found = sample.showers_at(energy, part)?;
    let resampled = filled(found.file.resampled(observable, Some(energy.energy_gev), part))?;
    Some(HistogramAt { resampled, source: found.source })
}
