//! Candidates and floor at the same number of showers, averaged over random splits.

use super::excess::split_distances;
use super::missing::{OUTSIDE, label};
use super::sample_set::{FixedEnergy, SampleSet};
use crate::accumulate::{Part, SampleAccumulator};
use crate::distance::divergence_of_contents;
use crate::error::Result;
use crate::histogram::Axis;
use crate::observables::{BinnedObservable, Observable, ShowerValue};
use crate::results::{Gap, SplitComparison, SplitDistances, SplitPart};
use crate::splits::draw_parts;

/// The split comparisons of every candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedSplits {
    /// For each candidate, one entry for each observable that could be compared.
    pub candidates: Vec<Vec<SplitComparison>>,
    /// What is missing and why.
    pub gaps: Vec<Gap>,
}

/// The largest number of showers that every side of a split can have: half the reference, at most the smallest
/// candidate.
pub fn split_size(n_reference: u64, n_candidates: impl IntoIterator<Item = u64>) -> u64 {
    n_candidates.into_iter().fold(n_reference / 2, u64::min)
}

/// Distance of n candidate and n reference showers, and the floor: the distance of n reference showers and n others. Both
/// are averaged over the splits of the reference's accumulator. The floor is the same for every candidate.
///
/// Observables of the full spectrum use the sums of the accumulators for their [`Splits`](crate::Splits): the reference
/// has two parts, each candidate a first part of the same size. Observables of fixed energies are drawn here from the
/// showers at each energy, keyed by `seed`, as many as there are.
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
    for BinnedObservable { observable, axis } in &reference.full.settings().histograms {
        let mut filled: Vec<Vec<Divergences>> = vec![Vec::new(); candidates.len()];
        let mut keep = |candidate: usize, energy_gev: Option<f64>, found: Found| match found {
            Ok(divergences) => filled[candidate].push(divergences),
            Err(why) => {
                let at = energy_gev.map(|energy| format!(" at {energy} GeV")).unwrap_or_default();
                let names = format!("{} against {}", candidates[candidate].name, reference.name);
                compared.gap(format!("{names}, splits: {}{at}", label(observable)), why);
            }
        };
        match drawn_value(observable) {
            None => {
                for (index, candidate) in candidates.iter().enumerate() {
                    keep(index, None, full_spectrum(&reference.full, &candidate.full, &observable.info.id)?);
                }
            }
            Some(value) => {
                for energy in energies {
                    let draws = Draws { axis, value, energy, n_splits, seed };
                    for (index, found) in draws.of(reference, candidates)?.into_iter().enumerate() {
                        keep(index, Some(energy.energy_gev), found);
                    }
                }
            }
        }
        for (comparisons, divergences) in compared.candidates.iter_mut().zip(filled) {
            comparisons.extend(combine(&observable.info.id, &divergences));
        }
    }
    Ok(compared)
}

impl ComparedSplits {
    fn gap(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.gaps.push(Gap { what: what.into(), why: why.into() });
    }
}

/// The value that is drawn at each energy; none for observables of the full spectrum.
fn drawn_value(observable: &Observable) -> Option<ShowerValue> {
    observable.of_showers().filter(|_| observable.at_fixed_energies())
}

/// Divergences of candidate and floor, one for each split.
#[derive(Debug, Clone)]
struct Divergences {
    energy_gev: Option<f64>,
    n_showers: u64,
    /// What share of either file a split draws: n over reference plus n over candidate.
    drawn: f64,
    candidate: Vec<f64>,
    floor: Vec<f64>,
}

/// The divergences, or why there are none.
type Found = std::result::Result<Divergences, String>;

/// Contents of the parts of a split: reference, other reference, candidate.
type Contents = [Vec<f64>; 3];

impl Divergences {
    /// The reason instead, where some split has nothing to compare.
    fn new(
        energy_gev: Option<f64>,
        n_showers: u64,
        drawn: f64,
        splits: impl Iterator<Item = Contents>,
    ) -> Result<Found> {
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
        Ok(Ok(Self { energy_gev, n_showers, drawn, candidate, floor }))
    }

    fn distances(&self) -> SplitDistances {
        split_distances(&self.candidate, &self.floor, self.drawn)
    }
}

fn full_spectrum(
    reference: &SampleAccumulator,
    candidate: &SampleAccumulator,
    observable: &str,
) -> Result<Found> {
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
    let drawn = n as f64 / reference.n_showers() as f64 + n as f64 / candidate.n_showers() as f64;
    Divergences::new(None, n as u64, drawn, contents)
}

/// The splits of one observable at one energy.
struct Draws<'a> {
    axis: &'a Axis,
    value: ShowerValue,
    energy: &'a FixedEnergy,
    n_splits: usize,
    seed: u64,
}

impl Draws<'_> {
    /// One for each candidate, with the same number of showers for all that have any there.
    fn of(&self, reference: &SampleSet, candidates: &[&SampleSet]) -> Result<Vec<Found>> {
        let none = |name: &str| Err(format!("{name} has too few showers there, neither a file nor a window"));
        let source = |sample: &SampleSet| Source::new(sample, self.value, self.energy);
        let sources: Vec<Option<Source>> = candidates.iter().map(|candidate| source(candidate)).collect();
        let Some(of_reference) = source(reference) else {
            return Ok(candidates.iter().map(|_| none(&reference.name)).collect());
        };
        let sizes = sources.iter().flatten().map(Source::n_showers);
        let n = split_size(of_reference.n_showers(), sizes) as usize;
        if n == 0 {
            return Ok(candidates.iter().map(|_| none(&reference.name)).collect());
        }
        let energy_gev = self.energy.energy_gev;
        let compare = |candidate: &SampleSet, source: Option<&Source>| {
            let Some(source) = source else { return Ok(none(&candidate.name)) };
            let contents = (0..self.n_splits).map(|split| {
                let [first, second] = of_reference.draw(self, [n, n], split);
                let [of_candidate, _] = source.draw(self, [n, 0], split);
                [first, second, of_candidate]
            });
            let drawn = n as f64 / of_reference.n_showers() as f64 + n as f64 / source.n_showers() as f64;
            Divergences::new(Some(energy_gev), n as u64, drawn, contents)
        };
        candidates
            .iter()
            .zip(&sources)
            .map(|(candidate, source)| compare(candidate, source.as_ref()))
            .collect()
    }
}

/// The showers of one energy, and the key of their file.
struct Source {
    values: Vec<f64>,
    key: u64,
}

impl Source {
    fn new(sample: &SampleSet, value: ShowerValue, energy: &FixedEnergy) -> Option<Self> {
        let file = sample.showers_at(energy, Part::All)?.file;
        Some(Self { values: file.values(value, Some(energy.energy_gev)), key: file.key() })
    }

    fn n_showers(&self) -> u64 {
        self.values.len() as u64
    }

    /// Slots of both parts of a split. Visible energy and hits of a shower are in the same part.
    fn draw(&self, draws: &Draws<'_>, sizes: [usize; 2], split: usize) -> [Vec<f64>; 2] {
        let Draws { axis, energy, seed, .. } = *draws;
        // Windows of several energies share a key. The bits of usual energies end in zeros, which hold the split.
        let index = energy.energy_gev.to_bits() ^ split as u64;
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
fn combine(observable: &str, of_energies: &[Divergences]) -> Option<SplitComparison> {
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
    let drawn = of_energies.iter().map(|one| one.drawn).sum::<f64>() / of_energies.len() as f64;
    Some(SplitComparison {
        observable: observable.to_owned(),
        n_showers,
        distances: split_distances(&candidate, &floor, drawn),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_reference_at_most_the_candidates() {
        assert_eq!(split_size(4501, [4500]), 2250);
        assert_eq!(split_size(4500, [3000, 700]), 700);
        assert_eq!(split_size(1, [5]), 0);
    }
}
