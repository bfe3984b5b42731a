//! Electrons and positrons: condensed steps with a random hinge.
//!
//! Soft collisions are grouped: a step loses energy continuously and turns once, by the angle of all its collisions, at
//! a point uniform along it (the random hinge of PENELOPE). Hard ones, which make photons and delta electrons above the
//! production thresholds, end a step.

use super::electron_table::{Met, momentum_mev};
use super::{END_MEV, Shower, Tracker, advance, carried_mev, way_to_face_mm};
use crate::electron::{annihilation, bhabha, brems, collision_cos, moller};
use crate::particle::{Kind, Particle, turned};

/// Longest step in transport mean free paths: the mean cosine of one turn is then exp(-0.3) or more.
const MAX_SCATTERING: f64 = 0.3;
/// Longest step as a part of the range.
const MAX_RANGE_PART: f64 = 0.2;
/// Most that the field turns a particle in one step, rad.
const MAX_TURN: f64 = 0.3;
/// Losses above this part of the energy are taken in the middle of the step.
const SMALL_LOSS: f64 = 0.01;
/// Electrons below this end where they are if their range does not take them out of the slab, MeV. The photons they
/// would still have made are neglected.
const LOCAL_MEV: f64 = 1.0;

impl Tracker {
    /// Tracks an electron or positron until it stops, is annihilated or escapes.
    pub(super) fn track_electron(&self, mut electron: Particle, shower: &mut Shower<'_>) {
        let charge = electron.kind.charge();
        let mut left = shower.rng.exponential();
        loop {
            let slab = *self.slab(&electron);
            let material = slab.material as usize;
            let met = self.electrons.met(material, electron.kind, electron.kinetic_mev);
            if ends_here(&electron, slab.from_mm, slab.to_mm, &met) {
                return self.stop(&electron, met.range_mm, shower);
            }
            let turn_per_mm = self.bending.per_mm(charge, momentum_mev(electron.kinetic_mev));
            let to_face_mm = way_to_face_mm(&slab, electron.position_mm[1], electron.direction[1]);
            let soft_mm = (MAX_SCATTERING / met.scattering.inverse_transport_mm)
                .min(MAX_RANGE_PART * met.range_mm)
                .min(MAX_TURN / turn_per_mm.abs());
            // Nothing discrete ahead is a division by zero, and infinitely far.
            let discrete_mm = left / met.discrete_per_mm;
            let step_mm = soft_mm.min(discrete_mm).min(to_face_mm);

            let before_mm = shower.rng.uniform() * step_mm;
            advance(&mut electron, before_mm);
            let hinge_mm = electron.position_mm;
            electron.direction = self.bending.turned(electron.direction, turn_per_mm * step_mm);
            let mu = self.deflections.sample(&met.scattering, step_mm, shower.rng);
            electron.direction = turned(electron.direction, 1.0 - 2.0 * mu, shower.rng.azimuth());
            let rest_mm = step_mm - before_mm;
            let to_face_mm = way_to_face_mm(&slab, electron.position_mm[1], electron.direction[1]);
            // A step that was to end at the face does so, unless the turn has put it far away.
            let reach_mm = if step_mm < soft_mm.min(discrete_mm) { 2.0 * rest_mm + 1e-9 } else { rest_mm };
            let crosses = to_face_mm <= reach_mm;
            let after_mm = if crosses { to_face_mm } else { rest_mm };
            advance(&mut electron, after_mm);
            let path_mm = before_mm + after_mm;

            let mut loss_mev = met.loss_mev_per_mm * path_mm;
            if loss_mev > SMALL_LOSS * electron.kinetic_mev {
                let middle_mev = electron.kinetic_mev - 0.5 * loss_mev;
                loss_mev = self.electrons.met(material, electron.kind, middle_mev).loss_mev_per_mm * path_mm;
            }
            // What passive layers lose need not fluctuate: it is not seen, and the rest of the shower hardly depends on it.
            if slab.layer.is_some() {
                let prepared = &self.electrons.materials[material];
                let most_mev = if charge > 0.0 { electron.kinetic_mev } else { 0.5 * electron.kinetic_mev };
                loss_mev = prepared.straggling.sample_mev(loss_mev, most_mev, shower.rng);
            }
            let loss_mev = loss_mev.min(electron.kinetic_mev);
            electron.kinetic_mev -= loss_mev;
            shower.tally.deposit(slab.layer, hinge_mm, loss_mev, path_mm);

            if !self.inside(&electron) || crosses && !self.cross(&mut electron) {
                shower.tally.balance.escaped_mev += carried_mev(&electron);
                return;
            }
            left -= met.discrete_per_mm * path_mm;
            if left <= 1e-9 {
                if !crosses && self.collide(&mut electron, &met, shower) {
                    return;
                }
                left = shower.rng.exponential();
            }
        }
    }

    /// One discrete interaction; true if the particle is gone.
    fn collide(&self, electron: &mut Particle, met: &Met, shower: &mut Shower<'_>) -> bool {
        let material = self.slab(electron).material as usize;
        let prepared = &self.electrons.materials[material];
        let kinetic_mev = electron.kinetic_mev;
        let choice = shower.rng.uniform() * met.discrete_per_mm;
        if choice < met.brems {
            if kinetic_mev > prepared.photon_cut_mev {
                let photon_mev = prepared.brems.sample_mev(kinetic_mev, shower.rng).min(kinetic_mev);
                let cos = brems::emission_cos(kinetic_mev, shower.rng);
                let direction = turned(electron.direction, cos, shower.rng.azimuth());
                shower.stack.push(electron.child(Kind::Photon, photon_mev, direction));
                electron.kinetic_mev -= photon_mev;
            }
        } else if choice < met.brems + met.delta {
            let cut_mev = prepared.electron_cut_mev;
            let delta_mev = if electron.kind == Kind::Positron {
                if kinetic_mev <= cut_mev {
                    return false;
                }
                bhabha::sample_transfer_mev(kinetic_mev, cut_mev, shower.rng)
            } else {
                if kinetic_mev <= 2.0 * cut_mev {
                    return false;
                }
                moller::sample_transfer_mev(kinetic_mev, cut_mev, shower.rng)
            };
            let azimuth = shower.rng.azimuth();
            let opposite = (-azimuth.0, -azimuth.1);
            let direction = turned(electron.direction, collision_cos(kinetic_mev, delta_mev), opposite);
            self.push(&electron.child(Kind::Electron, delta_mev, direction), shower);
            electron.kinetic_mev -= delta_mev;
            let cos = collision_cos(kinetic_mev, electron.kinetic_mev);
            electron.direction = turned(electron.direction, cos, azimuth);
        } else if electron.kind == Kind::Positron {
            let photons = annihilation::sample_in_flight(kinetic_mev, shower.rng);
            let azimuth = shower.rng.azimuth();
            let opposite = (-azimuth.0, -azimuth.1);
            for ((photon_mev, cos), azimuth) in photons.energies_mev.into_iter().zip(photons.cosines).zip([azimuth, opposite]) {
                let direction = turned(electron.direction, cos, azimuth);
                shower.stack.push(electron.child(Kind::Photon, photon_mev, direction));
            }
            return true;
        }
        false
    }

    /// Hands an electron or positron to the stack, or ends it at once where it would not get far.
    #[inline]
    pub(super) fn push(&self, electron: &Particle, shower: &mut Shower<'_>) {
        let slab = self.slab(electron);
        if electron.kinetic_mev < LOCAL_MEV {
            let met = self.electrons.met(slab.material as usize, electron.kind, electron.kinetic_mev);
            if ends_here(electron, slab.from_mm, slab.to_mm, &met) {
                return self.stop(electron, met.range_mm, shower);
            }
        }
        shower.stack.push(*electron);
    }

    /// The end: what energy is left goes into the slab, and a positron finds its electron.
    fn stop(&self, electron: &Particle, range_mm: f64, shower: &mut Shower<'_>) {
        let layer = self.slab(electron).layer;
        shower.tally.deposit(layer, electron.position_mm, electron.kinetic_mev, range_mm);
        if electron.kind == Kind::Positron {
            self.annihilate_at_rest(electron, shower);
        }
    }
}

/// Whether a particle ends in its slab: too slow to be tracked, or stopped before either face.
#[inline]
fn ends_here(electron: &Particle, from_mm: f64, to_mm: f64, met: &Met) -> bool {
    let depth_mm = electron.position_mm[1];
    let clearance_mm = (depth_mm - from_mm).min(to_mm - depth_mm);
    electron.kinetic_mev <= END_MEV || electron.kinetic_mev < LOCAL_MEV && met.range_mm < clearance_mm
}
