//! Annihilation of positrons into two photons, in flight and at rest.
//!
//! Heitler, The Quantum Theory of Radiation (1954), section 27; the sampling as in the Geant4 Physics Reference
//! Manual, "Positron-electron annihilation". Electrons count as free and at rest.

use crate::constants::{ELECTRON_MASS_MEV, ELECTRON_RADIUS_MM};
use crate::random::Random;

/// Below this a positron counts as at rest in the formulae, MeV.
const LOWEST_MEV: f64 = 1e-6;

/// Two photons, their momenta in one plane with the positron's, on either side of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PhotonPair {
    pub(crate) energies_mev: [f64; 2],
    /// Cosines of the angles to the positron's direction. The second photon's azimuth is opposite to the first's.
    pub(crate) cosines: [f64; 2],
}

/// Cross section per electron, mm2.
pub(crate) fn cross_section_mm2(kinetic_mev: f64) -> f64 {
    let tau = kinetic_mev.max(LOWEST_MEV) / ELECTRON_MASS_MEV;
    let gamma = tau + 1.0;
    let momentum2 = tau * (tau + 2.0);
    let momentum = momentum2.sqrt();
    let shape =
        (gamma * (gamma + 4.0) + 1.0) / momentum2 * (tau + momentum).ln_1p() - (gamma + 3.0) / momentum;
    std::f64::consts::PI * ELECTRON_RADIUS_MM * ELECTRON_RADIUS_MM / (gamma + 1.0) * shape
}

/// Photons of an annihilation in flight.
#[inline]
pub(crate) fn sample_in_flight(kinetic_mev: f64, random: &mut Random) -> PhotonPair {
    let tau = kinetic_mev.max(LOWEST_MEV) / ELECTRON_MASS_MEV;
    let gamma = tau + 1.0;
    let root = (tau / (tau + 2.0)).sqrt();
    // (1 - root) / 2 without loss of digits at high energy.
    let low = 1.0 / ((tau + 2.0) * (1.0 + root));
    let high = 0.5 * (1.0 + root);
    let log_ratio = (high / low).ln();
    let scale = 1.0 / ((gamma + 1.0) * (gamma + 1.0));
    let part = loop {
        let part = low * (log_ratio * random.uniform()).exp();
        if random.uniform() < 1.0 - part + (2.0 * gamma - 1.0 / part) * scale {
            break part;
        }
    };
    let total_mev = kinetic_mev + 2.0 * ELECTRON_MASS_MEV;
    let momentum = (tau * (tau + 2.0)).sqrt();
    let cos = |part: f64| ((part * (gamma + 1.0) - 1.0) / (part * momentum)).clamp(-1.0, 1.0);
    let first_mev = part * total_mev;
    PhotonPair { energies_mev: [first_mev, total_mev - first_mev], cosines: [cos(part), cos(1.0 - part)] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CHI2_LIMIT, chi2_per_bin, random};

    #[test]
    fn photons_carry_energy_and_momentum() {
        let mut random = random(31);
        for kinetic_mev in [1e-3, 0.1, 1.0, 50.0, 1e4] {
            let momentum = (kinetic_mev * (kinetic_mev + 2.0 * ELECTRON_MASS_MEV)).sqrt();
            for _ in 0..2000 {
                let PhotonPair { energies_mev: [k1, k2], cosines: [c1, c2] } =
                    sample_in_flight(kinetic_mev, &mut random);
                let total = kinetic_mev + 2.0 * ELECTRON_MASS_MEV;
                assert!(k1 > 0.0 && k2 > 0.0 && ((k1 + k2) / total - 1.0).abs() < 1e-14);
                assert!((k1 * c1 + k2 * c2 - momentum).abs() < 1e-9 * total, "{kinetic_mev}");
                let across = k1 * (1.0 - c1 * c1).sqrt() - k2 * (1.0 - c2 * c2).sqrt();
                assert!(across.abs() < 1e-5 * total, "{kinetic_mev}: {across}");
            }
        }
    }

    #[test]
    fn slow_positrons_give_photons_of_the_electron_mass() {
        let pair = sample_in_flight(1e-8, &mut random(30));
        for energy_mev in pair.energies_mev {
            assert!((energy_mev / ELECTRON_MASS_MEV - 1.0).abs() < 0.001, "{energy_mev}");
        }
    }

    #[test]
    fn shares_follow_the_cross_section() {
        for (kinetic_mev, seed) in [(0.2, 32), (2.0, 33), (100.0, 34)] {
            let mut random = random(seed);
            let gamma = kinetic_mev / ELECTRON_MASS_MEV + 1.0;
            let root = ((gamma - 1.0) / (gamma + 1.0)).sqrt();
            let total = kinetic_mev + 2.0 * ELECTRON_MASS_MEV;
            let samples: Vec<f64> = (0..100_000)
                .map(|_| sample_in_flight(kinetic_mev, &mut random).energies_mev[0] / total)
                .collect();
            let chi2 = chi2_per_bin(&samples, 0.5 * (1.0 - root), 0.5 * (1.0 + root), |e| {
                let g1 = (gamma + 1.0).powi(2);
                (1.0 + 2.0 * gamma / g1 - e - 1.0 / (g1 * e)) / e
            });
            assert!(chi2 < CHI2_LIMIT, "{kinetic_mev}: {chi2}");
        }
    }

    /// Limits of Heitler's formula: pi r^2 / beta for slow positrons, pi r^2 (ln 2 gamma - 1) / gamma for fast ones.
    #[test]
    fn cross_section_has_its_limits() {
        let area = std::f64::consts::PI * ELECTRON_RADIUS_MM.powi(2);
        let beta = 0.005_f64;
        let slow = cross_section_mm2(0.5 * ELECTRON_MASS_MEV * beta * beta) * beta / area;
        assert!((slow - 1.0).abs() < 1e-3, "{slow}");
        let gamma = 1e5;
        let fast = cross_section_mm2(gamma * ELECTRON_MASS_MEV) * gamma / area / ((2.0 * gamma).ln() - 1.0);
        assert!((fast - 1.0).abs() < 1e-3, "{fast}");
    }
}
