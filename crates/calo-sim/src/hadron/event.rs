//! What every process needs: the geometry, the tally, the stack of particles and random numbers.

use crate::geometry::Geometry;
use crate::particle::{Kind, Particle};
use crate::random::Random;
use crate::tally::Tally;

/// Mean loss of slow alpha particles and of nuclear fragments, MeV/mm in polystyrene (ASTAR, ICRU 49: 5 MeV alpha).
/// Birks' law leaves a tenth of it.
const FRAGMENT_LOSS_MEV_MM: f64 = 100.0;

/// The shower that a process works on.
pub(super) struct Event<'a> {
    pub(super) geometry: &'a Geometry,
    pub(super) tally: &'a mut Tally,
    pub(super) stack: &'a mut Vec<Particle>,
    pub(super) rng: &'a mut Random,
}

impl Event<'_> {
    /// Puts a secondary of `parent` on the stack.
    #[inline]
    pub(super) fn push(&mut self, parent: &Particle, kind: Kind, kinetic_mev: f64, direction: [f64; 3]) {
        self.stack.push(parent.child(kind, kinetic_mev, direction));
    }

    /// Deposits `energy_mev` lost over `path_mm` at `position_mm` in slab `slab`.
    #[inline]
    pub(super) fn deposit(&mut self, slab: u32, position_mm: [f64; 3], energy_mev: f64, path_mm: f64) {
        let layer = self.geometry.slabs[slab as usize].layer;
        self.tally.deposit(layer, position_mm, energy_mev, path_mm);
    }

    /// Deposits the energy of a heavy fragment where `at` is.
    #[inline]
    pub(super) fn deposit_fragment(&mut self, at: &Particle, energy_mev: f64) {
        self.deposit(at.slab, at.position_mm, energy_mev, energy_mev / FRAGMENT_LOSS_MEV_MM);
    }

    /// Counts energy that no detector sees.
    #[inline]
    pub(super) fn invisible(&mut self, energy_mev: f64) {
        self.tally.balance.invisible_mev += energy_mev;
    }

    /// Counts a particle that leaves.
    #[inline]
    pub(super) fn escape(&mut self, particle: &Particle) {
        self.tally.balance.escaped_mev += particle.account_mev();
    }
}
