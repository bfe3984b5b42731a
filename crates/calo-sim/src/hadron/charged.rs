//! Steps of charged hadrons and muons: from slab to slab, losing energy, curving in the field and scattering on the
//! way.

use super::decay::{MUON_CTAU_MM, PION_CTAU_MM, at_rest, muon, pion};
use super::event::Event;
use super::inelastic::interact;
use super::{HadronTables, MaterialTables, hadron_index, mass_index};
use crate::particle::{Kind, Particle, turned};

/// Range or energy at which a track ends where it is, mm and MeV. In air the range alone would not end it before the
/// tables do.
const END_RANGE_MM: f64 = 5e-3;
const END_MEV: f64 = 0.01;
/// Longest step: this part of the range, or the length below.
const RANGE_PART: f64 = 0.2;
const LEAST_STEP_MM: f64 = 0.1;
/// Largest angle that the field turns a particle by in a step.
const LARGEST_TURN: f64 = 0.1;

/// One step of a particle in the material of its slab.
struct Step<'a> {
    material: &'a MaterialTables,
    /// Where the tables have the particle's mass.
    mass: usize,
    start_mm: [f64; 3],
    length_mm: f64,
    momentum_mev: f64,
    /// Angle that the field turns the particle by.
    turn_per_mm: f64,
    /// Whether the slab is active.
    active: bool,
}

/// Tracks one charged particle until it stops, interacts, decays or leaves.
pub(super) fn track(tables: &HadronTables, particle: Particle, event: &mut Event<'_>) {
    let mut particle = particle;
    let mass_mev = particle.kind.mass_mev();
    let (mass, hadron) = (mass_index(particle.kind), hadron_index(particle.kind));
    let inverse_ctau = match particle.kind {
        Kind::PionPlus | Kind::PionMinus => 1.0 / PION_CTAU_MM,
        Kind::MuonPlus | Kind::MuonMinus => 1.0 / MUON_CTAU_MM,
        _ => 0.0,
    };
    let mut free_paths = event.rng.exponential();
    if !event.geometry.inside(&particle) {
        event.escape(&particle);
        return;
    }
    loop {
        let slab = event.geometry.slabs[particle.slab as usize];
        let material = &tables.materials[slab.material as usize];
        let stopping = &material.stopping[mass];
        let t = particle.kinetic_mev;
        let range_mm = stopping.range_mm(t);
        let (depth_mm, active) = (particle.position_mm[1], slab.layer.is_some());
        let stays = !active && range_mm < slab.clearance_mm(depth_mm);
        if t < END_MEV || range_mm < END_RANGE_MM || (stays && particle.kind == Kind::Proton) {
            event.deposit(particle.slab, particle.position_mm, t, range_mm);
            end_at_rest(material, &particle, event);
            return;
        }
        let momentum_mev = (t * (t + 2.0 * mass_mev)).sqrt();
        let inelastic = hadron.map_or(0.0, |i| material.inelastic[i].at(t));
        let decay = inverse_ctau * mass_mev / momentum_mev;
        let per_mm = inelastic + decay;
        let boundary_mm = slab.way_to_face_mm(&particle);
        let interaction_mm = free_paths / per_mm.max(1e-30);
        let turn_per_mm = event.geometry.magnetic_field.per_mm(particle.kind.charge(), momentum_mev);
        let most_mm = (RANGE_PART * range_mm).max(LEAST_STEP_MM).min(LARGEST_TURN / turn_per_mm.abs());
        let step_mm = boundary_mm.min(interaction_mm).min(most_mm);
        free_paths -= step_mm * per_mm;

        let start_mm = particle.position_mm;
        let step = Step { material, mass, start_mm, length_mm: step_mm, momentum_mev, turn_per_mm, active };
        advance(&mut particle, &step, event);
        lose(&mut particle, &step, event);
        if !event.geometry.inside(&particle) {
            event.escape(&particle);
            return;
        }
        if particle.kinetic_mev <= 0.0 {
            end_at_rest(material, &particle, event);
            return;
        }
        if step_mm >= boundary_mm {
            if !event.geometry.cross(&mut particle) {
                event.escape(&particle);
                return;
            }
        } else {
            // The field moves the end of a step only a little; it stays in its slab.
            particle.position_mm[1] = particle.position_mm[1].clamp(slab.from_mm, slab.to_mm);
            if step_mm >= interaction_mm {
                match hadron {
                    Some(i) if !event.rng.happens(decay / per_mm) => {
                        let nucleus = material.struck(i, particle.kinetic_mev, event.rng);
                        interact(event, &particle, nucleus);
                    }
                    Some(_) => pion(event, &particle),
                    None => muon(event, &particle),
                }
                return;
            }
        }
    }
}

fn end_at_rest(material: &MaterialTables, particle: &Particle, event: &mut Event<'_>) {
    if particle.kind != Kind::Proton {
        let nucleus = material.capturing(event.rng);
        at_rest(event, particle, nucleus);
    }
}

/// Moves along the step: bent by the field, and scattered with Highland's width (PDG 2022, eq. 34.16).
#[inline]
fn advance(particle: &mut Particle, step: &Step<'_>, event: &mut Event<'_>) {
    let Step { material, length_mm: step_mm, momentum_mev, turn_per_mm, .. } = *step;
    // The chord of the arc, with half of the turn before it and half behind.
    let half = 0.5 * step_mm * turn_per_mm;
    particle.direction = event.geometry.magnetic_field.turned(particle.direction, half);
    particle.advance(step_mm);
    let end = event.geometry.magnetic_field.turned(particle.direction, half);
    let thickness = step_mm / material.radiation_length_mm;
    let mass_mev = particle.kind.mass_mev();
    let energy_mev = particle.kinetic_mev + mass_mev;
    let beta_p_mev = momentum_mev * momentum_mev / energy_mev;
    // Below a thousandth of a radiation length Highland's logarithm is outside its validity.
    let theta0 = 13.6 / beta_p_mev * thickness.sqrt() * (1.0 + 0.038 * thickness.max(1e-3).ln());
    // The space angle squared is exponential with mean 2 theta0^2; 1 - cos = theta^2 / 2.
    let one_minus_cos = theta0 * theta0 * event.rng.exponential();
    let azimuth = event.rng.azimuth();
    particle.direction = turned(end, (1.0 - one_minus_cos).max(-1.0), azimuth);
    // On average the particle is off its line by half the angle times the path.
    let off_mm = 0.5 * step_mm;
    for axis in [0, 2] {
        particle.position_mm[axis] += off_mm * (particle.direction[axis] - end[axis]);
    }
}

/// Takes the energy of a step: mean loss with its fluctuations, deposited half-way, and delta rays.
#[inline]
fn lose(particle: &mut Particle, step: &Step<'_>, event: &mut Event<'_>) {
    let Step { material, mass, start_mm, length_mm: step_mm, active, .. } = *step;
    if step_mm <= 0.0 {
        return;
    }
    let stopping = &material.stopping[mass];
    let t = particle.kinetic_mev;
    let mean_mev = stopping.mean_loss_mev(t, step_mm);
    // Fluctuations of what passive slabs take cannot be seen.
    let mut loss_mev = if active && mean_mev < t {
        stopping.loss_mev(t, step_mm, mean_mev, event.rng)
    } else {
        mean_mev.min(t)
    };
    let end_mm = particle.position_mm;
    let on_the_way =
        |part: f64| [0, 1, 2].map(|axis| start_mm[axis] + part * (end_mm[axis] - start_mm[axis]));
    let n_deltas = event.rng.poisson(stopping.deltas_per_mm(t) * step_mm) as u32;
    for _ in 0..n_deltas {
        let Some(delta_mev) = stopping.delta_mev(t, event.rng) else { break };
        if delta_mev + loss_mev >= t {
            break;
        }
        let at_mm = on_the_way(event.rng.uniform());
        let azimuth = event.rng.azimuth();
        let direction = turned(particle.direction, stopping.delta_cosine(t, delta_mev), azimuth);
        let born = Particle { position_mm: at_mm, ..*particle };
        event.push(&born, Kind::Electron, delta_mev, direction);
        particle.kinetic_mev -= delta_mev;
    }
    loss_mev = loss_mev.min(particle.kinetic_mev);
    particle.kinetic_mev -= loss_mev;
    event.deposit(particle.slab, on_the_way(0.5), loss_mev, step_mm);
}
