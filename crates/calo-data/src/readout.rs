//! From cells with signal to raw hits: one hit a cell, at its centre.

use calo_core::Detector;
use calo_core::detector::CellAxis;

use crate::hits::HitBatch;

/// Where the hits of a detector's cells are.
///
/// Positions and energies have the 32 bits that hit files keep, so that hits in memory and hits read back from a
/// file are the same.
#[derive(Debug, Clone, PartialEq)]
pub struct CellHits {
    /// Centres of the cells along x, layer by layer, mm.
    x_mm: Vec<Vec<f32>>,
    /// Middle of every layer, moved into its projection window, mm.
    depth_mm: Vec<f32>,
    /// Centres of the cells along y, mm.
    y_mm: Vec<f32>,
    /// Most cells of any layer along x.
    nx: usize,
}

impl CellHits {
    /// The cells of `detector`.
    pub fn of(detector: &Detector) -> Self {
        let centres =
            |axis: CellAxis| (0..axis.n_cells()).map(|cell| axis.centre_mm(cell) as f32).collect::<Vec<_>>();
        let x_mm: Vec<_> = (0..detector.grid.layers).map(|layer| centres(detector.cells_x(layer))).collect();
        let slabs = detector.geometry.placed_slabs();
        let middle = |from_mm: f64, to_mm: f64| {
            (0.5 * (from_mm + to_mm) + detector.geometry.hit_depth_offset_mm) as f32
        };
        let active = slabs.iter().filter(|slab| slab.layer.is_some());
        Self {
            nx: x_mm.iter().map(Vec::len).max().unwrap_or(0),
            x_mm,
            depth_mm: active.map(|slab| middle(slab.from_mm, slab.to_mm)).collect(),
            y_mm: centres(detector.cells_y()),
        }
    }

    /// Centres of the cells of `layer` along x, mm.
    pub fn x_mm(&self, layer: usize) -> &[f32] {
        self.x_mm.get(layer).map_or(&[], Vec::as_slice)
    }

    /// One number for the cell; none for a cell that the detector does not have.
    pub fn index(&self, layer: u32, ix: u32, iy: u32) -> Option<u32> {
        let (layer, ix, iy) = (layer as usize, ix as usize, iy as usize);
        if ix >= self.x_mm(layer).len() || iy >= self.y_mm.len() {
            return None;
        }
        u32::try_from((layer * self.nx + ix) * self.y_mm.len() + iy).ok()
    }

    /// Appends the hit of the cell with this [index](Self::index) to the last event of `batch`, which is under
    /// construction; `false` for a number that is no cell's.
    pub fn push(&self, index: u32, energy_gev: f32, batch: &mut HitBatch) -> bool {
        let (nx, ny) = (self.nx.max(1), self.y_mm.len().max(1));
        let (layer, ix, iy) = (index as usize / (nx * ny), index as usize / ny % nx, index as usize % ny);
        let place = (self.x_mm(layer).get(ix), self.depth_mm.get(layer), self.y_mm.get(iy));
        let (Some(x_mm), Some(depth_mm), Some(y_mm)) = place else { return false };
        batch.x_mm.push(f64::from(*x_mm));
        batch.depth_mm.push(f64::from(*depth_mm));
        batch.y_mm.push(f64::from(*y_mm));
        batch.hit_energies_gev.push(f64::from(energy_gev));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{ProjectionReport, project_event};
    use calo_core::detector::Wafers;

    /// Every cell in the middle of the window has a bin of its own, in its layer.
    #[test]
    fn hits_of_all_cells_fill_the_grid() {
        for name in ["ild-ecal", "ild-ecal-pooled", "ild-ahcal"] {
            let detector = Detector::load(name).unwrap();
            let cells = CellHits::of(&detector);
            let mut batch = HitBatch::default();
            batch.clear(0);
            let (nx, ny) = (detector.cells_x(0).n_cells(), detector.cells_y().n_cells());
            let layers = detector.grid.layers;
            let indices = (0..layers * nx * ny)
                .map(|i| cells.index((i / (nx * ny)) as u32, (i / ny % nx) as u32, (i % ny) as u32).unwrap());
            for index in indices {
                assert!(cells.push(index, 1e-3, &mut batch));
            }
            batch.offsets.push(batch.x_mm.len());
            batch.incident_energies_gev.push(1.0);
            batch.pdg.push(22);
            batch.n_mc_particles.push(1);
            let mut image = vec![0.0; detector.projection.raw_grid().n_cells()];
            let mut report = ProjectionReport::default();
            let event = batch.events().next().unwrap();
            project_event(&event, &detector.projection, &mut image, &mut report);
            assert_eq!(report.n_outside_depth, 0, "{name}");
            let most = image.iter().copied().fold(0.0, f64::max);
            assert!((most - 1.0).abs() < 1e-6, "{name}: {most} MeV in one bin");
            let kept = (report.n_hits - report.n_outside_transverse) as usize;
            assert_eq!(image.iter().filter(|mev| **mev > 0.0).count(), kept, "{name}");
        }
    }

    #[test]
    fn cells_that_are_not_there_have_no_hits() {
        let mut detector = Detector::load("ild-ecal").unwrap();
        detector.geometry.wafers = Some(Wafers { cells: 18, gap_mm: 1.59, stagger_mm: vec![0.0, 20.0] });
        let cells = CellHits::of(&detector);
        let n = cells.x_mm(0).len() as u32;
        assert!(cells.index(0, n - 1, 0).is_some());
        for (layer, ix, iy) in [(30, 0, 0), (0, n + 20, 0), (0, 0, 120)] {
            assert_eq!(cells.index(layer, ix, iy), None);
        }
        assert!(!cells.push(u32::MAX, 1.0, &mut HitBatch::default()));
    }
}
