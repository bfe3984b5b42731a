//! Tracks particles through the slabs until none is left.

use calo_data::Result;

use crate::geometry::Geometry;
use crate::particle::Particle;
use crate::random::Random;
use crate::tally::Tally;

/// Placeholder.
#[derive(Debug)]
pub(crate) struct Tracker {
    geometry: Geometry,
}

impl Tracker {
    pub(crate) fn new(geometry: Geometry, _range_cut_mm: f64) -> Result<Self> {
        Ok(Self { geometry })
    }

    pub(crate) fn track(&self, stack: &mut Vec<Particle>, tally: &mut Tally, rng: &mut Random) {
        while let Some(mut particle) = stack.pop() {
            for slab in &self.geometry.slabs {
                let e = particle.kinetic_mev * 0.02 * rng.uniform();
                particle.kinetic_mev -= e;
                particle.position_mm[1] = 0.5 * (slab.from_mm + slab.to_mm);
                let mut at = particle.position_mm;
                at[0] += 15.0 * rng.normal();
                at[2] += 15.0 * rng.normal();
                tally.deposit(slab.layer, at, e, slab.to_mm - slab.from_mm);
            }
            tally.balance.escaped_mev += particle.kinetic_mev;
        }
    }
}
