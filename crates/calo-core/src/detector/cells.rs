//! Where the cells of a layer are: rows of equal cells, grouped into wafers with gaps in between.

use super::geometry::{BeamAt, Geometry};

/// The cells of one layer along one transverse axis.
///
/// Cell 0 lies at the lower edge of the plates; cells that would reach over an edge are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellAxis {
    /// Lower edge of group 0, mm; it may lie below the plates.
    origin_mm: f64,
    cell_mm: f64,
    /// Cells of a group; one group where there are no wafers.
    cells: usize,
    /// From one group to the next, mm.
    group_pitch_mm: f64,
    n_cells: usize,
}

/// The wafers of one layer.
#[derive(Debug, Clone, Copy)]
struct ShiftedWafers {
    /// Cells of a wafer.
    cells: usize,
    gap_mm: f64,
    shift_mm: f64,
}

impl CellAxis {
    /// Along x, where wafers are shifted from layer to layer.
    pub(super) fn x(geometry: &Geometry, cell_mm: f64, layer: usize) -> Self {
        let wafers = geometry.wafers.as_ref().map(|wafers| {
            let shift_mm = match wafers.stagger_mm.len() {
                0 => 0.0,
                n => wafers.stagger_mm[layer % n],
            };
            ShiftedWafers { cells: wafers.cells, gap_mm: wafers.gap_mm, shift_mm }
        });
        Self::new(geometry, 0, cell_mm, wafers)
    }

    /// Along y, the same for every layer.
    pub(super) fn y(geometry: &Geometry, cell_mm: f64) -> Self {
        Self::new(geometry, 1, cell_mm, None)
    }

    fn new(geometry: &Geometry, axis: usize, cell_mm: f64, wafers: Option<ShiftedWafers>) -> Self {
        let (centre_mm, half_mm) = (geometry.beam_mm[axis], 0.5 * geometry.plate_size_mm[axis]);
        // The cell edge nearest to the beam, then as many whole cells as fit below it.
        let edge_mm = match geometry.beam_at {
            BeamAt::CellCorner => centre_mm,
            BeamAt::CellCentre => centre_mm - 0.5 * cell_mm,
        };
        let Some(ShiftedWafers { cells, gap_mm, shift_mm }) = wafers else {
            let below = ((edge_mm - (centre_mm - half_mm)) / cell_mm + 1e-9).floor();
            let origin_mm = edge_mm - below * cell_mm;
            let n_cells = ((centre_mm + half_mm - origin_mm) / cell_mm + 1e-9).floor().max(0.0);
            let n_cells = n_cells as usize;
            return Self { origin_mm, cell_mm, cells: n_cells, group_pitch_mm: f64::INFINITY, n_cells };
        };
        // Without shift the edge nearest to the beam is in the middle of a wafer.
        let group_pitch_mm = cells as f64 * cell_mm + gap_mm;
        let first_mm = edge_mm - (cells / 2) as f64 * cell_mm + shift_mm;
        let below = ((first_mm - (centre_mm - half_mm)) / group_pitch_mm).ceil();
        let origin_mm = first_mm - below * group_pitch_mm;
        let n_groups = ((centre_mm + half_mm - origin_mm) / group_pitch_mm).ceil().max(0.0);
        Self { origin_mm, cell_mm, cells, group_pitch_mm, n_cells: (n_groups as usize).saturating_mul(cells) }
    }

    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.n_cells
    }

    /// The cell at `u_mm`; none in a gap or outside the cells.
    #[inline]
    pub fn cell_at(&self, u_mm: f64) -> Option<usize> {
        let offset_mm = u_mm - self.origin_mm;
        let group =
            if self.group_pitch_mm.is_finite() { (offset_mm / self.group_pitch_mm).floor() } else { 0.0 };
        let within_mm = if group > 0.0 { offset_mm - group * self.group_pitch_mm } else { offset_mm };
        // Written so that NaN counts as outside; truncation rounds non-negative numbers down.
        let cell = within_mm / self.cell_mm;
        if !(group >= 0.0 && cell >= 0.0 && cell < self.cells as f64) {
            return None;
        }
        let index = group as usize * self.cells + cell as usize;
        (index < self.n_cells).then_some(index)
    }

    /// Centre of `cell`, mm.
    pub fn centre_mm(&self, cell: usize) -> f64 {
        let (group, within) = (cell / self.cells.max(1), cell % self.cells.max(1));
        let group_mm = if group > 0 { group as f64 * self.group_pitch_mm } else { 0.0 };
        self.origin_mm + group_mm + (within as f64 + 0.5) * self.cell_mm
    }
}

#[cfg(test)]
mod tests {
    use crate::detector::{Detector, Wafers};

    #[test]
    fn every_cell_of_the_built_in_detectors_holds_its_centre() {
        for name in ["ild-ecal", "ild-ecal-pooled", "ild-ahcal"] {
            let detector = Detector::load(name).unwrap();
            for axis in [detector.cells_x(3), detector.cells_y()] {
                for cell in 0..axis.n_cells() {
                    assert_eq!(axis.cell_at(axis.centre_mm(cell)), Some(cell));
                }
                assert_eq!(axis.cell_at(axis.centre_mm(0) - detector.readout.cell_size_mm[0]), None);
            }
        }
        assert_eq!(Detector::load("ild-ecal").unwrap().cells_y().n_cells(), 120);
        assert_eq!(Detector::load("ild-ahcal").unwrap().cells_y().n_cells(), 33);
    }

    #[test]
    fn wafers_leave_gaps_and_shift() {
        let mut detector = Detector::load("ild-ecal").unwrap();
        detector.geometry.wafers = Some(Wafers { cells: 18, gap_mm: 1.59, stagger_mm: vec![0.0, 20.0] });
        let (even, odd) = (detector.cells_x(0), detector.cells_x(1));
        for axis in [even, odd] {
            for cell in 0..axis.n_cells() {
                assert_eq!(axis.cell_at(axis.centre_mm(cell)), Some(cell));
            }
        }
        // The beam is at 0, in the middle of a wafer of 90 mm.
        assert!(even.cell_at(44.9).is_some() && even.cell_at(45.8).is_none() && even.cell_at(46.7).is_some());
        assert!(odd.cell_at(64.9).is_some() && odd.cell_at(65.8).is_none() && odd.cell_at(66.7).is_some());
    }
}
