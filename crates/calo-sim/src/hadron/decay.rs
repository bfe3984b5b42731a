//! Pions and muons that decay, in flight or at rest, or are captured by a nucleus (PDG 2022).

use super::event::Event;
use super::nucleus::{Nucleus, break_up, evaporate};
use crate::constants::{CHARGED_PION_MASS_MEV, ELECTRON_MASS_MEV, MUON_MASS_MEV};
use crate::particle::{Kind, Particle, turned};

/// Lifetimes times the speed of light, mm.
pub(super) const PION_CTAU_MM: f64 = 7804.5;
pub(super) const MUON_CTAU_MM: f64 = 658_638.0;
/// Fraction of the negative muons that a nucleus captures before they decay: 1 - tau / (2197 ns) with the lifetimes of
/// T. Suzuki et al., Phys. Rev. C 35 (1987) 2212: 206 ns in iron, 2026 ns in carbon; between them as Z^4.
const MUON_CAPTURE_IRON: f64 = 0.906;
/// Mean excitation of a nucleus that captured a muon, MeV: the neutrino takes the rest (D. F. Measday, Phys. Rep. 354
/// (2001) 243).
const MUON_EXCITATION_MEV: f64 = 17.0;

/// A particle at rest that is not stable.
pub(super) fn at_rest(event: &mut Event<'_>, particle: &Particle, nucleus: Nucleus) {
    let mut rest = *particle;
    rest.kinetic_mev = 0.0;
    rest.direction = event.rng.isotropic();
    match particle.kind {
        Kind::PionPlus => pion(event, &rest),
        Kind::PionMinus => break_up(event, &rest, nucleus, CHARGED_PION_MASS_MEV),
        Kind::MuonPlus => muon(event, &rest),
        Kind::MuonMinus => {
            let odds = MUON_CAPTURE_IRON / (1.0 - MUON_CAPTURE_IRON) * (nucleus.z / 26.0).powi(4);
            if event.rng.happens(odds / (1.0 + odds)) {
                capture(event, &rest, nucleus);
            } else {
                muon(event, &rest);
            }
        }
        _ => {}
    }
}

/// A negative muon turns a proton into a neutron; the neutrino takes most of the energy.
fn capture(event: &mut Event<'_>, muon: &Particle, nucleus: Nucleus) {
    let excitation_mev =
        if nucleus.is_hydrogen() { 5.0 } else { MUON_EXCITATION_MEV * event.rng.exponential() };
    let excitation_mev = excitation_mev.min(MUON_MASS_MEV);
    event.invisible(MUON_MASS_MEV - excitation_mev);
    evaporate(event, muon, nucleus, excitation_mev);
}

/// A pion decays to a muon and a neutrino, isotropic in its rest frame.
pub(super) fn pion(event: &mut Event<'_>, pion: &Particle) {
    let energy = pion.account_mev();
    let gamma = energy / CHARGED_PION_MASS_MEV;
    let beta = (1.0 - 1.0 / (gamma * gamma)).max(0.0).sqrt();
    let ratio2 = (MUON_MASS_MEV / CHARGED_PION_MASS_MEV).powi(2);
    let (energy_cm, momentum_cm) =
        (0.5 * CHARGED_PION_MASS_MEV * (1.0 + ratio2), 0.5 * CHARGED_PION_MASS_MEV * (1.0 - ratio2));
    let cos_cm = 2.0 * event.rng.uniform() - 1.0;
    let muon_energy = gamma * (energy_cm + beta * momentum_cm * cos_cm);
    let along = gamma * (momentum_cm * cos_cm + beta * energy_cm);
    let kinetic_mev = (muon_energy - MUON_MASS_MEV).max(0.0);
    let momentum = (kinetic_mev * (kinetic_mev + 2.0 * MUON_MASS_MEV)).sqrt();
    let azimuth = event.rng.azimuth();
    let cos = if momentum > 0.0 { (along / momentum).clamp(-1.0, 1.0) } else { 1.0 };
    let kind = if pion.kind == Kind::PionPlus { Kind::MuonPlus } else { Kind::MuonMinus };
    event.push(pion, kind, kinetic_mev, turned(pion.direction, cos, azimuth));
    event.invisible(energy - kind.account_mev(kinetic_mev));
}

/// A muon decays to an electron with Michel's spectrum x^2 (3 - 2 x), x = 2 E / m, and two neutrinos.
pub(super) fn muon(event: &mut Event<'_>, muon: &Particle) {
    let energy = muon.account_mev();
    let x = loop {
        let x = event.rng.uniform();
        if event.rng.happens(x * x * (3.0 - 2.0 * x)) {
            break x;
        }
    };
    let energy_cm = 0.5 * MUON_MASS_MEV * x;
    let gamma = energy / MUON_MASS_MEV;
    let beta = (1.0 - 1.0 / (gamma * gamma)).max(0.0).sqrt();
    let cos_cm = 2.0 * event.rng.uniform() - 1.0;
    // The electron's mass is negligible compared with its momentum.
    let kinetic_mev = (gamma * energy_cm * (1.0 + beta * cos_cm) - ELECTRON_MASS_MEV).max(0.0);
    let cos = ((cos_cm + beta) / (1.0 + beta * cos_cm)).clamp(-1.0, 1.0);
    let azimuth = event.rng.azimuth();
    let kind = if muon.kind == Kind::MuonPlus { Kind::Positron } else { Kind::Electron };
    event.push(muon, kind, kinetic_mev, turned(muon.direction, cos, azimuth));
    event.invisible(energy - kind.account_mev(kinetic_mev));
}
