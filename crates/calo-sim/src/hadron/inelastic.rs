//! Inelastic interactions of pions and nucleons with nuclei.
//!
//! A collision leaves part of its energy in the nucleus, growing with the logarithm of the energy, and makes pions of the
//! rest. A leading particle goes on with a good part; the others share what is left in a chain of equal plateau in
//! rapidity (R. P. Feynman, Phys. Rev. Lett. 23 (1969) 1415), so that the multiplicity grows with the logarithm of the
//! energy and the energy in neutral pions with the number of generations (T. A. Gabriel et al., NIM A 338 (1994) 336).
//! At low energies pions may be absorbed (D. Ashery et al., Phys. Rev. C 23 (1981) 2173).

use super::event::Event;
use super::nucleus::{Nucleus, SEPARATION_MEV, break_up, evaporate, forward, shine};
use super::table::interpolated;
use crate::constants::{CHARGED_PION_MASS_MEV, NEUTRAL_PION_MASS_MEV};
use crate::particle::{Kind, Particle, turned};

/// Energy left in an iron nucleus: this times ln(1 + energy / GeV), on average, MeV.
const NUCLEAR_MEV: f64 = 790.0;
/// Probability that a pion is absorbed, by kinetic energy in MeV.
const ABSORPTION: [(f64, f64); 6] =
    [(50.0, 0.65), (150.0, 0.55), (300.0, 0.4), (600.0, 0.22), (1000.0, 0.12), (3000.0, 0.0)];
/// Energy of a pion below which the chain stops, MeV.
const LAST_PION_MEV: f64 = 420.0;
/// Mean transverse momentum of fast particles, MeV/c, and the momentum at which it is half of that: it rises with the
/// longitudinal momentum (the "seagull" effect) and averages to the 350 MeV/c that is observed.
const FAST_PT_MEV: f64 = 380.0;
const HALF_PT_MEV: f64 = 300.0;
/// Pions take a part z of the energy that is left with density c (1 - z)^(c - 1), c = first + second * ln(energy / GeV),
/// so that c is their number per unit of rapidity: the leading one, and the others.
const LEADING_DENSITY: [f64; 2] = [1.9, 0.45];
const CHAIN_DENSITY: [f64; 2] = [2.4, 0.45];
/// Energy below which a neutron makes a compound nucleus, MeV.
const COMPOUND_MEV: f64 = 20.0;
/// Energy below which a nucleon makes no pions, MeV.
const PION_PRODUCTION_MEV: f64 = 450.0;
/// Part of the interactions of fast pions that are diffractive or quasi-elastic (K. Goulianos, Phys. Rep. 101 (1983) 169),
/// above which energy, and how much is lost in them: at least, and at most as a part of the energy.
const DIFFRACTIVE_SHARE: f64 = 0.06;
const DIFFRACTIVE_MEV: f64 = 3000.0;
const DIFFRACTIVE_LOSS_MEV: f64 = 150.0;
const DIFFRACTIVE_PART: f64 = 0.2;
/// Shares of neutral pions among those of the chain, and in the leading particle of a charged pion.
const NEUTRAL_SHARE: f64 = 0.29;
const LEADING_NEUTRAL: f64 = 0.2;
const LEADING_KEEPS_CHARGE: f64 = 0.60;

/// `projectile` interacts with `nucleus` and ends. Its secondaries are put on the stack.
pub(super) fn interact(event: &mut Event<'_>, projectile: &Particle, nucleus: Nucleus) {
    match projectile.kind {
        Kind::PionPlus | Kind::PionMinus => pion(event, projectile, nucleus),
        Kind::Neutron if projectile.kinetic_mev < COMPOUND_MEV => compound(event, projectile, nucleus),
        _ => nucleon(event, projectile, nucleus),
    }
}

fn pion(event: &mut Event<'_>, projectile: &Particle, nucleus: Nucleus) {
    let budget_mev = projectile.account_mev();
    let absorbed = !nucleus.is_hydrogen()
        && event.rng.happens(interpolated(&ABSORPTION, projectile.kinetic_mev.max(1.0)));
    if absorbed {
        break_up(event, projectile, nucleus, budget_mev);
        return;
    }
    let t = projectile.kinetic_mev;
    if t > DIFFRACTIVE_MEV && event.rng.happens(DIFFRACTIVE_SHARE) {
        diffractive(event, projectile, nucleus);
        return;
    }
    let most_mev = t;
    let nuclear_mev = nuclear_share(event, nucleus, budget_mev, most_mev);
    let rest_mev = pions(event, projectile, budget_mev - nuclear_mev, Some(projectile.kind));
    break_up(event, projectile, nucleus, nuclear_mev + rest_mev);
}

/// The pion goes on, exciting the nucleus or itself a little: what it loses has density 1 / loss.
fn diffractive(event: &mut Event<'_>, projectile: &Particle, nucleus: Nucleus) {
    let t = projectile.kinetic_mev;
    let [least_mev, most_mev] = [DIFFRACTIVE_LOSS_MEV, DIFFRACTIVE_PART * t];
    let lost_mev = least_mev * (most_mev / least_mev).powf(event.rng.uniform());
    let direction = transverse(event, projectile.direction, projectile.kind, t - lost_mev);
    event.push(projectile, projectile.kind, t - lost_mev, direction);
    let nuclear_mev = nuclear_share(event, nucleus, lost_mev, lost_mev);
    let rest_mev = pions(event, projectile, lost_mev - nuclear_mev, None);
    break_up(event, projectile, nucleus, nuclear_mev + rest_mev);
}

fn nucleon(event: &mut Event<'_>, projectile: &Particle, nucleus: Nucleus) {
    let t = projectile.kinetic_mev;
    if t < PION_PRODUCTION_MEV {
        break_up(event, projectile, nucleus, t);
        return;
    }
    let nuclear_mev = nuclear_share(event, nucleus, t, 0.9 * t);
    let leading_mev = (t - nuclear_mev) * (0.1 + 0.8 * event.rng.uniform());
    let other = if projectile.kind == Kind::Proton { Kind::Neutron } else { Kind::Proton };
    let kind = if event.rng.happens(0.65) { projectile.kind } else { other };
    let direction = transverse(event, projectile.direction, kind, leading_mev);
    event.push(projectile, kind, leading_mev, direction);
    let rest_mev = pions(event, projectile, t - nuclear_mev - leading_mev, None);
    break_up(event, projectile, nucleus, nuclear_mev + rest_mev);
}

/// Energy left in the nucleus, at most `most_mev`.
fn nuclear_share(event: &mut Event<'_>, nucleus: Nucleus, energy_mev: f64, most_mev: f64) -> f64 {
    let mean_mev = NUCLEAR_MEV * nucleus.relative_radius() * (1.0 + 1e-3 * energy_mev).ln();
    // The number of nucleons hit fluctuates, and so does what each takes: a gamma distribution of shape 2.
    let drawn_mev = 0.5 * mean_mev * (event.rng.exponential() + event.rng.exponential());
    if drawn_mev < most_mev { drawn_mev } else { most_mev * event.rng.uniform() }
}

/// Makes pions from `budget_mev`, the first of them a `leading` one; returns the energy left, too little for one more.
fn pions(event: &mut Event<'_>, parent: &Particle, budget_mev: f64, leading: Option<Kind>) -> f64 {
    let mut left_mev = budget_mev;
    let log_energy = (1e-3 * budget_mev).max(1.0).ln();
    let mut first = leading;
    while left_mev > CHARGED_PION_MASS_MEV + 1.0 {
        let [constant, slope] = if first.is_some() { LEADING_DENSITY } else { CHAIN_DENSITY };
        let density = constant + slope * log_energy;
        let kind = match first.take() {
            Some(kind) => leading_pion(event, kind),
            None => chain_pion(event),
        };
        let mass_mev = kind.map_or(NEUTRAL_PION_MASS_MEV, Kind::mass_mev);
        let energy_mev = if left_mev < LAST_PION_MEV {
            left_mev
        } else {
            let part = 1.0 - event.rng.uniform().powf(1.0 / density);
            // At least two pions if there is energy for more than one.
            (part * left_mev).clamp(mass_mev + 10.0, left_mev - CHARGED_PION_MASS_MEV)
        };
        left_mev -= energy_mev;
        match kind {
            Some(kind) => {
                let kinetic_mev = energy_mev - mass_mev;
                let direction = transverse(event, parent.direction, kind, kinetic_mev);
                event.push(parent, kind, kinetic_mev, direction);
            }
            None => neutral_pion(event, parent, energy_mev),
        }
    }
    left_mev
}

/// Charged pions by kind, the neutral one as none.
fn leading_pion(event: &mut Event<'_>, projectile: Kind) -> Option<Kind> {
    let draw = event.rng.uniform();
    let other = if projectile == Kind::PionPlus { Kind::PionMinus } else { Kind::PionPlus };
    match draw {
        draw if draw < LEADING_KEEPS_CHARGE => Some(projectile),
        draw if draw < LEADING_KEEPS_CHARGE + LEADING_NEUTRAL => None,
        _ => Some(other),
    }
}

fn chain_pion(event: &mut Event<'_>) -> Option<Kind> {
    let draw = event.rng.uniform();
    match draw {
        draw if draw < NEUTRAL_SHARE => None,
        draw if draw < 0.5 * (1.0 + NEUTRAL_SHARE) => Some(Kind::PionPlus),
        _ => Some(Kind::PionMinus),
    }
}

/// A transverse momentum with density p exp(-p / p0).
fn transverse_momentum_mev(momentum_mev: f64, event: &mut Event<'_>) -> f64 {
    let mean_mev = FAST_PT_MEV * momentum_mev / (momentum_mev + HALF_PT_MEV);
    0.5 * mean_mev * (event.rng.exponential() + event.rng.exponential())
}

/// Direction around `axis` of a particle with a transverse momentum of p exp(-p / p0).
fn transverse(event: &mut Event<'_>, axis: [f64; 3], kind: Kind, kinetic_mev: f64) -> [f64; 3] {
    let momentum = (kinetic_mev * (kinetic_mev + 2.0 * kind.mass_mev())).sqrt();
    let pt = transverse_momentum_mev(momentum, event);
    if pt >= momentum {
        // Slow in the frame of the collision: anywhere, rather forward.
        return forward(event, axis, 1.0);
    }
    let sin = pt / momentum;
    let azimuth = event.rng.azimuth();
    turned(axis, (1.0 - sin * sin).sqrt(), azimuth)
}

/// A neutral pion decays at once to two photons, isotropic in its rest frame.
fn neutral_pion(event: &mut Event<'_>, parent: &Particle, energy_mev: f64) {
    let energy_mev = energy_mev.max(NEUTRAL_PION_MASS_MEV);
    let beta = (1.0 - (NEUTRAL_PION_MASS_MEV / energy_mev).powi(2)).sqrt();
    let momentum = energy_mev * beta;
    let pt = transverse_momentum_mev(momentum, event);
    let axis = if pt >= momentum {
        forward(event, parent.direction, 1.0)
    } else {
        let sin = pt / momentum;
        let azimuth = event.rng.azimuth();
        turned(parent.direction, (1.0 - sin * sin).sqrt(), azimuth)
    };
    let cos = 2.0 * event.rng.uniform() - 1.0;
    let azimuth = event.rng.azimuth();
    for (cos, azimuth) in [(cos, azimuth), (-cos, azimuth.opposite())] {
        let photon_mev = 0.5 * energy_mev * (1.0 + beta * cos);
        let direction = turned(axis, ((beta + cos) / (1.0 + beta * cos)).clamp(-1.0, 1.0), azimuth);
        event.push(parent, Kind::Photon, photon_mev, direction);
    }
}

/// A slow neutron is captured and evaporated again; the rest of its energy becomes gammas, or evaporates more nucleons.
fn compound(event: &mut Event<'_>, projectile: &Particle, nucleus: Nucleus) {
    let t = projectile.kinetic_mev;
    if nucleus.is_hydrogen() {
        event.push(projectile, Kind::Neutron, t, projectile.direction);
        return;
    }
    let temperature_mev = (t * 8.0 / nucleus.a).sqrt().max(0.2);
    let drawn_mev = temperature_mev * (event.rng.exponential() + event.rng.exponential());
    let out_mev = if drawn_mev < t { drawn_mev } else { t * event.rng.uniform() };
    let direction = event.rng.isotropic();
    event.push(projectile, Kind::Neutron, out_mev, direction);
    let rest_mev = t - out_mev;
    if rest_mev > SEPARATION_MEV + 1.0 {
        evaporate(event, projectile, nucleus, rest_mev);
    } else {
        shine(event, projectile, rest_mev);
    }
}
