//! From raw hits to the grid: layer windows, transverse bins, GeV to MeV.

use std::fmt;

use calo_core::detector::{Projection, TransverseAxis};
use calo_core::{Grid, Result, ShowerBatch, ShowerSource};
use ndarray::ArrayView3;

use crate::hits::{Event, HitBatch, HitSource};
use crate::root::HitReader;

/// How many events and hits were kept and dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProjectionReport {
    /// Events read.
    pub n_events: u64,
    /// Events that became showers.
    pub n_showers: u64,
    /// Events skipped because the particle showered before the calorimeter (too many entries in `mcpdg`).
    pub n_converted_upstream: u64,
    /// Hits of the events that became showers.
    pub n_hits: u64,
    /// Hits dropped: outside every layer's depth window.
    pub n_outside_depth: u64,
    /// Hits dropped: within a layer's window, but outside the transverse bins.
    pub n_outside_transverse: u64,
    /// Energy of all hits, MeV.
    pub hit_mev: f64,
    /// Energy of the dropped hits, MeV.
    pub dropped_mev: f64,
}

impl fmt::Display for ProjectionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dropped_percent = if self.hit_mev > 0.0 { 100.0 * self.dropped_mev / self.hit_mev } else { 0.0 };
        write!(
            f,
            "{} events, {} showers, {} skipped (converted before the calorimeter); {} hits, \
             {} outside every layer window, {} outside the transverse bins ({dropped_percent:.3} % of the energy)",
            self.n_events,
            self.n_showers,
            self.n_converted_upstream,
            self.n_hits,
            self.n_outside_depth,
            self.n_outside_transverse,
        )
    }
}

/// Raw hits as showers on the projection's raw grid, before staggering correction and core crop.
///
/// Axes: depth (ROOT y) becomes the layer, ROOT x becomes x and ROOT z becomes y. Hits in one cell add, in f64.
/// Each shower's `pdg` and `shower_ids` (the event's index) come along.
#[derive(Debug)]
pub struct HitProjector<H = HitReader> {
    hits: H,
    projection: Projection,
    batch: HitBatch,
    /// One event's cells, MeV, in f64.
    image: Vec<f64>,
    report: ProjectionReport,
    /// Showers of a whole pass, once there was one.
    n_showers: Option<u64>,
}

impl<H: HitSource> HitProjector<H> {
    /// Projects the events of `hits`.
    pub fn new(hits: H, projection: Projection) -> Self {
        let image = vec![0.0; projection.raw_grid().n_cells()];
        let report = ProjectionReport::default();
        Self { hits, projection, batch: HitBatch::default(), image, report, n_showers: None }
    }

    /// What has happened since the start of this pass.
    pub fn report(&self) -> &ProjectionReport {
        &self.report
    }

    /// The events' source.
    pub fn hits(&self) -> &H {
        &self.hits
    }

    /// Returns the source of the events, at its current position.
    pub fn into_hits(self) -> H {
        self.hits
    }
}

impl<H: HitSource> ShowerSource<f32> for HitProjector<H> {
    fn grid(&self) -> Grid {
        self.projection.raw_grid()
    }

    /// Known after one whole pass: only reading shows which events are skipped.
    fn n_showers(&self) -> Option<u64> {
        self.n_showers
    }

    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<f32>) -> Result<bool> {
        let grid = self.grid();
        let mut like = ShowerBatch::empty(grid);
        like.extras.pdg = Some(Vec::new());
        like.extras.shower_ids = Some(Vec::new());
        batch.restart(self.report.n_showers, &like);
        while self.hits.next_batch(max_showers, &mut self.batch)? {
            for event in self.batch.events() {
                self.report.n_events += 1;
                if self.projection.max_mc_particles.is_some_and(|most| event.n_mc_particles > most) {
                    self.report.n_converted_upstream += 1;
                    continue;
                }
                self.report.n_showers += 1;
                project_event(&event, &self.projection, &mut self.image, &mut self.report);
                push_shower(batch, &event, grid, &self.image);
            }
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        self.n_showers = Some(self.report.n_showers);
        Ok(false)
    }

    fn rewind(&mut self) -> Result<()> {
        self.hits.rewind()?;
        self.report = ProjectionReport::default();
        Ok(())
    }
}

/// Adds one event's hits up in `image_mev`, `[layer, x, y]` of the projection's raw grid.
pub fn project_event(
    event: &Event<'_>,
    projection: &Projection,
    image_mev: &mut [f64],
    report: &mut ProjectionReport,
) {
    image_mev.fill(0.0);
    let hits = event.x_mm.iter().zip(event.depth_mm).zip(event.y_mm).zip(event.hit_energies_gev);
    for (((x_mm, depth_mm), y_mm), energy_gev) in hits {
        let energy_mev = energy_gev * 1e3;
        report.n_hits += 1;
        report.hit_mev += energy_mev;
        let Some(layer) = layer_at(projection, *depth_mm) else {
            report.n_outside_depth += 1;
            report.dropped_mev += energy_mev;
            continue;
        };
        let (Some(x), Some(y)) = (bin_at(projection.x, *x_mm), bin_at(projection.y, *y_mm)) else {
            report.n_outside_transverse += 1;
            report.dropped_mev += energy_mev;
            continue;
        };
        image_mev[(layer * projection.x.bins + x) * projection.y.bins + y] += energy_mev;
    }
}

/// The layer whose window holds `depth_mm`. Windows do not overlap ([`calo_core::Detector::validate`]).
fn layer_at(projection: &Projection, depth_mm: f64) -> Option<usize> {
    let window = projection.depth_window;
    let positions = &projection.layer_positions_mm;
    let layer = positions.partition_point(|p| p + window.above_mm < depth_mm).checked_sub(1)?;
    (depth_mm <= positions[layer] + window.up_to_mm).then_some(layer)
}

/// The half-open bin that holds `u_mm`.
pub(crate) fn bin_at(axis: TransverseAxis, u_mm: f64) -> Option<usize> {
    let lower_edge_mm = |bin: f64| axis.origin_mm + bin * axis.width_mm;
    let mut bin = ((u_mm - axis.origin_mm) / axis.width_mm).floor();
    // The quotient may round across an edge; the edges themselves decide.
    if u_mm < lower_edge_mm(bin) {
        bin -= 1.0;
    } else if u_mm >= lower_edge_mm(bin + 1.0) {
        bin += 1.0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 .. bins here")]
    (bin >= 0.0 && bin < axis.bins as f64).then_some(bin as usize)
}

fn push_shower(batch: &mut ShowerBatch<f32>, event: &Event<'_>, grid: Grid, image_mev: &[f64]) {
    #[expect(clippy::cast_possible_truncation, reason = "cells are stored as f32")]
    let cells: Vec<f32> = image_mev.iter().map(|cell| *cell as f32).collect();
    // The image was made for this grid.
    if let Ok(cells) = ArrayView3::from_shape(grid.shape(), &cells) {
        batch.push(event.incident_energy_gev, &cells);
    }
    if let Some(pdg) = &mut batch.extras.pdg {
        pdg.push(event.pdg);
    }
    if let Some(ids) = &mut batch.extras.shower_ids {
        ids.push(i64::try_from(event.index).unwrap_or(i64::MAX));
    }
}
