//! Sums of one thread. Adding a shower allocates nothing.

use super::layout::Layout;
use crate::observables::{Column, Hit, Marginals, collect_hits};
use crate::random::shower_weights;
use crate::sums::{add, round_square, round_to_ev};

/// Sums over the showers of one thread, and its scratch space.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    n_columns: usize,
    /// `[replica, half, column]`; replica 0 has weight 1 throughout.
    sums: Vec<f64>,
    /// Sums of squares of each shower's content, `[half, column]`.
    squared: Vec<f64>,
    image_mev: Vec<f64>,
    n_split: usize,
    /// `[split, part, column]`, the first `n_split` columns only.
    splits: Vec<f64>,
    half: usize,
    weights: Vec<f64>,
    /// The splits that the shower belongs to, as bits, for each part.
    members: [u64; 2],
    hits: Vec<Hit>,
    marginals: Marginals,
    /// The shower's content of the dense columns.
    dense: Vec<f64>,
    /// The other columns that it fills, each with 1.
    singles: Vec<usize>,
}

impl Worker {
    pub(super) fn new(layout: &Layout, replicas: usize, n_splits: usize) -> Self {
        let n_columns = layout.n_columns;
        Self {
            n_columns,
            sums: vec![0.0; (1 + replicas) * 2 * n_columns],
            squared: vec![0.0; 2 * n_columns],
            image_mev: vec![0.0; layout.grid.positions().len()],
            n_split: layout.n_split,
            splits: vec![0.0; n_splits * 2 * layout.n_split],
            half: 0,
            weights: vec![1.0; 1 + replicas],
            members: [0; 2],
            hits: Vec::new(),
            marginals: Marginals::new(layout.grid.shape()),
            dense: vec![0.0; layout.n_dense],
            singles: Vec::new(),
        }
    }

    /// Sums of one half in replica `i`; 0 is the sample itself.
    pub(super) fn sums(&self, i: usize, half: usize) -> &[f64] {
        &self.sums[(2 * i + half) * self.n_columns..][..self.n_columns]
    }

    /// Sums of squares of one half.
    pub(super) fn squared(&self, half: usize) -> &[f64] {
        &self.squared[half * self.n_columns..][..self.n_columns]
    }

    /// Sums of one part of a split.
    pub(super) fn split_sums(&self, split: usize, part: usize) -> &[f64] {
        &self.splits[(2 * split + part) * self.n_split..][..self.n_split]
    }

    pub(super) fn image_mev(&self) -> &[f64] {
        &self.image_mev
    }

    /// Half, replica weights and splits of the shower that [`Self::add`] takes next.
    pub(super) fn draw_weights(&mut self, seed: u64, key: u64, shower: u64, members: [u64; 2]) {
        self.half = shower_weights(seed, key, shower, &mut self.weights[1..]);
        self.members = members;
    }

    /// Adds a shower and returns its observables; the index of a non-finite cell is the error.
    pub(super) fn add(
        &mut self,
        layout: &Layout,
        cells_mev: &[f32],
        energy_gev: f64,
    ) -> Result<[f64; Column::ALL.len()], usize> {
        collect_hits(cells_mev, layout.observables.cell_cut_mev as f32, &mut self.hits)?;
        self.marginals.fill(&layout.grid, &self.hits);
        let row = self.marginals.observables(energy_gev, &layout.observables.shower_start);
        self.bin_cells(layout);
        self.bin_shower(layout, &row, energy_gev);
        self.add_binned(layout.n_dense);
        self.add_to_splits(layout.n_dense);
        Ok(row)
    }

    /// Fills the histograms of cells and layers, and the image.
    fn bin_cells(&mut self, layout: &Layout) {
        self.dense.fill(0.0);
        for histogram in &layout.cells {
            histogram.count(&self.hits, &layout.grid, &mut self.dense);
        }
        let [_, _, ny] = layout.grid.shape();
        for hit in &self.hits {
            let energy_mev = f64::from(hit.energy_mev);
            let [_, x, y] = layout.grid.positions()[hit.cell as usize];
            for columns in &layout.transverse {
                self.dense[columns[usize::from(x) * ny + usize::from(y)] as usize] += energy_mev;
            }
            self.image_mev[hit.cell as usize] += round_to_ev(energy_mev);
        }
        for columns in &layout.layers {
            for (&column, energy_mev) in columns.iter().zip(self.marginals.layers()) {
                self.dense[column as usize] += energy_mev;
            }
        }
        for content in &mut self.dense {
            *content = round_to_ev(*content);
        }
    }

    /// Finds the columns of observables with one value per shower; a moment that does not exist has none.
    fn bin_shower(&mut self, layout: &Layout, row: &[f64; Column::ALL.len()], energy_gev: f64) {
        self.singles.clear();
        self.singles.extend(layout.showers.iter().filter_map(|histogram| histogram.column(row, 1.0)));
        for at in &layout.at_energy {
            if let Some(scale) = at.window.scale(energy_gev) {
                self.singles.extend(at.showers.iter().filter_map(|histogram| histogram.column(row, scale)));
            }
        }
    }

    /// Adds the shower's bins to every replica that drew it.
    fn add_binned(&mut self, n_dense: usize) {
        let rows = self.sums.chunks_exact_mut(2 * self.n_columns);
        for (halves, &weight) in rows.zip(&self.weights) {
            if weight > 0.0 {
                let row = &mut halves[self.half * self.n_columns..][..self.n_columns];
                for (sum, content) in row[..n_dense].iter_mut().zip(&self.dense) {
                    *sum += weight * content;
                }
                for &column in &self.singles {
                    row[column] += weight;
                }
            }
        }
        let row = &mut self.squared[self.half * self.n_columns..][..self.n_columns];
        for (sum, content) in row[..n_dense].iter_mut().zip(&self.dense) {
            *sum += round_square(content * content);
        }
        for &column in &self.singles {
            row[column] += 1.0;
        }
    }

    /// Adds the shower's bins to every split that drew it.
    fn add_to_splits(&mut self, n_dense: usize) {
        for part in 0..2 {
            let mut members = self.members[part];
            while members != 0 {
                let split = members.trailing_zeros() as usize;
                members &= members - 1;
                let row = &mut self.splits[(2 * split + part) * self.n_split..][..self.n_split];
                add(&mut row[..n_dense], &self.dense);
                for &column in self.singles.iter().filter(|&&column| column < self.n_split) {
                    row[column] += 1.0;
                }
            }
        }
    }

    /// Adds the sums of another worker.
    pub(super) fn absorb(&mut self, other: &Self) {
        add(&mut self.sums, &other.sums);
        add(&mut self.squared, &other.squared);
        add(&mut self.image_mev, &other.image_mev);
        add(&mut self.splits, &other.splits);
    }
}
