//! Blocks of one material, read out everywhere.

use calo_core::Detector;
use calo_core::detector::{Slab, Stack};

/// Layers of one material, all of them active, cells everywhere.
pub(crate) struct Block {
    pub(crate) material: &'static str,
    pub(crate) layer_mm: f64,
    pub(crate) layers: usize,
    pub(crate) cell_mm: f64,
    /// Cells along x and along y, an even number.
    pub(crate) cells: usize,
}

impl Block {
    /// The block as a detector without field, without spread of the beam, and with a production cut of 0.1 mm.
    pub(crate) fn detector(&self) -> Detector {
        let mut detector = Detector::load("ild-ecal").expect("a built-in detector");
        detector.name = format!("block of {}", self.material);
        let side_mm = self.cell_mm * self.cells as f64;
        (detector.grid.layers, detector.grid.nx, detector.grid.ny) = (self.layers, self.cells, self.cells);
        detector.readout.cell_size_mm = [self.cell_mm; 2];
        let projection = &mut detector.projection;
        projection.staggering = None;
        projection.layer_positions_mm = (0..self.layers).map(|i| (i as f64 + 0.5) * self.layer_mm).collect();
        projection.depth_window.above_mm = -0.25 * self.layer_mm;
        projection.depth_window.up_to_mm = 0.25 * self.layer_mm;
        for axis in [&mut projection.x, &mut projection.y] {
            (axis.origin_mm, axis.width_mm, axis.bins) = (-0.5 * side_mm, self.cell_mm, self.cells);
        }
        let geometry = &mut detector.geometry;
        geometry.front_face_mm = 0.0;
        geometry.hit_depth_offset_mm = 0.0;
        geometry.plate_size_mm = [side_mm; 2];
        geometry.field_tesla = [0.0; 3];
        geometry.beam_spread_mm = [0.0; 2];
        let slab = Slab { material: self.material.to_owned(), thickness_mm: self.layer_mm, active: true };
        geometry.stack = vec![Stack { repeat: self.layers, slabs: vec![slab] }];
        detector
    }
}
