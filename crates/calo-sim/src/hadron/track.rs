//! Tracking of hadrons and muons: picks the code for the kind of particle.

use super::HadronTables;
use super::event::Event;
use super::{charged, neutron};
use crate::geometry::Geometry;
use crate::particle::{Kind, Particle};
use crate::random::Random;
use crate::tally::Tally;

/// Tracks hadrons and muons, one at a time.
#[derive(Debug, Clone)]
pub(crate) struct HadronTransport {
    tables: HadronTables,
}

impl HadronTransport {
    pub(crate) fn new(tables: HadronTables) -> Self {
        Self { tables }
    }

    /// Tracks `particle` until it ends or leaves. What it makes is put on `stack`.
    pub(crate) fn track(
        &self,
        particle: Particle,
        geometry: &Geometry,
        tally: &mut Tally,
        stack: &mut Vec<Particle>,
        rng: &mut Random,
    ) {
        let mut event = Event { geometry, tally, stack, rng };
        match particle.kind {
            Kind::Neutron => neutron::track(&self.tables, particle, &mut event),
            _ => charged::track(&self.tables, particle, &mut event),
        }
    }
}
