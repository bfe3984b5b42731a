//! Electrons and positrons: continuous energy loss, emitted photons and knock-on electrons.
//!
//! Interactions above the production thresholds ("cuts") make particles of their own; what stays below is a continuous
//! loss that fluctuates. Each module holds one process: its cross section per unit path, its restricted stopping power
//! where it has one, and a sampler of its final state. Total cross sections need numerical integrals or logarithms:
//! they are meant to be tabulated once per material on an [`EnergyGrid`](crate::energy_grid::EnergyGrid).

pub(crate) mod annihilation;
pub(crate) mod bhabha;
pub(crate) mod brems;
pub(crate) mod cuts;
pub(crate) mod fluctuation;
pub(crate) mod moller;
pub(crate) mod stopping;

use crate::constants::{ELECTRON_MASS_MEV, ELECTRON_RADIUS_MM};

/// 2 pi r_e^2, mm2: the scale of scattering on free electrons.
const TWO_PI_RADIUS2_MM2: f64 = std::f64::consts::TAU * ELECTRON_RADIUS_MM * ELECTRON_RADIUS_MM;

/// How fast an electron or positron is.
struct Velocity {
    /// Lorentz factor.
    gamma: f64,
    /// Its square.
    gamma2: f64,
    /// Square of the velocity, in units of that of light.
    beta2: f64,
}

impl Velocity {
    #[inline]
    fn of(kinetic_mev: f64) -> Self {
        let tau = kinetic_mev / ELECTRON_MASS_MEV;
        let gamma = tau + 1.0;
        let gamma2 = gamma * gamma;
        Self { gamma, gamma2, beta2: tau * (tau + 2.0) / gamma2 }
    }
}

/// Cosine of the angle to the beam at which an electron leaves with `leaving_mev` after a collision of one with
/// `kinetic_mev` and one at rest. It holds for both partners.
#[inline]
pub(crate) fn collision_cos(kinetic_mev: f64, leaving_mev: f64) -> f64 {
    let twice_mass = 2.0 * ELECTRON_MASS_MEV;
    let cos2 = leaving_mev * (kinetic_mev + twice_mass) / (kinetic_mev * (leaving_mev + twice_mass));
    cos2.clamp(0.0, 1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_of_a_collision_share_the_momentum() {
        let momentum = |kinetic: f64| (kinetic * (kinetic + 2.0 * ELECTRON_MASS_MEV)).sqrt();
        for (kinetic, transferred) in [(0.01, 0.002), (1.0, 0.5), (100.0, 0.1), (1e4, 4e3)] {
            let rest = kinetic - transferred;
            let (a, b) = (collision_cos(kinetic, transferred), collision_cos(kinetic, rest));
            let along = momentum(transferred) * a + momentum(rest) * b;
            assert!((along / momentum(kinetic) - 1.0).abs() < 1e-9, "{kinetic} {transferred}");
            let across = momentum(transferred) * (1.0 - a * a).sqrt() - momentum(rest) * (1.0 - b * b).sqrt();
            assert!(across.abs() < 1e-6 * momentum(kinetic), "{kinetic} {transferred}: {across}");
        }
    }
}
