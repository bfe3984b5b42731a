//! The three products of a locally connected layer, samples as lanes: images lie as `[channel, cell, sample]`, so that a
//! weight meets all samples of a cell side by side.

use std::ops::Range;

use rayon::prelude::*;

use super::Real;
use super::vector::vectorised;

/// Which cells each place of a layer sees, and by which taps it is seen.
#[derive(Debug, Clone)]
pub(crate) struct Taps {
    n_cells: usize,
    n_taps: usize,
    /// For each place and tap the cell, if it is inside.
    cells: Vec<Option<u32>>,
    /// Place and tap of all that see a cell, cell by cell.
    seen_by: Vec<[u32; 2]>,
    /// Where those of each cell begin, and where the last end.
    starts: Vec<usize>,
}

impl Taps {
    /// `cells` holds the cell of every tap of every place; none outside.
    pub(crate) fn new(n_cells: usize, n_taps: usize, cells: Vec<Option<u32>>) -> Self {
        let mut by_cell = vec![Vec::new(); n_cells];
        for (i, cell) in cells.iter().enumerate() {
            if let Some(cell) = cell {
                by_cell[*cell as usize].push([(i / n_taps) as u32, (i % n_taps) as u32]);
            }
        }
        let mut starts = vec![0];
        starts.extend(by_cell.iter().scan(0, |sum, seen| {
            *sum += seen.len();
            Some(*sum)
        }));
        Self { n_cells, n_taps, cells, seen_by: by_cell.concat(), starts }
    }

    pub(crate) fn n_cells(&self) -> usize {
        self.n_cells
    }

    pub(crate) fn n_taps(&self) -> usize {
        self.n_taps
    }

    pub(crate) fn n_places(&self) -> usize {
        self.cells.len() / self.n_taps
    }

    fn of_place(&self, place: usize) -> impl Iterator<Item = (usize, usize)> {
        let cells = &self.cells[place * self.n_taps..(place + 1) * self.n_taps];
        cells.iter().enumerate().filter_map(|(tap, cell)| Some((tap, (*cell)? as usize)))
    }

    fn of_cell(&self, cell: usize) -> &[[u32; 2]] {
        &self.seen_by[self.starts[cell]..self.starts[cell + 1]]
    }
}

/// Channels that enter and come out, and samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) n: usize,
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
}

impl Sizes {
    /// Place of a weight `[place, out, in, tap]` of `n_taps`.
    fn weight(self, n_taps: usize, place: usize, [o, i]: [usize; 2], tap: usize) -> usize {
        ((place * self.n_out + o) * self.n_in + i) * n_taps + tap
    }

    /// The samples of a cell of a channel among `n_cells` each.
    fn samples(self, n_cells: usize, channel: usize, cell: usize) -> Range<usize> {
        let start = (channel * n_cells + cell) * self.n;
        start..start + self.n
    }
}

/// `y[n, o, p] = sum over i, t of w[p, o, i, t] x[n, i, cell(p, t)]`.
///
/// # Shapes
/// `x` `[n, in, cell]`, `weight` `[place, out, in, tap]` to `[n, out, place]`.
pub(crate) fn forward<T: Real>(x: &[T], weight: &[T], taps: &Taps, sizes: Sizes) -> Vec<T> {
    let Sizes { n, n_in, n_out } = sizes;
    let x = transposed(x, n, n_in * taps.n_cells);
    let n_places = taps.n_places();
    // [place, out, n]: a task writes one piece.
    let mut y = vec![T::zero(); n_places * n_out * n];
    y.par_chunks_mut(n_out * n).enumerate().for_each(|(place, y)| {
        vectorised(|| {
            for (o, y) in y.chunks_exact_mut(n).enumerate() {
                for i in 0..n_in {
                    for (tap, cell) in taps.of_place(place) {
                        let factor = weight[sizes.weight(taps.n_taps, place, [o, i], tap)];
                        add_scaled(y, factor, &x[sizes.samples(taps.n_cells, i, cell)]);
                    }
                }
            }
        });
    });
    // [place, out, n] -> [n, out, place].
    let mut out = vec![T::zero(); y.len()];
    out.par_chunks_mut(n_out * n_places).enumerate().for_each(|(sample, out)| {
        for (o, out) in out.chunks_exact_mut(n_places).enumerate() {
            for (place, out) in out.iter_mut().enumerate() {
                *out = y[(place * n_out + o) * n + sample];
            }
        }
    });
    out
}

/// `dx[n, i, c] = sum over o and what sees c of w[p, o, i, t] g[n, o, p]`.
///
/// # Shapes
/// `g` `[n, out, place]`, `weight` `[place, out, in, tap]` to `[n, in, cell]`.
pub(crate) fn input_gradient<T: Real>(g: &[T], weight: &[T], taps: &Taps, sizes: Sizes) -> Vec<T> {
    let Sizes { n, n_in, n_out } = sizes;
    let n_places = taps.n_places();
    let g = transposed(g, n, n_out * n_places);
    // [cell, in, n]
    let mut dx = vec![T::zero(); taps.n_cells * n_in * n];
    dx.par_chunks_mut(n_in * n).enumerate().for_each(|(cell, dx)| {
        vectorised(|| {
            for (i, dx) in dx.chunks_exact_mut(n).enumerate() {
                for &[place, tap] in taps.of_cell(cell) {
                    let [place, tap] = [place as usize, tap as usize];
                    for o in 0..n_out {
                        let factor = weight[sizes.weight(taps.n_taps, place, [o, i], tap)];
                        add_scaled(dx, factor, &g[sizes.samples(n_places, o, place)]);
                    }
                }
            }
        });
    });
    let mut out = vec![T::zero(); dx.len()];
    out.par_chunks_mut(n_in * taps.n_cells).enumerate().for_each(|(sample, out)| {
        for (i, out) in out.chunks_exact_mut(taps.n_cells).enumerate() {
            for (cell, out) in out.iter_mut().enumerate() {
                *out = dx[(cell * n_in + i) * n + sample];
            }
        }
    });
    out
}

/// `dw[p, o, i, t] = sum over n of g[n, o, p] x[n, i, cell(p, t)]`.
///
/// # Shapes
/// `g` `[n, out, place]`, `x` `[n, in, cell]` to `[place, out, in, tap]`.
pub(crate) fn weight_gradient<T: Real>(g: &[T], x: &[T], taps: &Taps, sizes: Sizes) -> Vec<T> {
    let Sizes { n, n_in, n_out } = sizes;
    let n_places = taps.n_places();
    let (g, x) = (transposed(g, n, n_out * n_places), transposed(x, n, n_in * taps.n_cells));
    let mut dw = vec![T::zero(); n_places * n_out * n_in * taps.n_taps];
    dw.par_chunks_mut(n_out * n_in * taps.n_taps).enumerate().for_each(|(place, dw)| {
        vectorised(|| {
            for (o, dw) in dw.chunks_exact_mut(n_in * taps.n_taps).enumerate() {
                let g = &g[sizes.samples(n_places, o, place)];
                for (i, dw) in dw.chunks_exact_mut(taps.n_taps).enumerate() {
                    for (tap, cell) in taps.of_place(place) {
                        dw[tap] = dot(g, &x[sizes.samples(taps.n_cells, i, cell)]);
                    }
                }
            }
        });
    });
    dw
}

/// Rows become columns.
fn transposed<T: Real>(x: &[T], rows: usize, columns: usize) -> Vec<T> {
    let mut out = vec![T::zero(); x.len()];
    out.par_chunks_mut(rows * 64).enumerate().for_each(|(block, out)| {
        for (column, out) in out.chunks_exact_mut(rows).enumerate() {
            for (row, out) in out.iter_mut().enumerate() {
                *out = x[row * columns + block * 64 + column];
            }
        }
    });
    out
}

#[inline(always)]
fn add_scaled<T: Real>(y: &mut [T], factor: T, x: &[T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// Partial sums side by side, so that the order does not depend on the width of vectors.
#[inline(always)]
fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut partial = [T::zero(); 16];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..16 {
            partial[lane] += a[lane] * b[lane];
        }
    }
    let rest: T = a_rest.iter().zip(b_rest).map(|(&a, &b)| a * b).sum();
    partial.into_iter().sum::<T>() + rest
}
