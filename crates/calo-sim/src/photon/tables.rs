//! Mean free paths of photons and what ends them, tabulated for each material.
//!
//! Between two nodes everything is linear in energy. An interval keeps its own values at both ends, so that
//! absorption edges and the threshold of pair production fall on nodes instead of being smeared.

use crate::energy_grid::{EnergyGrid, GridPlace};
use crate::material::{Element, Material};
use crate::random::Random;

use super::compton;
use super::pair::{self, Pair, PairSampler};
use super::photoelectric::Photoelectron;

/// Energies that the tables cover, MeV.
const LOW_MEV: f64 = 0.001;
const HIGH_MEV: f64 = 1e6;

/// What can happen to a photon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    Pair,
    Compton,
    Photoelectric,
}

/// A quantity on an interval: value at the lower end and step to the upper end.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    value: f32,
    step: f32,
}

impl Line {
    fn between(low: f64, high: f64) -> Self {
        Self { value: low as f32, step: (high - low) as f32 }
    }

    #[inline]
    fn at(self, way: f64) -> f64 {
        f64::from(self.value) + f64::from(self.step) * way
    }
}

/// All that a lookup needs, aligned to lie in one cache line.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
struct Interval {
    inverse_path_per_mm: Line,
    /// Probability of a pair.
    pair: Line,
    /// Probability of a pair or Compton scattering.
    pair_or_compton: Line,
}

/// An element of a material.
#[derive(Debug, Clone)]
struct Target {
    element: &'static Element,
    sampler: PairSampler,
    /// Probabilities that the target is this element or one before it. Those for pairs and Compton scattering depend
    /// little on energy.
    pair: f64,
    compton: f64,
    /// One for each interval of the grid.
    photoelectric: Vec<f32>,
}

/// Tables of all materials of a calorimeter.
#[derive(Debug, Clone)]
pub(crate) struct PhotonTables {
    grid: EnergyGrid,
    n_intervals: usize,
    /// `[material, interval]`.
    intervals: Vec<Interval>,
    /// `[material][element]`.
    targets: Vec<Vec<Target>>,
}

/// Cross-sections of one process each, summed over the atoms of a volume, 1/mm.
#[derive(Debug, Clone, Copy)]
struct Coefficients {
    pair: f64,
    compton: f64,
    photoelectric: f64,
}

impl Coefficients {
    /// At one end of an interval that starts at `from_mev` and has `middle_mev` in its middle.
    fn at(material: &Material, photon_mev: f64, from_mev: f64, middle_mev: f64) -> Self {
        let sum = |cross_section_mm2: &dyn Fn(&Element) -> f64| -> f64 {
            material.components.iter().map(|c| c.atoms_per_mm3 * cross_section_mm2(c.element)).sum()
        };
        let can_pair = from_mev > pair::THRESHOLD_MEV;
        Self {
            pair: if can_pair { sum(&|e| pair::cross_section_mm2(e.z, photon_mev)) } else { 0.0 },
            compton: sum(&|e| compton::cross_section_mm2(e.z, photon_mev)),
            photoelectric: sum(&|e| {
                e.photoelectric.cross_section_in_mm2(e.photoelectric.segment(middle_mev), photon_mev)
            }),
        }
    }

    fn total(self) -> f64 {
        self.pair + self.compton + self.photoelectric
    }
}

impl PhotonTables {
    /// Tables of these materials, in their order.
    pub(crate) fn new(materials: &[Material]) -> Self {
        let grid = EnergyGrid::covering(LOW_MEV, HIGH_MEV);
        let n_intervals = grid.len() - 1;
        let intervals = materials
            .iter()
            .flat_map(|material| (0..n_intervals).map(move |i| interval(grid, material, i)))
            .collect();
        let targets = materials.iter().map(|material| targets(grid, material)).collect();
        Self { grid, n_intervals, intervals, targets }
    }

    /// Place of an energy in the tables.
    #[inline]
    pub(crate) fn locate(&self, photon_mev: f64) -> GridPlace {
        self.grid.locate(photon_mev)
    }

    /// Inverse of the mean free path at a place in the tables, 1/mm.
    #[inline]
    pub(crate) fn inverse_path_at(&self, material: usize, at: GridPlace) -> f64 {
        self.intervals[material * self.n_intervals + at.interval].inverse_path_per_mm.at(at.way)
    }

    /// What happens at the end of a path.
    #[inline]
    pub(crate) fn choose(&self, material: usize, at: GridPlace, random: &mut Random) -> Process {
        let interval = &self.intervals[material * self.n_intervals + at.interval];
        let draw = random.uniform();
        if draw < interval.pair.at(at.way) {
            Process::Pair
        } else if draw < interval.pair_or_compton.at(at.way) {
            Process::Compton
        } else {
            Process::Photoelectric
        }
    }

    /// Turns a photon above [`pair::THRESHOLD_MEV`] into a pair.
    #[inline]
    pub(crate) fn pair(&self, material: usize, photon_mev: f64, random: &mut Random) -> Pair {
        self.target(material, Process::Pair, 0, random).sampler.sample(photon_mev, random)
    }

    /// Absorbs a photon.
    #[inline]
    pub(crate) fn photoelectron(
        &self,
        material: usize,
        at: GridPlace,
        photon_mev: f64,
        random: &mut Random,
    ) -> Photoelectron {
        let target = self.target(material, Process::Photoelectric, at.interval, random);
        target.element.photoelectric.sample(photon_mev, random)
    }

    #[inline]
    fn target(&self, material: usize, process: Process, interval: usize, random: &mut Random) -> &Target {
        let targets = &self.targets[material];
        let last = targets.len() - 1;
        if last == 0 {
            return &targets[0];
        }
        let draw = random.uniform();
        let up_to = |target: &Target| match process {
            Process::Pair => target.pair,
            Process::Compton => target.compton,
            Process::Photoelectric => f64::from(target.photoelectric[interval]),
        };
        targets[..last].iter().find(|target| draw < up_to(target)).unwrap_or(&targets[last])
    }
}

/// One interval of one material.
fn interval(grid: EnergyGrid, material: &Material, i: usize) -> Interval {
    let (from_mev, to_mev) = (grid.node_mev(i), grid.node_mev(i + 1));
    let middle_mev = 0.5 * (from_mev + to_mev);
    let low = Coefficients::at(material, from_mev, from_mev, middle_mev);
    let high = Coefficients::at(material, to_mev, from_mev, middle_mev);
    let line = |quantity: fn(Coefficients) -> f64| Line::between(quantity(low), quantity(high));
    Interval {
        inverse_path_per_mm: line(Coefficients::total),
        pair: line(|c| c.pair / c.total()),
        pair_or_compton: line(|c| (c.pair + c.compton) / c.total()),
    }
}

/// The elements of a material, with cumulative probabilities.
fn targets(grid: EnergyGrid, material: &Material) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::with_capacity(material.components.len());
    let (mut pair, mut compton) = (0.0, 0.0);
    let mut photoelectric = vec![0.0; grid.len() - 1];
    for component in &material.components {
        let element = component.element;
        pair += component.atoms_per_mm3 * element.z * (element.z + 1.0);
        compton += component.atoms_per_mm3 * element.z;
        for (i, sum) in photoelectric.iter_mut().enumerate() {
            let middle_mev = 0.5 * (grid.node_mev(i) + grid.node_mev(i + 1));
            *sum += component.atoms_per_mm3 * element.photoelectric.cross_section_mm2(middle_mev);
        }
        targets.push(Target {
            element,
            sampler: PairSampler::new(element),
            pair,
            compton,
            photoelectric: photoelectric.iter().map(|&sum| sum as f32).collect(),
        });
    }
    for target in &mut targets {
        target.pair /= pair;
        target.compton /= compton;
        for (share, &sum) in target.photoelectric.iter_mut().zip(&photoelectric) {
            *share /= sum as f32;
        }
    }
    targets
}

#[cfg(test)]
mod tests;
