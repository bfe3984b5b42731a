//! Photons: straight through slab after slab to the next interaction.

use super::{PHOTON_END_MEV, Shower, Tracker, advance, way_to_face_mm};
use crate::constants::ELECTRON_MASS_MEV;
use crate::particle::{Kind, Particle, turned};
use crate::photon::{Process, compton};

impl Tracker {
    /// Tracks a photon until it is absorbed, escapes or scatters below the energy worth tracking.
    pub(super) fn track_photon(&self, mut photon: Particle, shower: &mut Shower<'_>) {
        while photon.kinetic_mev > PHOTON_END_MEV {
            let located = self.photons.locate(photon.kinetic_mev);
            let mut left = shower.rng.exponential();
            // The energy stays as it is on the way: so do all cross-sections.
            loop {
                let slab = self.slab(&photon);
                let inverse_path_mm = self.photons.inverse_path_at(slab.material as usize, located);
                let way_mm = way_to_face_mm(slab, photon.position_mm[1], photon.direction[1]);
                if left < inverse_path_mm * way_mm {
                    advance(&mut photon, left / inverse_path_mm);
                    break;
                }
                left -= inverse_path_mm * way_mm;
                advance(&mut photon, way_mm);
                if !self.cross(&mut photon) {
                    shower.tally.balance.escaped_mev += photon.kinetic_mev;
                    return;
                }
            }
            if !self.inside(&photon) {
                shower.tally.balance.escaped_mev += photon.kinetic_mev;
                return;
            }
            let material = self.slab(&photon).material as usize;
            let process = self.photons.choose(material, located, shower.rng);
            match process {
                Process::Pair => {
                    let pair = self.photons.pair(material, photon.kinetic_mev, shower.rng);
                    let azimuth = shower.rng.azimuth();
                    let opposite = (-azimuth.0, -azimuth.1);
                    let electron = turned(photon.direction, pair.electron_cos, azimuth);
                    let positron = turned(photon.direction, pair.positron_cos, opposite);
                    self.push(&photon.child(Kind::Electron, pair.electron_mev, electron), shower);
                    self.push(&photon.child(Kind::Positron, pair.positron_mev, positron), shower);
                    return;
                }
                Process::Compton => {
                    let scattered = compton::sample(photon.kinetic_mev, shower.rng);
                    let azimuth = shower.rng.azimuth();
                    let opposite = (-azimuth.0, -azimuth.1);
                    let direction = turned(photon.direction, scattered.electron_cos, opposite);
                    self.push(&photon.child(Kind::Electron, scattered.electron_mev, direction), shower);
                    photon.direction = turned(photon.direction, scattered.photon_cos, azimuth);
                    photon.kinetic_mev = scattered.photon_mev;
                }
                Process::Photoelectric => {
                    let freed = self.photons.photoelectron(material, located, photon.kinetic_mev, shower.rng);
                    self.deposit_here(&photon, freed.local_mev, shower);
                    let direction = turned(photon.direction, freed.electron_cos, shower.rng.azimuth());
                    self.push(&photon.child(Kind::Electron, freed.electron_mev, direction), shower);
                    return;
                }
            }
        }
        self.deposit_here(&photon, photon.kinetic_mev, shower);
    }

    /// Two photons back to back from a positron at rest.
    pub(super) fn annihilate_at_rest(&self, positron: &Particle, shower: &mut Shower<'_>) {
        let direction = shower.rng.isotropic();
        let opposite = direction.map(|a| -a);
        shower.stack.push(positron.child(Kind::Photon, ELECTRON_MASS_MEV, direction));
        shower.stack.push(positron.child(Kind::Photon, ELECTRON_MASS_MEV, opposite));
    }

    /// A deposit on the spot.
    #[inline]
    pub(super) fn deposit_here(&self, particle: &Particle, energy_mev: f64, shower: &mut Shower<'_>) {
        // Without a path, Birks' law is not applied: these are a few keV.
        shower.tally.deposit(self.slab(particle).layer, particle.position_mm, energy_mev, 0.0);
    }
}
