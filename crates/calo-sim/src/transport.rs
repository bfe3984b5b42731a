//! Tracks particles through the slabs until none is left.

mod electron;
mod electron_table;
mod photon;

use crate::geometry::Geometry;
use crate::hadron::{HadronTables, HadronTransport};
use crate::particle::{Kind, Particle};
use crate::photon::PhotonTables;
use crate::random::Random;
use crate::scattering::Deflections;
use crate::tally::Tally;

use electron_table::ElectronTables;

/// Electrons and positrons below this end where they are, MeV: far below what a cell counts.
const END_MEV: f64 = 0.02;
/// Photons below this end where they are, MeV: far below what a cell counts.
const PHOTON_END_MEV: f64 = 0.005;

/// Everything that does not change from shower to shower.
#[derive(Debug)]
pub(crate) struct Transport {
    geometry: Geometry,
    photons: PhotonTables,
    electrons: ElectronTables,
    deflections: Deflections,
    hadrons: HadronTransport,
}

/// What one shower writes to.
struct Shower<'a> {
    stack: &'a mut Vec<Particle>,
    tally: &'a mut Tally,
    rng: &'a mut Random,
}

impl Transport {
    /// Tables for the materials of `geometry`, with secondaries produced above the energies of a range of
    /// `range_cut_mm`.
    pub(crate) fn new(geometry: Geometry, range_cut_mm: f64) -> Self {
        let electrons = ElectronTables::new(&geometry.materials, range_cut_mm, &geometry.magnetic_field);
        let cuts_mev: Vec<f64> =
            electrons.materials.iter().map(|material| material.electron_cut_mev).collect();
        Self {
            photons: PhotonTables::new(&geometry.materials),
            hadrons: HadronTransport::new(HadronTables::new(&geometry.materials, &cuts_mev)),
            electrons,
            deflections: Deflections::new(),
            geometry,
        }
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
}
