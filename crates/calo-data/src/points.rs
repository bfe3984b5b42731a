//! Showers as point clouds, and conversion to a grid and back.

use calo_core::{Detector, Grid, Real, ShowerBatch, ShowerExtras};
use ndarray::Array2;

/// Consecutive point clouds of one file. Buffers are reused from batch to batch.
///
/// # Units
/// A point is x and y in mm from the grid's centre, the layer, its energy in GeV and, where there are five numbers,
/// its time: as ShowerData keeps them.
#[derive(Debug, Clone, PartialEq)]
pub struct PointBatch {
    /// Index in the file of the batch's first shower.
    pub first_shower: u64,
    /// Numbers a point has, 4 or 5.
    pub n_features: usize,
    /// Incident kinetic energies in GeV.
    pub energies_gev: Vec<f64>,
    /// Shower i holds points `offsets[i]` up to `offsets[i + 1]`; one entry more than there are showers.
    pub offsets: Vec<usize>,
    /// All points one after the other, `n_features` numbers each.
    pub points: Vec<f32>,
    /// Directions, particles and numbers of the showers.
    pub extras: ShowerExtras,
}

impl PointBatch {
    /// A batch without showers, of points with `n_features` numbers (4, or 5 with the time).
    pub fn empty(n_features: usize) -> Self {
        Self {
            first_shower: 0,
            n_features,
            energies_gev: Vec::new(),
            offsets: vec![0],
            points: Vec::new(),
            extras: ShowerExtras::default(),
        }
    }

    /// Showers in the batch.
    pub fn len(&self) -> usize {
        self.energies_gev.len()
    }

    /// Whether the batch holds no shower.
    pub fn is_empty(&self) -> bool {
        self.energies_gev.is_empty()
    }

    /// The points of one shower, `n_features` numbers each.
    pub fn shower(&self, shower: usize) -> &[f32] {
        &self.points[self.offsets[shower] * self.n_features..self.offsets[shower + 1] * self.n_features]
    }

    /// Points of one shower.
    pub fn n_points(&self, shower: usize) -> usize {
        self.offsets[shower + 1] - self.offsets[shower]
    }
}

/// Cells as point clouds see them: centres in mm from the grid's centre.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellPositions {
    grid: Grid,
    cell_size_mm: [f64; 2],
    /// Layers of the grid for each of the points: 1, or 0 where one cell holds all points.
    layer_scale: f64,
}

impl CellPositions {
    pub(crate) fn of(detector: &Detector) -> Self {
        Self { grid: detector.grid, cell_size_mm: detector.readout.cell_size_mm, layer_scale: 1.0 }
    }

    /// One cell for all points, where no detector tells of others.
    pub(crate) fn one() -> Self {
        let grid = Grid { layers: 1, nx: 1, ny: 1 };
        Self { grid, cell_size_mm: [f64::INFINITY; 2], layer_scale: 0.0 }
    }

    pub(crate) fn grid(self) -> Grid {
        self.grid
    }

    /// Index in a shower of the cell that holds `point`, unless it lies outside the grid.
    fn cell_at(self, point: &[f32]) -> Option<usize> {
        let index = |position: f64, n: usize| {
            let index = position.floor();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "within 0..n, checked"
            )]
            (index >= 0.0 && index < n as f64).then_some(index as usize)
        };
        let Grid { layers, nx, ny } = self.grid;
        let x = index(f64::from(point[0]) / self.cell_size_mm[0] + nx as f64 / 2.0, nx)?;
        let y = index(f64::from(point[1]) / self.cell_size_mm[1] + ny as f64 / 2.0, ny)?;
        let layer = index(f64::from(point[2]) * self.layer_scale + 0.5, layers)?;
        Some((layer * nx + x) * ny + y)
    }

    /// x in mm, y in mm and the layer of a cell's centre.
    fn centre(self, cell: usize) -> [f64; 3] {
        let Grid { nx, ny, .. } = self.grid;
        let (layer, x, y) = (cell / (nx * ny), cell / ny % nx, cell % ny);
        let mm = |index: usize, n: usize, size_mm: f64| (index as f64 - (n as f64 - 1.0) / 2.0) * size_mm;
        [mm(x, nx, self.cell_size_mm[0]), mm(y, ny, self.cell_size_mm[1]), layer as f64]
    }
}

/// Sums points into the cells of `detector`; the number of points outside its grid, which are dropped.
///
/// # Units
/// Points are in GeV, cells in MeV.
pub fn points_to_grid<T: Real>(points: &PointBatch, detector: &Detector, batch: &mut ShowerBatch<T>) -> u64 {
    sum_points(points, CellPositions::of(detector), batch)
}

pub(crate) fn sum_points<T: Real>(
    points: &PointBatch,
    positions: CellPositions,
    batch: &mut ShowerBatch<T>,
) -> u64 {
    let [layers, nx, ny] = positions.grid.shape();
    let n_cells = positions.grid.n_cells();
    let (mut cells, _) = std::mem::take(&mut batch.cells_mev).into_raw_vec_and_offset();
    cells.clear();
    cells.resize(points.len() * n_cells, T::default());
    let mut n_outside = 0;
    for (shower, cells) in cells.chunks_exact_mut(n_cells).enumerate() {
        for point in points.shower(shower).chunks_exact(points.n_features) {
            match positions.cell_at(point) {
                Some(cell) => cells[cell] = T::from_f64(cells[cell].to_f64() + f64::from(point[3]) * 1e3),
                None => n_outside += 1,
            }
        }
    }
    batch.first_shower = points.first_shower;
    batch.energies_gev.clone_from(&points.energies_gev);
    batch.extras.clone_from(&points.extras);
    // As many cells as the shape says, by the resize above.
    batch.cells_mev =
        ndarray::Array4::from_shape_vec((points.len(), layers, nx, ny), cells).unwrap_or_default();
    n_outside
}

/// The cells that are not empty, layer by layer, as points with four numbers at the cells' centres.
///
/// # Units
/// Cells are in MeV, points in GeV.
pub fn grid_to_points<T: Real>(batch: &ShowerBatch<T>, detector: &Detector, points: &mut PointBatch) {
    let positions = CellPositions { grid: batch.grid(), ..CellPositions::of(detector) };
    points.first_shower = batch.first_shower;
    points.n_features = 4;
    points.energies_gev.clone_from(&batch.energies_gev);
    points.extras.clone_from(&batch.extras);
    points.points.clear();
    points.offsets.clear();
    points.offsets.push(0);
    for shower in batch.cells_mev.outer_iter() {
        for (cell, energy_mev) in shower.iter().enumerate().filter(|(_, energy)| **energy != T::default()) {
            let [x_mm, y_mm, layer] = positions.centre(cell);
            let point = [x_mm, y_mm, layer, energy_mev.to_f64() / 1e3];
            points.points.extend(point.map(f32::from_f64));
        }
        points.offsets.push(points.points.len() / 4);
    }
}

/// `n` times the direction along the depth axis, ShowerData's default.
pub(crate) fn forward(n: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, 3), |(_, axis)| if axis == 2 { 1.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_from_their_centres() {
        let detector = Detector::load("ild-ahcal").unwrap();
        let positions = CellPositions::of(&detector);
        for cell in 0..detector.grid.n_cells() {
            let [x, y, layer] = positions.centre(cell).map(f32::from_f64);
            assert_eq!(positions.cell_at(&[x, y, layer, 1.0]), Some(cell));
        }
    }

    #[test]
    fn points_outside_are_dropped_and_counted() {
        let detector = Detector::load("ild-ecal").unwrap();
        let mut points = PointBatch::empty(4);
        points.energies_gev = vec![10.0];
        points.points =
            [[0.1, -0.1, 3.0, 2e-3], [75.1, 0.0, 3.0, 1.0], [0.0, 0.0, 30.0, 1.0], [0.2, -0.2, 3.0, 1e-3]]
                .concat();
        points.points.extend([f32::NAN, 0.0, 0.0, 1.0]);
        points.offsets = vec![0, 5];
        let mut batch = ShowerBatch::<f32>::empty(detector.grid);
        assert_eq!(points_to_grid(&points, &detector, &mut batch), 3);
        assert!((batch.cells_mev[[0, 3, 15, 14]] - 3.0).abs() < 1e-6);
        assert_eq!(batch.cells_mev.iter().filter(|cell| **cell > 0.0).count(), 1);
    }
}
