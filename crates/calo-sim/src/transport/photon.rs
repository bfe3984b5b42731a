//! Photons: straight through slab after slab to the next interaction.

use super::{PHOTON_END_MEV, Shower, Transport};
use crate::constants::ELECTRON_MASS_MEV;
use crate::energy_grid::GridPlace;
use crate::geometry::MAX_MATERIALS;
use crate::particle::{Kind, Particle, turned};
use crate::photon::{Process, compton, photoelectric};

impl Transport {
    /// Tracks a photon until it is absorbed, escapes or scatters below the energy worth tracking.
    pub(super) fn track_photon(&self, mut photon: Particle, shower: &mut Shower<'_>) {
        while photon.kinetic_mev > PHOTON_END_MEV {
            let located = self.photons.locate(photon.kinetic_mev);
            if !self.fly(&mut photon, located, shower.rng.exponential()) {
                shower.tally.balance.escaped_mev += photon.kinetic_mev;
                return;
            }
            let material = self.geometry.slab(&photon).material as usize;
            let process = self.photons.choose(material, located, shower.rng);
            match process {
                Process::Pair => {
                    let pair = self.photons.pair(material, photon.kinetic_mev, shower.rng);
                    let azimuth = shower.rng.azimuth();
                    let (electron_cos, positron_cos) = (pair.electron_cos, pair.positron_cos);
                    self.emit(&photon, Kind::Electron, pair.electron_mev, shower, |_| {
                        turned(photon.direction, electron_cos, azimuth)
                    });
                    self.emit(&photon, Kind::Positron, pair.positron_mev, shower, |_| {
                        turned(photon.direction, positron_cos, azimuth.opposite())
                    });
                    return;
                }
                Process::Compton => {
                    let scattered = compton::sample(photon.kinetic_mev, shower.rng);
                    let azimuth = shower.rng.azimuth();
                    self.emit(&photon, Kind::Electron, scattered.electron_mev, shower, |_| {
                        turned(photon.direction, scattered.electron_cos, azimuth.opposite())
                    });
                    photon.direction = turned(photon.direction, scattered.photon_cos, azimuth);
                    photon.kinetic_mev = scattered.photon_mev;
                }
                Process::Photoelectric => {
                    let freed = self.photons.photoelectron(material, located, photon.kinetic_mev, shower.rng);
                    self.deposit_here(&photon, freed.local_mev, shower);
                    self.emit(&photon, Kind::Electron, freed.electron_mev, shower, |rng| {
                        let cos = photoelectric::sample_cos(freed.electron_mev, rng);
                        turned(photon.direction, cos, rng.azimuth())
                    });
                    return;
                }
            }
        }
        self.deposit_here(&photon, photon.kinetic_mev, shower);
    }

    /// Moves a photon `mean_paths` mean free paths on, through however many slabs; false if it escapes.
    #[inline]
    fn fly(&self, photon: &mut Particle, located: GridPlace, mean_paths: f64) -> bool {
        // The energy stays as it is on the way, and so do all cross-sections: one lookup for each material it meets.
        let mut inverse_path_mm = [f64::NAN; MAX_MATERIALS];
        let [_, depth_mm, _] = photon.position_mm;
        let cos = photon.direction[1];
        let forward = cos > 0.0;
        // Paths are counted along the depth axis; a photon along a slab is a photon almost along it.
        let cos_size = cos.abs().max(1e-9);
        let mut left = mean_paths * cos_size;
        let mut slab = photon.slab as usize;
        let mut at_mm = depth_mm;
        loop {
            let here = &self.geometry.slabs[slab];
            let known = &mut inverse_path_mm[here.material as usize];
            if known.is_nan() {
                *known = self.photons.inverse_path_at(here.material as usize, located);
            }
            let thickness_mm = if forward { here.to_mm - at_mm } else { at_mm - here.from_mm };
            let paths = *known * thickness_mm;
            if left < paths {
                let way_mm = left / *known;
                at_mm += if forward { way_mm } else { -way_mm };
                break;
            }
            left -= paths;
            slab = if forward { slab + 1 } else { slab.wrapping_sub(1) };
            if slab >= self.geometry.slabs.len() {
                return false;
            }
            at_mm = if forward { here.to_mm } else { here.from_mm };
        }
        photon.advance((at_mm - depth_mm).abs() / cos_size);
        photon.position_mm[1] = at_mm;
        photon.slab = slab as u32;
        self.geometry.inside(photon)
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
        shower.tally.deposit(self.geometry.slab(particle).layer, particle.position_mm, energy_mev, 0.0);
    }
}
