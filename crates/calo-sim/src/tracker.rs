//! Tracks particles through the slabs until none is left.

mod bending;
mod electron;
mod electron_table;
mod photon;

use calo_data::Result;

use crate::constants::ELECTRON_MASS_MEV;
use crate::geometry::{Geometry, Slab};
use crate::hadron::{HadronTables, HadronTracker};
use crate::particle::{Kind, Particle};
use crate::photon::PhotonTables;
use crate::random::Random;
use crate::scattering::Deflections;
use crate::tally::Tally;

use bending::Bending;
use electron_table::ElectronTables;

/// Charged particles below this end where they are, MeV: electrons then go 5 um in silicon.
const END_MEV: f64 = 0.02;
/// Photons below this end where they are, MeV: they go 0.1 mm in silicon, 2 um in tungsten.
const PHOTON_END_MEV: f64 = 0.005;

/// Everything that does not change from shower to shower.
#[derive(Debug)]
pub(crate) struct Tracker {
    geometry: Geometry,
    bending: Bending,
    photons: PhotonTables,
    electrons: ElectronTables,
    deflections: Deflections,
    hadrons: HadronTracker,
}

/// What one shower writes to.
struct Shower<'a> {
    stack: &'a mut Vec<Particle>,
    tally: &'a mut Tally,
    rng: &'a mut Random,
}

impl Tracker {
    /// Tables for the materials of `geometry`, with secondaries produced above the energies of a range of
    /// `range_cut_mm`.
    pub(crate) fn new(geometry: Geometry, range_cut_mm: f64) -> Result<Self> {
        let bending = Bending::new(geometry.field_tesla);
        let electrons = ElectronTables::new(&geometry.materials, range_cut_mm, &bending);
        let cuts_mev: Vec<f64> =
            electrons.materials.iter().map(|material| material.electron_cut_mev).collect();
        Ok(Self {
            bending,
            photons: PhotonTables::new(&geometry.materials),
            hadrons: HadronTracker::new(HadronTables::new(&geometry.materials, &cuts_mev)),
            electrons,
            deflections: Deflections::new(),
            geometry,
        })
    }

    /// Tracks the particles on `stack` and all they make.
    pub(crate) fn track(&self, stack: &mut Vec<Particle>, tally: &mut Tally, rng: &mut Random) {
        let shower = &mut Shower { stack, tally, rng };
        // The last one first: the stack stays short.
        while let Some(particle) = shower.stack.pop() {
            match particle.kind {
                Kind::Photon => self.track_photon(particle, shower),
                Kind::Electron | Kind::Positron => self.track_electron(particle, shower),
                _ => {
                    let Shower { stack, tally, rng } = &mut *shower;
                    self.hadrons.track(particle, &self.geometry, tally, stack, rng);
                }
            }
        }
    }

    #[inline]
    fn slab(&self, particle: &Particle) -> &Slab {
        &self.geometry.slabs[particle.slab as usize]
    }

    /// Whether a particle is within the plates.
    #[inline]
    fn inside(&self, particle: &Particle) -> bool {
        let [x, _, y] = particle.position_mm;
        let ([x_low, x_high], [y_low, y_high]) = (self.geometry.x_mm, self.geometry.y_mm);
        x > x_low && x < x_high && y > y_low && y < y_high
    }

    /// Moves a particle at a face of its slab into the next one; false where there is none, and it has escaped.
    #[inline]
    fn cross(&self, particle: &mut Particle) -> bool {
        if particle.direction[1] > 0.0 {
            particle.slab += 1;
            if particle.slab as usize == self.geometry.slabs.len() {
                return false;
            }
            particle.position_mm[1] = self.slab(particle).from_mm;
        } else {
            if particle.slab == 0 {
                return false;
            }
            particle.slab -= 1;
            particle.position_mm[1] = self.slab(particle).to_mm;
        }
        self.inside(particle)
    }
}

/// Energy that a particle carries on its account: a positron brings the rest energy of the pair it ends in.
fn carried_mev(particle: &Particle) -> f64 {
    match particle.kind {
        Kind::Positron => particle.kinetic_mev + 2.0 * ELECTRON_MASS_MEV,
        _ => particle.kinetic_mev,
    }
}

/// Way to the face of `slab` that lies ahead, mm; very far along the slab.
#[inline]
fn way_to_face_mm(slab: &Slab, depth_mm: f64, cos_depth: f64) -> f64 {
    // Without branches: no processor guesses where a particle flies.
    let face_mm = if cos_depth > 0.0 { slab.to_mm } else { slab.from_mm };
    let cos_depth = if cos_depth.abs() < 1e-12 { 1e-12_f64.copysign(cos_depth) } else { cos_depth };
    let way_mm = (face_mm - depth_mm) / cos_depth;
    // Rounding may leave a particle a hair outside.
    if way_mm > 0.0 { way_mm } else { 0.0 }
}

/// Moves a particle straight on.
#[inline]
fn advance(particle: &mut Particle, way_mm: f64) {
    for (position, direction) in particle.position_mm.iter_mut().zip(particle.direction) {
        *position += way_mm * direction;
    }
}
