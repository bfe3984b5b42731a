//! Break-up of a nucleus: nucleons of the cascade, evaporation, de-excitation.
//!
//! Parametrised after the models of H. W. Bertini, Phys. Rev. 188 (1969) 1711 (cascade) and V. Weisskopf, Phys. Rev. 52
//! (1937) 295 (evaporation). Emitted nucleons share the energy in a chain, each taking a part z of what is left with
//! density 2 (1 - z): their number grows with the logarithm of the energy.

use super::event::Event;
use crate::material::Element;
use crate::particle::{Kind, Particle, turned};

/// Energy that it takes to remove a nucleon (mean over the stable nuclei), MeV.
pub(super) const SEPARATION_MEV: f64 = 8.5;
/// And an alpha particle.
const ALPHA_SEPARATION_MEV: f64 = 7.0;
/// Mass number per MeV of level density, MeV: temperature^2 = excitation / (A / this).
const LEVEL_DENSITY_MEV: f64 = 8.0;
/// Excitation at which the cascade hands over to evaporation: minimum, and mean of the addition to it, in iron, MeV.
const LEAST_EXCITATION_MEV: f64 = 15.0;
const MEAN_EXCITATION_MEV: f64 = 45.0;
/// Energy below which the rest of a nucleus emits only gammas, in units of the separation energy.
const GAMMA_MEV: f64 = SEPARATION_MEV;
/// Forwardness of cascade nucleons: dN/dcos ~ exp(k cos), k = this + kinetic energy / [`FORWARD_MEV`].
const FORWARD_LEAST: f64 = 0.8;
const FORWARD_MEV: f64 = 150.0;

/// A nucleus that is breaking up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nucleus {
    pub(super) a: f64,
    pub(super) z: f64,
}

impl Nucleus {
    pub(super) fn of(element: &Element) -> Self {
        Self { a: element.a_g_mol.round(), z: element.z }
    }

    pub(super) fn is_hydrogen(self) -> bool {
        self.a < 1.5
    }

    /// Radius relative to that of iron.
    pub(super) fn relative_radius(self) -> f64 {
        (self.a * (1.0 / 56.0)).cbrt()
    }
}

/// Direction around `axis` with density exp(k cos).
#[inline]
pub(super) fn forward(event: &mut Event<'_>, axis: [f64; 3], k: f64) -> [f64; 3] {
    let u = event.rng.uniform();
    let cos = if k > 1e-3 { 1.0 + (u + (1.0 - u) * (-2.0 * k).exp()).ln() / k } else { 2.0 * u - 1.0 };
    let azimuth = event.rng.azimuth();
    turned(axis, cos.clamp(-1.0, 1.0), azimuth)
}

/// Distributes `energy_mev` that a collision left in `nucleus`: fast nucleons, then evaporation. All of it is accounted.
pub(super) fn break_up(event: &mut Event<'_>, parent: &Particle, nucleus: Nucleus, energy_mev: f64) {
    if nucleus.is_hydrogen() {
        let direction = forward(event, parent.direction, FORWARD_LEAST + energy_mev / FORWARD_MEV);
        event.push(parent, Kind::Proton, energy_mev, direction);
        return;
    }
    let (left, excitation_mev) = cascade(event, parent, nucleus, energy_mev);
    evaporate(event, parent, left, excitation_mev);
}

/// Knocks nucleons out; returns the remaining nucleus and its excitation.
fn cascade(event: &mut Event<'_>, parent: &Particle, nucleus: Nucleus, energy_mev: f64) -> (Nucleus, f64) {
    let mut left = nucleus;
    let mut rest_mev = energy_mev;
    let scale = (nucleus.a / 56.0).min(2.0);
    let stop_mev = scale * (LEAST_EXCITATION_MEV + MEAN_EXCITATION_MEV * event.rng.exponential());
    while rest_mev > stop_mev + SEPARATION_MEV && left.a > 0.3 * nucleus.a {
        let mut part = 1.0 - event.rng.uniform().sqrt();
        // A light nucleus runs out of nucleons: the last one takes the excess.
        if left.a - 1.0 <= 0.3 * nucleus.a {
            part = part.max(1.0 - stop_mev / rest_mev);
        }
        let kinetic_mev = part * (rest_mev - SEPARATION_MEV);
        emit(event, parent, &mut left, kinetic_mev, FORWARD_LEAST + kinetic_mev / FORWARD_MEV);
        rest_mev -= kinetic_mev + SEPARATION_MEV;
    }
    (left, rest_mev)
}

/// Emits a proton or neutron by their shares in the nucleus.
fn emit(event: &mut Event<'_>, parent: &Particle, left: &mut Nucleus, kinetic_mev: f64, forwardness: f64) {
    let proton = event.rng.happens(left.z / left.a);
    let kind = if proton { Kind::Proton } else { Kind::Neutron };
    let direction = forward(event, parent.direction, forwardness);
    event.push(parent, kind, kinetic_mev, direction);
    event.invisible(SEPARATION_MEV);
    left.a -= 1.0;
    left.z -= if proton { 1.0 } else { 0.0 };
}

/// Evaporates nucleons and alpha particles and turns the rest into gammas.
pub(super) fn evaporate(event: &mut Event<'_>, parent: &Particle, nucleus: Nucleus, excitation_mev: f64) {
    let mut left = nucleus;
    let mut rest_mev = excitation_mev;
    while rest_mev > SEPARATION_MEV && left.a > 4.0 {
        let temperature_mev = (rest_mev * LEVEL_DENSITY_MEV / left.a).sqrt();
        let thermal_mev = temperature_mev * (event.rng.exponential() + event.rng.exponential());
        // Coulomb barriers of slow protons and alpha particles, lowered by tunnelling.
        let barrier_mev = 0.7 * left.z / left.a.cbrt();
        let draw = event.rng.uniform();
        let neutrons = (1.0 - left.z / left.a) * 1.15;
        let protons = (1.0 - neutrons) * (-(barrier_mev / (2.0 * temperature_mev))).exp().min(1.0) * 1.5;
        let alphas = 0.1;
        let total = neutrons + protons + alphas;
        if draw * total < neutrons + protons {
            let proton = draw * total >= neutrons;
            let kinetic_mev = thermal_mev + if proton { barrier_mev } else { 0.0 };
            if kinetic_mev + SEPARATION_MEV > rest_mev {
                break;
            }
            let direction = event.rng.isotropic();
            event.push(parent, if proton { Kind::Proton } else { Kind::Neutron }, kinetic_mev, direction);
            event.invisible(SEPARATION_MEV);
            rest_mev -= kinetic_mev + SEPARATION_MEV;
            left.a -= 1.0;
            left.z -= if proton { 1.0 } else { 0.0 };
        } else {
            let kinetic_mev = thermal_mev + 2.0 * barrier_mev;
            if kinetic_mev + ALPHA_SEPARATION_MEV > rest_mev {
                break;
            }
            event.deposit_fragment(parent, kinetic_mev);
            event.invisible(ALPHA_SEPARATION_MEV);
            rest_mev -= kinetic_mev + ALPHA_SEPARATION_MEV;
            left.a -= 4.0;
            left.z -= 2.0;
        }
    }
    shine(event, parent, rest_mev);
}

/// Emits `energy_mev` as gammas of a few MeV.
pub(super) fn shine(event: &mut Event<'_>, parent: &Particle, energy_mev: f64) {
    let n = (energy_mev / (0.5 * GAMMA_MEV)).ceil().max(1.0);
    let each_mev = energy_mev / n;
    if each_mev < 0.02 {
        event.deposit_fragment(parent, energy_mev);
        return;
    }
    for _ in 0..n as u32 {
        let direction = event.rng.isotropic();
        event.push(parent, Kind::Photon, each_mev, direction);
    }
}
