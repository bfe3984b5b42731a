//! Neutrons: tracked from collision to collision down to energies whose recoils are invisible.

use super::event::Event;
use super::inelastic::interact;
use super::nucleus::Nucleus;
use super::{HadronTables, MaterialTables};
use crate::particle::{Kind, Particle, turned};
use crate::random::Random;

/// Neutrons below this energy end: their recoil protons leave less than a tenth of a MIP, MeV.
const END_MEV: f64 = 0.2;
/// Recoil protons above this energy are tracked, MeV.
const TRACKED_PROTON_MEV: f64 = 4.0;
/// Wave number of a neutron of 1 MeV, 1/fm, and radius of a nucleus of A = 1, fm.
const WAVE_NUMBER_PER_FM: f64 = 0.2187;
const RADIUS_FM: f64 = 1.3;
/// Index of neutrons among the hadrons.
const NEUTRON: usize = 3;

/// What a neutron collided with, and how.
enum Collision {
    Elastic(Nucleus),
    Inelastic(Nucleus),
}

/// Tracks one neutron until it is slow, is absorbed or leaves.
pub(super) fn track(tables: &HadronTables, particle: Particle, event: &mut Event<'_>) {
    let mut neutron = particle;
    let mut free_paths = event.rng.exponential();
    loop {
        if neutron.kinetic_mev < END_MEV {
            event.invisible(neutron.kinetic_mev);
            return;
        }
        let slab = event.geometry.slabs[neutron.slab as usize];
        let material = &tables.materials[slab.material as usize];
        let per_mm = material.neutron_total.at(neutron.kinetic_mev);
        let boundary_mm = slab.way_to_face_mm(&neutron);
        let collision_mm = free_paths / per_mm.max(1e-30);
        let step_mm = boundary_mm.min(collision_mm);
        neutron.advance(step_mm);
        if !event.geometry.inside(&neutron) {
            event.escape(&neutron);
            return;
        }
        if step_mm >= collision_mm {
            match collision(material, neutron.kinetic_mev, event.rng) {
                Collision::Inelastic(nucleus) => {
                    interact(event, &neutron, nucleus);
                    return;
                }
                Collision::Elastic(nucleus) => scatter(material, &mut neutron, nucleus, event),
            }
            free_paths = event.rng.exponential();
        } else {
            free_paths -= step_mm * per_mm;
            if !event.geometry.cross(&mut neutron) {
                event.escape(&neutron);
                return;
            }
        }
    }
}

fn collision(material: &MaterialTables, kinetic_mev: f64, rng: &mut Random) -> Collision {
    let mut draw = rng.uniform() * material.neutron_total.at(kinetic_mev);
    let mut last = Nucleus { a: 1.0, z: 1.0 };
    for target in &material.targets {
        last = target.nucleus;
        draw -= target.neutron_elastic.at(kinetic_mev);
        if draw < 0.0 {
            break;
        }
        draw -= target.inelastic[NEUTRON].at(kinetic_mev);
        if draw < 0.0 {
            return Collision::Inelastic(target.nucleus);
        }
    }
    Collision::Elastic(last)
}

/// Elastic scattering: isotropic in the centre of mass on protons, diffractive on nuclei.
pub(super) fn scatter(
    material: &MaterialTables,
    neutron: &mut Particle,
    nucleus: Nucleus,
    event: &mut Event<'_>,
) {
    let t = neutron.kinetic_mev;
    let a = nucleus.a;
    let cos_cm = if nucleus.is_hydrogen() {
        2.0 * event.rng.uniform() - 1.0
    } else {
        let kr = WAVE_NUMBER_PER_FM * t.sqrt() * RADIUS_FM * a.cbrt();
        diffractive_cosine(0.5 * kr * kr, event.rng)
    };
    let recoil_mev = t * 2.0 * a / ((1.0 + a) * (1.0 + a)) * (1.0 - cos_cm);
    let cos = (1.0 + a * cos_cm) / (1.0 + a * a + 2.0 * a * cos_cm).max(1e-12).sqrt();
    let before = neutron.direction;
    let azimuth = event.rng.azimuth();
    neutron.direction = turned(before, cos.clamp(-1.0, 1.0), azimuth);
    neutron.kinetic_mev -= recoil_mev;
    if nucleus.is_hydrogen() {
        if recoil_mev > TRACKED_PROTON_MEV {
            let recoil_cos = (recoil_mev / t).min(1.0).sqrt();
            let direction = turned(before, recoil_cos, azimuth.opposite());
            event.push(neutron, Kind::Proton, recoil_mev, direction);
        } else {
            let range_mm = material.stopping[0].range_mm(recoil_mev);
            event.deposit(neutron.slab, neutron.position_mm, recoil_mev, range_mm);
        }
    } else {
        event.deposit_fragment(neutron, recoil_mev);
    }
}

/// Cosine with density exp(k cos).
fn diffractive_cosine(k: f64, rng: &mut Random) -> f64 {
    let u = rng.uniform();
    if k < 1e-3 {
        return 2.0 * u - 1.0;
    }
    (1.0 + (u + (1.0 - u) * (-2.0 * k).exp()).ln() / k).clamp(-1.0, 1.0)
}
