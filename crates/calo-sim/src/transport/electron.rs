//! Electrons and positrons: condensed steps with a random hinge.
//!
//! Soft collisions are grouped: a step loses energy continuously and turns once, by the angle of all its collisions, at
//! a point uniform along it (the random hinge of PENELOPE). Hard ones, which make photons and delta electrons above the
//! production thresholds, end a step.

use super::electron_table::Met;
use super::{END_MEV, Shower, Transport};
use crate::electron::{annihilation, bhabha, brems, collision_cos, moller};
use crate::geometry::Slab;
use crate::particle::{Kind, Particle, turned};
use crate::random::{Azimuth, Random, uniform_of};

/// Longest step as a part of the distance to the nearer face.
const MAX_CLEARANCE_PART: f64 = 0.4;
/// Most that the field turns a particle in one step through a void, rad.
const VOID_TURN: f64 = 0.3;
/// Longest step through a void, mm: along the slab nothing else ends it.
const LONGEST_VOID_MM: f64 = 1000.0;
/// Electrons below this end where they are if they will not get out of their slab, MeV.
const LOCAL_MEV: f64 = 5.0;

impl Transport {
    /// Tracks an electron or positron until it stops, is annihilated or escapes.
    pub(super) fn track_electron(&self, mut electron: Particle, shower: &mut Shower<'_>) {
        let is_positron = electron.kind == Kind::Positron;
        let mut left = shower.rng.exponential();
        loop {
            let slab = *self.geometry.slab(&electron);
            let material = slab.material as usize;
            let met = self.electrons.met(material, electron.kind, electron.kinetic_mev);
            let clearance_mm = slab.clearance_mm(electron.position_mm[1]);
            if ends_here(electron.kinetic_mev, clearance_mm, met) {
                return self.end_here(electron, met, shower);
            }
            if slab.is_void {
                if !self.cross_void(&mut electron, &slab, met, shower) {
                    return;
                }
                continue;
            }
            let free_mm = lesser(MAX_CLEARANCE_PART * clearance_mm, f64::from(met.far_step_mm));
            let near_mm = f64::from(met.near_step_mm);
            let soft_mm = if free_mm > near_mm { free_mm } else { near_mm };
            let discrete_per_mm = f64::from(met.discrete_per_mm);
            let inner_mm = if discrete_per_mm * soft_mm > left { left / discrete_per_mm } else { soft_mm };
            let to_face_mm = slab.way_to_face_mm(&electron);
            let step_mm = lesser(inner_mm, to_face_mm);

            let (hinge, azimuth) = shower.rng.bits_pair();
            let before_mm = uniform_of(hinge) * step_mm;
            electron.advance(before_mm);
            let hinge_mm = electron.position_mm;
            if met.turn_per_mm != 0.0 {
                electron.direction = self
                    .geometry
                    .magnetic_field
                    .turned(electron.direction, f64::from(met.turn_per_mm) * step_mm);
            }
            let mu = self.deflections.sample(&met.law, step_mm, shower.rng);
            electron.direction = turned(electron.direction, 1.0 - 2.0 * mu, Azimuth::of(azimuth));
            let rest_mm = step_mm - before_mm;
            let to_face_mm = slab.way_to_face_mm(&electron);
            // A step that was to end at the face does so, unless the turn has put it far away.
            let reach_mm = if step_mm < inner_mm { 2.0 * rest_mm + 1e-9 } else { rest_mm };
            let crosses = to_face_mm <= reach_mm;
            let after_mm = if crosses { to_face_mm } else { rest_mm };
            electron.advance(after_mm);
            let path_mm = before_mm + after_mm;

            let mut loss_mev = met.mean_loss_mev(path_mm);
            // What passive layers lose need not fluctuate: it is not seen, and the rest of the shower hardly depends on it.
            if slab.layer.is_some() {
                let straggling = &self.electrons.materials[material].straggling;
                let most_mev = if is_positron { electron.kinetic_mev } else { 0.5 * electron.kinetic_mev };
                loss_mev = straggling.sample_mev(loss_mev, most_mev, shower.rng);
            }
            let loss_mev = lesser(loss_mev, electron.kinetic_mev);
            electron.kinetic_mev -= loss_mev;
            shower.tally.deposit(slab.layer, hinge_mm, loss_mev, path_mm);

            if crosses && !self.geometry.cross(&mut electron) || !self.geometry.inside(&electron) {
                shower.tally.balance.escaped_mev += electron.account_mev();
                return;
            }
            left -= discrete_per_mm * path_mm;
            if left <= 1e-9 {
                if !crosses && self.collide(&mut electron, met, shower) {
                    return;
                }
                left = shower.rng.exponential();
            }
        }
    }

    /// One step through next to nothing: bent by the field, never scattered. False if the particle has escaped.
    fn cross_void(&self, electron: &mut Particle, slab: &Slab, met: &Met, shower: &mut Shower<'_>) -> bool {
        let turn_per_mm = f64::from(met.turn_per_mm);
        let to_face_mm = slab.way_to_face_mm(electron);
        let longest_mm = lesser(VOID_TURN / turn_per_mm.abs(), LONGEST_VOID_MM);
        // The chord of the arc, with half of the turn before it and half behind.
        let arc_mm = lesser(to_face_mm, longest_mm);
        let bends = turn_per_mm != 0.0;
        if bends {
            electron.direction =
                self.geometry.magnetic_field.turned(electron.direction, 0.5 * turn_per_mm * arc_mm);
        }
        let to_face_mm = slab.way_to_face_mm(electron);
        // A step that was to end at the face does so, unless the turn has put it far away.
        let reach_mm = if arc_mm < longest_mm { 2.0 * arc_mm + 1e-9 } else { arc_mm };
        let crosses = to_face_mm <= reach_mm;
        let path_mm = if crosses { to_face_mm } else { arc_mm };
        electron.advance(path_mm);
        if bends {
            electron.direction = self
                .geometry
                .magnetic_field
                .turned(electron.direction, turn_per_mm * (path_mm - 0.5 * arc_mm));
        }
        let loss_mev = lesser(met.mean_loss_mev(path_mm), electron.kinetic_mev);
        electron.kinetic_mev -= loss_mev;
        shower.tally.deposit(None, electron.position_mm, loss_mev, path_mm);
        if crosses && !self.geometry.cross(electron) || !self.geometry.inside(electron) {
            shower.tally.balance.escaped_mev += electron.account_mev();
            return false;
        }
        true
    }

    /// One discrete interaction; true if the particle is gone.
    fn collide(&self, electron: &mut Particle, met: &Met, shower: &mut Shower<'_>) -> bool {
        let material = self.geometry.slab(electron).material as usize;
        let prepared = &self.electrons.materials[material];
        let kinetic_mev = electron.kinetic_mev;
        let choice = shower.rng.uniform() * f64::from(met.discrete_per_mm);
        if choice < f64::from(met.brems_per_mm) {
            if kinetic_mev > prepared.photon_cut_mev {
                let photon_mev = prepared.brems.sample_mev(kinetic_mev, shower.rng).min(kinetic_mev);
                let cos = brems::emission_cos(kinetic_mev, shower.rng);
                let direction = turned(electron.direction, cos, shower.rng.azimuth());
                shower.stack.push(electron.child(Kind::Photon, photon_mev, direction));
                electron.kinetic_mev -= photon_mev;
            }
        } else if choice < f64::from(met.brems_per_mm + met.delta_per_mm) {
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
            self.emit(electron, Kind::Electron, delta_mev, shower, |_| {
                turned(electron.direction, collision_cos(kinetic_mev, delta_mev), azimuth.opposite())
            });
            electron.kinetic_mev -= delta_mev;
            let cos = collision_cos(kinetic_mev, electron.kinetic_mev);
            electron.direction = turned(electron.direction, cos, azimuth);
        } else if electron.kind == Kind::Positron {
            let photons = annihilation::sample_in_flight(kinetic_mev, shower.rng);
            let azimuth = shower.rng.azimuth();
            for ((photon_mev, cos), azimuth) in
                photons.energies_mev.into_iter().zip(photons.cosines).zip([azimuth, azimuth.opposite()])
            {
                let direction = turned(electron.direction, cos, azimuth);
                shower.stack.push(electron.child(Kind::Photon, photon_mev, direction));
            }
            return true;
        }
        false
    }

    /// Hands a new electron or positron to the stack, or ends it at once if it would not leave its slab: then its
    /// direction is not needed.
    #[inline]
    pub(super) fn emit(
        &self,
        parent: &Particle,
        kind: Kind,
        kinetic_mev: f64,
        shower: &mut Shower<'_>,
        direction: impl FnOnce(&mut Random) -> [f64; 3],
    ) {
        let mut electron = parent.child(kind, kinetic_mev, parent.direction);
        if kinetic_mev < LOCAL_MEV {
            let slab = self.geometry.slab(&electron);
            let met = self.electrons.met(slab.material as usize, kind, kinetic_mev);
            if ends_here(kinetic_mev, slab.clearance_mm(electron.position_mm[1]), met) {
                return self.end_here(electron, met, shower);
            }
        }
        electron.direction = direction(shower.rng);
        shower.stack.push(electron);
    }

    /// The rest of the way of a particle that will not leave its slab: what it loses goes into the slab where it is,
    /// and what it emits flies off in any direction, as scattering has made it forget its own.
    fn end_here(&self, mut electron: Particle, met: &Met, shower: &mut Shower<'_>) {
        let slab = self.geometry.slab(&electron);
        let material = slab.material as usize;
        let (mut range_mm, mut ahead) = (f64::from(met.range_mm), f64::from(met.ahead));
        while electron.kinetic_mev > END_MEV {
            // An exponential path is shorter than `ahead` with a probability below `ahead`: most draws end here.
            let u = shower.rng.uniform();
            if u >= ahead {
                break;
            }
            let left = -(-u).ln_1p();
            if left >= ahead {
                break;
            }
            let next = self.electrons.energy_at_next(material, electron.kind, electron.kinetic_mev, left);
            let Some(kinetic_mev) = next else { break };
            let met = self.electrons.met(material, electron.kind, kinetic_mev);
            let lost_mev = electron.kinetic_mev - kinetic_mev;
            shower.tally.deposit(
                slab.layer,
                electron.position_mm,
                lost_mev,
                range_mm - f64::from(met.range_mm),
            );
            electron.kinetic_mev = kinetic_mev;
            electron.direction = shower.rng.isotropic();
            if self.collide(&mut electron, met, shower) {
                return;
            }
            let met = self.electrons.met(material, electron.kind, electron.kinetic_mev);
            (range_mm, ahead) = (f64::from(met.range_mm), f64::from(met.ahead));
        }
        shower.tally.deposit(slab.layer, electron.position_mm, electron.kinetic_mev, range_mm);
        if electron.kind == Kind::Positron {
            self.annihilate_at_rest(&electron, shower);
        }
    }
}

/// Whether a particle ends in its slab: too slow to be tracked, or with both faces out of reach.
#[inline]
fn ends_here(kinetic_mev: f64, clearance_mm: f64, met: &Met) -> bool {
    kinetic_mev <= END_MEV || kinetic_mev < LOCAL_MEV && f64::from(met.reach_mm) < clearance_mm
}

/// The lesser of two numbers: one instruction, where `f64::min` also sees to what is not a number.
#[inline]
fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}
