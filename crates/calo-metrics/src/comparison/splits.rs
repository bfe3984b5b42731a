//! Candidates and floor at the same number of showers, averaged over random splits.

use super::{FixedEnergy, OUTSIDE, SampleSet, label};
use crate::accumulate::{Part, SampleAccumulator};
use crate::bootstrap::standard_deviation;
use crate::distance::divergence_of_contents;
use crate::error::Result;
use crate::histogram::Axis;
use crate::observables::Column;
use crate::results::{Estimate, Gap, Observable, SplitComparison, SplitDistances, SplitPart};
use crate::splits::draw_parts;

/// The split comparisons of every candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedSplits {
    /// For each candidate, one entry for each of the six histograms that could be compared.
    pub candidates: Vec<Vec<SplitComparison>>,
    /// What is missing and why.
    pub gaps: Vec<Gap>,
}

/// The largest number of showers that every side of a split can have: half the reference, at most the smallest
/// candidate.
pub fn split_size(n_reference: u64, n_candidates: impl IntoIterator<Item = u64>) -> u64 {
    n_candidates.into_iter().fold(n_reference / 2, u64::min)
}

/// Distance of n candidate and n reference showers beside that of n and n other reference showers, the floor, both
/// averaged over the splits of the reference's accumulator. The floor is the same for every candidate.
///
/// Cell spectrum, profiles and centre of gravity come from what the accumulators summed for their
/// [`Splits`](crate::Splits): the reference's with two parts, the candidates' with a first part of the same size.
/// Visible energy and hits are drawn here from the showers of each energy, keyed by `seed`, as many as there are.
///
/// # Errors
/// Different axes, or contents that cannot be compared. What one side lacks is a gap, not an error.
pub fn compare_splits(
    reference: &SampleSet,
    candidates: &[&SampleSet],
    energies: &[FixedEnergy],
    seed: u64,
) -> Result<ComparedSplits> {
    let mut compared = ComparedSplits { candidates: vec![Vec::new(); candidates.len()], gaps: Vec::new() };
    let Some(splits) = reference.full.splits() else {
        compared.gap("splits", "the reference was read without splits");
        return Ok(compared);
    };
    let n_splits = splits.n_splits();
    for observable in Observable::ALL {
        let mut of_energies: Vec<Vec<Divergences>> = vec![Vec::new(); candidates.len()];
        match drawn_column(observable) {
            None => {
                for (candidate, found) in candidates.iter().zip(&mut of_energies) {
                    let what = format!(
                        "{} against {}, splits: {}",
                        candidate.name,
                        reference.name,
                        label(observable)
                    );
                    match full_spectrum(&reference.full, &candidate.full, observable)? {
                        Ok(divergences) => found.push(divergences),
                        Err(why) => compared.gap(what, why),
                    }
                }
            }
            Some(column) => {
                for energy in energies {
                    let drawn = at_energy(reference, candidates, observable, column, energy, n_splits, seed)?;
                    for ((candidate, found), drawn) in candidates.iter().zip(&mut of_energies).zip(drawn) {
                        let what = || {
                            let label = label(observable);
                            let (name, at) = (&candidate.name, energy.energy_gev);
                            format!("{name} against {}, splits: {label} at {at} GeV", reference.name)
                        };
                        match drawn {
                            Ok(divergences) => found.push(divergences),
                            Err(why) => compared.gap(what(), why),
                        }
                    }
                }
            }
        }
        for (comparisons, of_energies) in compared.candidates.iter_mut().zip(of_energies) {
            comparisons.extend(combine(observable, &of_energies));
        }
    }
    Ok(compared)
}

impl ComparedSplits {
    fn gap(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.gaps.push(Gap { what: what.into(), why: why.into() });
    }
}

/// The column that the histogram of an observable is drawn from at each energy; none for those of the full spectrum.
fn drawn_column(observable: Observable) -> Option<Column> {
    match observable {
        Observable::VisibleEnergy => Some(Column::VisibleEnergyMev),
        Observable::NHits => Some(Column::NHits),
        _ => None,
    }
}

/// Divergences of candidate and floor, one for each split.
#[derive(Debug, Clone)]
struct Divergences {
    energy_gev: Option<f64>,
    n_showers: u64,
    candidate: Vec<f64>,
    floor: Vec<f64>,
}

/// Contents of the parts of a split: reference, other reference, candidate.
type Contents = [Vec<f64>; 3];

impl Divergences {
    /// The reason, where there is nothing to compare in some split.
    fn new(
        energy_gev: Option<f64>,
        n_showers: u64,
        splits: impl Iterator<Item = Contents>,
    ) -> Result<std::result::Result<Self, String>> {
        let (mut candidate, mut floor) = (Vec::new(), Vec::new());
        for contents in splits {
            let inside = |slots: &Vec<f64>| slots[1..slots.len() - 1].iter().sum::<f64>() > 0.0;
            if !contents.iter().any(inside) {
                return Ok(Err(format!("every entry of both sides {OUTSIDE}")));
            }
            let [first, second, of_candidate] = &contents;
            if contents.iter().any(|slots| slots.iter().sum::<f64>() <= 0.0) {
                return Ok(Err("a part of a split has no entry".to_owned()));
            }
            candidate.push(divergence_of_contents(first, of_candidate)?);
            floor.push(divergence_of_contents(first, second)?);
        }
        Ok(Ok(Self { energy_gev, n_showers, candidate, floor }))
    }

    fn distances(&self) -> SplitDistances {
        distances(&self.candidate, &self.floor)
    }
}

fn full_spectrum(
    reference: &SampleAccumulator,
    candidate: &SampleAccumulator,
    observable: Observable,
) -> Result<std::result::Result<Divergences, String>> {
    let (Some(of_reference), Some(of_candidate)) = (reference.splits(), candidate.splits()) else {
        return Ok(Err("a sample was read without splits".to_owned()));
    };
    let (sizes, n_splits) = (of_reference.sizes(), of_reference.n_splits());
    let [n, others] = sizes;
    if n != others || n != of_candidate.sizes()[0] || n_splits != of_candidate.n_splits() {
        return Ok(Err(format!(
            "{n_splits} splits into {n} and {others} showers, {} into {} of the candidate; expected the same",
            of_candidate.n_splits(),
            of_candidate.sizes()[0]
        )));
    }
    let contents = (0..n_splits).filter_map(|split| {
        Some([
            reference.split_slots(observable, split, 0)?,
            reference.split_slots(observable, split, 1)?,
            candidate.split_slots(observable, split, 0)?,
        ])
    });
    Divergences::new(None, n as u64, contents)
}

/// Draws for one energy, the same number of showers for every candidate that has any there.
fn at_energy(
    reference: &SampleSet,
    candidates: &[&SampleSet],
    observable: Observable,
    column: Column,
    energy: &FixedEnergy,
    n_splits: usize,
    seed: u64,
) -> Result<Vec<std::result::Result<Divergences, String>>> {
    let none = |name: &str| format!("{name} has too few showers there, neither a file nor a window");
    let energy_gev = energy.energy_gev;
    let source = |sample| Source::new(sample, column, energy);
    let sources: Vec<Option<Source>> = candidates.iter().map(|candidate| source(candidate)).collect();
    let Some(reference_source) = source(reference) else {
        return Ok(candidates.iter().map(|_| Err(none(&reference.name))).collect());
    };
    let sizes = sources.iter().flatten().map(|source| source.values.len() as u64);
    let n = split_size(reference_source.values.len() as u64, sizes) as usize;
    let axis = reference.full.settings().axes.get(observable);
    candidates
        .iter()
        .zip(&sources)
        .map(|(candidate, source)| {
            let Some(source) = source.as_ref().filter(|_| n > 0) else {
                let name = if n == 0 { &reference.name } else { &candidate.name };
                return Ok(Err(none(name)));
            };
            let contents = (0..n_splits).map(|split| {
                let [first, second] = reference_source.draw(axis, [n, n], seed, energy_gev, split);
                let [of_candidate, _] = source.draw(axis, [n, 0], seed, energy_gev, split);
                [first, second, of_candidate]
            });
            Divergences::new(Some(energy_gev), n as u64, contents)
        })
        .collect()
}

/// The showers of one energy, and the key of their file.
struct Source {
    values: Vec<f64>,
    key: u64,
}

impl Source {
    fn new(sample: &SampleSet, column: Column, energy: &FixedEnergy) -> Option<Self> {
        let (file, _) = sample.showers_at(energy, Part::All)?;
        Some(Self { values: file.values(column, Some(energy.energy_gev)), key: file.key() })
    }

    /// Slots of both parts of a split. Visible energy and hits of a shower come into the same part.
    fn draw(
        &self,
        axis: &Axis,
        sizes: [usize; 2],
        seed: u64,
        energy_gev: f64,
        split: usize,
    ) -> [Vec<f64>; 2] {
        // Windows of several energies share a key; the bits of usual energies end in zeros, where the split goes.
        let index = energy_gev.to_bits() ^ split as u64;
        draw_parts(self.values.len(), sizes, seed, self.key, index).map(|rows| {
            let mut slots = vec![0.0; axis.n_slots()];
            for slot in rows.into_iter().filter_map(|row| axis.slot(self.values[row])) {
                slots[slot] += 1.0;
            }
            slots
        })
    }
}

/// The comparison of an observable from its energies: roots of the divergences' means over energies, as for JSD.
fn combine(observable: Observable, of_energies: &[Divergences]) -> Option<SplitComparison> {
    let n_showers = of_energies.iter().map(|one| one.n_showers).min()?;
    let mean = |of: fn(&Divergences) -> &Vec<f64>| -> Vec<f64> {
        let n_splits = of_energies.iter().map(|one| of(one).len()).min().unwrap_or(0);
        let sum = |split: usize| of_energies.iter().map(|one| of(one)[split]).sum::<f64>();
        (0..n_splits).map(|split| sum(split) / of_energies.len() as f64).collect()
    };
    let (candidate, floor) = (mean(|one| &one.candidate), mean(|one| &one.floor));
    if candidate.is_empty() {
        return None;
    }
    Some(SplitComparison {
        observable,
        n_showers,
        distances: distances(&candidate, &floor),
        parts: of_energies
            .iter()
            .map(|one| SplitPart {
                energy_gev: one.energy_gev,
                n_showers: one.n_showers,
                distances: one.distances(),
            })
            .collect(),
    })
}

/// Averages of distances over splits, and the excess of one average over the other.
fn distances(candidate: &[f64], floor: &[f64]) -> SplitDistances {
    let [jsd, floor] = [candidate, floor]
        .map(|divergences| -> Vec<f64> { divergences.iter().map(|divergence| divergence.sqrt()).collect() });
    SplitDistances { jsd: average(&jsd), floor: average(&floor), excess: excess(&jsd, &floor) }
}

/// Mean and its standard error over splits.
fn average(values: &[f64]) -> Estimate {
    let n = values.len() as f64;
    let error = standard_deviation(values).map(|deviation| deviation / n.sqrt());
    Estimate { value: values.iter().sum::<f64>() / n, error }
}

/// `sqrt(max(0, JSD^2 - floor^2))` of the averages. Its error is how far it rises when the difference of the squares
/// rises by its own standard error (a jackknife over splits): finite where the excess is zero, and what propagation
/// gives where it is large.
fn excess(jsd: &[f64], floor: &[f64]) -> Estimate {
    let n = jsd.len() as f64;
    let (sum_jsd, sum_floor) = (jsd.iter().sum::<f64>(), floor.iter().sum::<f64>());
    let squares = |jsd: f64, floor: f64, n: f64| (jsd / n).powi(2) - (floor / n).powi(2);
    let square = squares(sum_jsd, sum_floor, n).max(0.0);
    let without_one: Vec<f64> = jsd
        .iter()
        .zip(floor)
        .map(|(jsd, floor)| squares(sum_jsd - jsd, sum_floor - floor, n - 1.0))
        .collect();
    let square_error = standard_deviation(&without_one).map(|deviation| deviation * (n - 1.0) / n.sqrt());
    Estimate {
        value: square.sqrt(),
        error: square_error.map(|error| (square + error).sqrt() - square.sqrt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excess_is_what_is_left_in_quadrature() {
        // 0.5^2 - 0.3^2 = 0.4^2, in every split.
        let excess_of = excess(&[0.5; 4], &[0.3; 4]);
        assert!((excess_of.value - 0.4).abs() < 1e-15 && excess_of.error.unwrap() < 1e-15, "{excess_of:?}");
        // Below the floor there is no excess, but an error.
        let below = excess(&[0.28, 0.32], &[0.31, 0.33]);
        assert!(below.value == 0.0 && below.error.unwrap() > 0.0, "{below:?}");
    }

    #[test]
    fn the_error_of_a_large_excess_is_the_propagated_one() {
        let (jsd, floor) = ([0.50, 0.52, 0.48, 0.51], [0.01, 0.01, 0.01, 0.01]);
        let (average, excess) = (average(&jsd), excess(&jsd, &floor));
        // The floor is negligible: excess and distance have the same error, to first order.
        assert!(
            (excess.error.unwrap() / average.error.unwrap() - 1.0).abs() < 0.02,
            "{average:?} {excess:?}"
        );
    }

    #[test]
    fn half_the_reference_at_most_the_candidates() {
        assert_eq!(split_size(4501, [4500]), 2250);
        assert_eq!(split_size(4500, [3000, 700]), 700);
        assert_eq!(split_size(1, [5]), 0);
    }
}
