//! One pass over the cells of a shower, and what follows from its hits.

use ndarray::ArrayView3;

use super::start::ShowerStart;
use super::table::Column;
use crate::error::{Error, Result};

/// Cells examined together; empty blocks cost a few vector instructions.
const BLOCK: usize = 16;

/// A cell above the cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    /// Index in the flat shower.
    pub(crate) cell: u32,
    /// Its energy, MeV.
    pub(crate) energy_mev: f32,
}

/// Layer, x and y of every cell of the flat shower.
#[derive(Debug, Clone)]
pub(crate) struct GridCells {
    shape: [usize; 3],
    positions: Vec<[u16; 3]>,
}

impl GridCells {
    pub(crate) fn new(shape: [usize; 3]) -> Result<Self> {
        if shape.iter().any(|n| !(1..=4096).contains(n)) || shape.iter().product::<usize>() > 1 << 28 {
            let expected = "1 to 4096 cells along each axis, at most 2^28 in all";
            return Err(Error::parameter("grid shape", format!("{shape:?}"), expected));
        }
        let [layers, nx, ny] = shape.map(|n| n as u16);
        let mut positions = Vec::with_capacity(shape.iter().product());
        for layer in 0..layers {
            for x in 0..nx {
                positions.extend((0..ny).map(|y| [layer, x, y]));
            }
        }
        Ok(Self { shape, positions })
    }

    pub(crate) fn shape(&self) -> [usize; 3] {
        self.shape
    }

    pub(crate) fn positions(&self) -> &[[u16; 3]] {
        &self.positions
    }

    /// The error for a non-finite cell.
    pub(crate) fn non_finite(&self, shower: u64, cell: usize, value: f32) -> Error {
        let [layer, x, y] = self.positions[cell].map(u64::from);
        Error::non_finite("cells_mev [shower, layer, x, y]", f64::from(value), &[shower, layer, x, y])
    }
}

/// The cells of one shower as a slice, copied only where the view is not contiguous.
pub(crate) fn shower_slice<'a>(shower: ArrayView3<'a, f32>, copy: &'a mut Vec<f32>) -> &'a [f32] {
    if let Some(cells) = shower.to_slice() {
        return cells;
    }
    copy.clear();
    copy.extend(shower.iter());
    copy
}

/// The cells above the cut, in order; the index of a NaN or infinite cell is the error.
pub(crate) fn collect_hits(
    cells: &[f32],
    cut_mev: f32,
    hits: &mut Vec<Hit>,
) -> std::result::Result<(), usize> {
    hits.clear();
    let (blocks, rest) = cells.as_chunks::<BLOCK>();
    for (i, block) in blocks.iter().enumerate() {
        if any_beyond(block, cut_mev) {
            collect_block(block, i * BLOCK, cut_mev, hits)?;
        }
    }
    collect_block(rest, blocks.len() * BLOCK, cut_mev, hits)
}

/// Whether the magnitude of a cell is above the cut, NaN or infinite.
#[inline]
fn any_beyond(block: &[f32; BLOCK], cut_mev: f32) -> bool {
    // Without their sign, floats are ordered as their bits are, infinity and NaN last; a difference of two such
    // numbers is negative where the cell is larger. With plain integers the compiler vectorises the loop.
    let magnitude = |value: f32| (value.to_bits() & (u32::MAX >> 1)).cast_signed();
    let cut = magnitude(cut_mev);
    block.iter().fold(0, |signs, &cell| signs | (cut - magnitude(cell))) < 0
}

/// The hits of at most [`BLOCK`] cells from index `first` on.
#[inline]
fn collect_block(
    block: &[f32],
    first: usize,
    cut_mev: f32,
    hits: &mut Vec<Hit>,
) -> std::result::Result<(), usize> {
    // Written always and kept if it counts: which cells are hit cannot be predicted, and a branch that the CPU
    // mispredicts costs more than the write.
    let mut kept = [Hit { cell: 0, energy_mev: 0.0 }; BLOCK];
    let mut n_kept = 0;
    let mut all_finite = true;
    for (i, &energy_mev) in block.iter().enumerate() {
        kept[n_kept] = Hit { cell: (first + i) as u32, energy_mev };
        n_kept += usize::from(energy_mev > cut_mev);
        all_finite &= energy_mev.is_finite();
    }
    if !all_finite {
        let bad = block.iter().position(|cell| !cell.is_finite());
        return Err(first + bad.unwrap_or_default());
    }
    hits.extend_from_slice(&kept[..n_kept]);
    Ok(())
}

/// Energies of one shower summed over all but one axis, MeV. Everything else follows from them.
#[derive(Debug, Clone)]
pub(crate) struct Marginals {
    layers: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
    n_hits: usize,
    peak_mev: f64,
}

impl Marginals {
    pub(crate) fn new([layers, nx, ny]: [usize; 3]) -> Self {
        Self { layers: vec![0.0; layers], x: vec![0.0; nx], y: vec![0.0; ny], n_hits: 0, peak_mev: 0.0 }
    }

    /// Energies by layer, MeV.
    pub(crate) fn layers(&self) -> &[f64] {
        &self.layers
    }

    pub(crate) fn fill(&mut self, grid: &GridCells, hits: &[Hit]) {
        self.layers.fill(0.0);
        self.x.fill(0.0);
        self.y.fill(0.0);
        (self.n_hits, self.peak_mev) = (hits.len(), 0.0);
        for hit in hits {
            let [layer, x, y] = grid.positions[hit.cell as usize];
            let energy_mev = f64::from(hit.energy_mev);
            self.layers[usize::from(layer)] += energy_mev;
            self.x[usize::from(x)] += energy_mev;
            self.y[usize::from(y)] += energy_mev;
            self.peak_mev = self.peak_mev.max(energy_mev);
        }
    }

    /// One row of the [`super::ObservableTable`].
    pub(crate) fn observables(&self, energy_gev: f64, start: &ShowerStart) -> [f64; Column::ALL.len()] {
        let visible_mev: f64 = self.layers.iter().sum();
        let [x, y, z] = [&self.x, &self.y, &self.layers].map(|sums| AxisMoments::of(sums, visible_mev));
        let n_layers = self.layers.len();
        let mut thirds = [0.0; 3];
        for (layer, energy_mev) in self.layers.iter().enumerate() {
            thirds[3 * layer / n_layers] += energy_mev;
        }
        // 0 / 0 in an empty shower gives NaN, as it should.
        let [third1, third2, third3] = thirds.map(|energy_mev| energy_mev / visible_mev);
        let start = start.layer(&self.layers).map_or(f64::NAN, |layer| layer as f64);
        [
            x.mean,
            y.mean,
            z.mean,
            x.variance,
            y.variance,
            z.variance,
            visible_mev,
            energy_gev,
            self.n_hits as f64,
            third1,
            third2,
            third3,
            start,
            self.peak_mev,
        ]
    }
}

/// Mean index along one axis and variance about it, weighted by energy.
struct AxisMoments {
    mean: f64,
    variance: f64,
}

impl AxisMoments {
    /// Of `sums` of the given total; NaN where that is zero.
    fn of(sums: &[f64], total: f64) -> Self {
        let indexed = || sums.iter().enumerate().map(|(i, &sum)| (i as f64, sum));
        let mean = indexed().map(|(i, sum)| i * sum).sum::<f64>() / total;
        let variance = indexed().map(|(i, sum)| (i - mean).powi(2) * sum).sum::<f64>() / total;
        Self { mean, variance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_cells_strictly_above_the_cut() {
        let mut cells = vec![0.0_f32; 40];
        (cells[3], cells[17], cells[38], cells[39]) = (0.1, -5.0, 0.2, 0.100_000_02);
        let mut hits = Vec::new();
        collect_hits(&cells, 0.1, &mut hits).unwrap();
        assert_eq!(hits, [Hit { cell: 38, energy_mev: 0.2 }, Hit { cell: 39, energy_mev: 0.100_000_02 }]);
    }

    #[test]
    fn a_non_finite_cell_is_found_wherever_it_stands() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for i in 0..37 {
                let mut cells = vec![0.0; 37];
                cells[i] = bad;
                assert_eq!(collect_hits(&cells, 0.0, &mut Vec::new()), Err(i));
            }
        }
    }
}
