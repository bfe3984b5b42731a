//! Raw hits in memory: events of energy deposits with their positions, and where they come from.

use calo_core::Result;

/// Consecutive events of one file or simulation. Buffers are reused from batch to batch.
///
/// # Shapes
/// The hits of event i are `offsets[i]..offsets[i + 1]` of the four vectors of hits.
///
/// # Units
/// Positions mm, energies GeV: as in files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HitBatch {
    /// Index of the batch's first event: in its file, or in the simulation.
    pub first_event: u64,
    /// Where each event's hits start; one more at the end.
    pub offsets: Vec<usize>,
    /// ROOT x.
    pub x_mm: Vec<f64>,
    /// ROOT y, along the particle's direction.
    pub depth_mm: Vec<f64>,
    /// ROOT z.
    pub y_mm: Vec<f64>,
    /// Energy of each hit.
    pub hit_energies_gev: Vec<f64>,
    /// Energy of each event's incident particle: the first entry of `mcene`.
    pub incident_energies_gev: Vec<f64>,
    /// PDG code of each event's incident particle: the first entry of `mcpdg`, 0 where there is none.
    pub pdg: Vec<i32>,
    /// Incident particles of each event: entries of `mcpdg`.
    pub n_mc_particles: Vec<usize>,
}

/// One event of a [`HitBatch`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event<'a> {
    /// Index in the file, or in the simulation.
    pub index: u64,
    /// ROOT x of each hit, mm.
    pub x_mm: &'a [f64],
    /// ROOT y of each hit, mm.
    pub depth_mm: &'a [f64],
    /// ROOT z of each hit, mm.
    pub y_mm: &'a [f64],
    /// Energy of each hit, GeV.
    pub hit_energies_gev: &'a [f64],
    /// Energy of the incident particle, GeV.
    pub incident_energy_gev: f64,
    /// PDG code of the incident particle.
    pub pdg: i32,
    /// Entries of `mcpdg`.
    pub n_mc_particles: usize,
}

impl HitBatch {
    /// Events in the batch.
    pub fn len(&self) -> usize {
        self.incident_energies_gev.len()
    }

    /// Whether the batch holds no event.
    pub fn is_empty(&self) -> bool {
        self.incident_energies_gev.is_empty()
    }

    /// The events in order.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.offsets.windows(2).enumerate().map(|(i, bounds)| {
            let hits = bounds[0]..bounds[1];
            Event {
                index: self.first_event + i as u64,
                x_mm: &self.x_mm[hits.clone()],
                depth_mm: &self.depth_mm[hits.clone()],
                y_mm: &self.y_mm[hits.clone()],
                hit_energies_gev: &self.hit_energies_gev[hits],
                incident_energy_gev: self.incident_energies_gev[i],
                pdg: self.pdg[i],
                n_mc_particles: self.n_mc_particles[i],
            }
        })
    }

    /// Empties the batch and keeps its memory; the next events start with `first_event`.
    pub fn clear(&mut self, first_event: u64) {
        self.first_event = first_event;
        self.offsets.clear();
        self.offsets.push(0);
        for values in [
            &mut self.x_mm,
            &mut self.depth_mm,
            &mut self.y_mm,
            &mut self.hit_energies_gev,
            &mut self.incident_energies_gev,
        ] {
            values.clear();
        }
        self.pdg.clear();
        self.n_mc_particles.clear();
    }
}

/// A stream of events that can be read again from the start: a ROOT file, or a simulation.
pub trait HitSource {
    /// Events in all.
    fn n_events(&self) -> u64;

    /// Replaces the content of `batch` by the next events, at most `max_events`; `false` at the end.
    ///
    /// # Errors
    /// Whatever reading may meet; the batch is then unspecified.
    fn next_batch(&mut self, max_events: usize, batch: &mut HitBatch) -> Result<bool>;

    /// Starts again with the first event.
    ///
    /// # Errors
    /// The source cannot start again.
    fn rewind(&mut self) -> Result<()>;
}
