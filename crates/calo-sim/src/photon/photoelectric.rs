//! Photoelectric effect: cross-sections by interpolation, shells by their jumps, angles after Sauter.
//!
//! The vacancy's energy stays where it is: no fluorescence, no Auger electrons.

use crate::constants::ELECTRON_MASS_MEV;
use crate::random::Random;

/// Square millimetres in a barn.
const BARN_MM2: f64 = 1e-22;
/// Kinetic energy below which angles do not matter and the formulae lose their digits, MeV.
const SLOW_MEV: f64 = 1e-6;

/// A shell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shell {
    pub(crate) binding_mev: f64,
    /// Its part in the cross-section of all that bind no more strongly: `1 - 1 / jump ratio`.
    pub(crate) share: f64,
}

/// Photoelectric data of an element.
#[derive(Debug)]
pub(crate) struct Atom {
    /// The strongest bound first.
    pub(crate) shells: &'static [Shell],
    /// Energies in MeV and cross-sections in barn, apart between absorption edges.
    pub(crate) segments: &'static [&'static [(f64, f64)]],
}

/// An electron knocked out of its shell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Photoelectron {
    /// Kinetic energy, MeV.
    pub(crate) electron_mev: f64,
    /// Deposited on the spot, MeV: the shell's binding energy.
    pub(crate) local_mev: f64,
}

impl Atom {
    /// Index of the segment between edges that `photon_mev` falls into.
    pub(crate) fn segment(&self, photon_mev: f64) -> usize {
        let starts = self
            .segments
            .iter()
            .skip(1)
            .take_while(|segment| segment.first().is_some_and(|&(start_mev, _)| start_mev <= photon_mev));
        starts.count()
    }

    /// Cross-section, mm2, by the law of a given segment, whether the energy lies in it or not.
    pub(crate) fn cross_section_in_mm2(&self, segment: usize, photon_mev: f64) -> f64 {
        let nodes = self.segments[segment];
        let last = nodes[nodes.len() - 1];
        if segment + 1 == self.segments.len() && photon_mev > last.0 {
            let binding_mev = self.shells.first().map_or(0.0, |shell| shell.binding_mev);
            let shape = sauter_shape(photon_mev, binding_mev) / sauter_shape(last.0, binding_mev);
            return last.1 * BARN_MM2 * shape;
        }
        let above = nodes.partition_point(|node| node.0 <= photon_mev).clamp(1, nodes.len() - 1);
        let (low, high) = (nodes[above - 1], nodes[above]);
        let way = (photon_mev / low.0).ln() / (high.0 / low.0).ln();
        low.1 * (high.1 / low.1).powf(way) * BARN_MM2
    }

    /// Cross-section, mm2.
    pub(crate) fn cross_section_mm2(&self, photon_mev: f64) -> f64 {
        self.cross_section_in_mm2(self.segment(photon_mev), photon_mev)
    }

    /// Absorbs a photon.
    #[inline]
    pub(crate) fn sample(&self, photon_mev: f64, random: &mut Random) -> Photoelectron {
        let hit = |shell: &&Shell| photon_mev > shell.binding_mev && random.happens(shell.share);
        // Electrons of shells that are not listed count as free.
        let local_mev = self.shells.iter().find(hit).map_or(0.0, |shell| shell.binding_mev);
        let electron_mev = photon_mev - local_mev;
        Photoelectron { electron_mev, local_mev }
    }
}

/// Energy dependence of the cross-section of the K shell at high energy (Sauter, Ann. Phys. 11 (1931) 454; Heitler,
/// The Quantum Theory of Radiation, section 21), in any unit. It leads the tables' steep fall over into `1 / E`.
fn sauter_shape(photon_mev: f64, binding_mev: f64) -> f64 {
    let gamma = 1.0 + (photon_mev - binding_mev) / ELECTRON_MASS_MEV;
    let momentum2 = gamma * gamma - 1.0;
    let momentum = momentum2.sqrt();
    // ln((g + p) / (g - p)), without the difference of large numbers.
    let log = 2.0 * (gamma + momentum).ln();
    let bracket = 4.0 / 3.0 + gamma * (gamma - 2.0) / (gamma + 1.0) * (1.0 - log / (2.0 * gamma * momentum));
    momentum2 * momentum * bracket / photon_mev.powi(5)
}

/// Cosine of the photoelectron's angle: Sauter's distribution for the K shell (Sauter 1931), sampled as in Penelope
/// (Salvat, Penelope-2014, section 2.2).
#[inline]
pub(crate) fn sample_cos(electron_mev: f64, random: &mut Random) -> f64 {
    let gamma = 1.0 + electron_mev.max(SLOW_MEV) / ELECTRON_MASS_MEV;
    let beta = (1.0 - 1.0 / (gamma * gamma)).sqrt();
    let a = 1.0 / beta - 1.0;
    let shift = 0.5 * beta * gamma * (gamma - 1.0) * (gamma - 2.0);
    let largest = 2.0 * (1.0 / a + shift);
    loop {
        let uniform = random.uniform();
        let turn =
            2.0 * a / ((a + 2.0).powi(2) - 4.0 * uniform) * (2.0 * uniform + (a + 2.0) * uniform.sqrt());
        if random.uniform() * largest <= (2.0 - turn) * (1.0 / (a + turn) + shift) {
            return 1.0 - turn;
        }
    }
}

#[cfg(test)]
mod tests;
