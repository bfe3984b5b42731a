//! The three products of a locally connected layer, samples as lanes: images lie as `[channel, cell, sample]`, so that a
//! weight meets all samples of a cell side by side. Sums of several channels are kept in registers while the samples they
//! share pass by.

use std::ops::Range;

use rayon::prelude::*;

use super::Real;
use super::vector::vectorised;

/// Which cells each place of a layer sees, and by which taps it is seen.
#[derive(Debug, Clone)]
pub(crate) struct Taps {
    n_taps: usize,
    /// Tap and cell of what each place sees.
    sees: Lists,
    /// Place and tap of all that see a cell.
    seen_by: Lists,
}

/// Lists of pairs of numbers, one after another.
#[derive(Debug, Clone)]
struct Lists {
    pairs: Vec<[u32; 2]>,
    /// Where each list begins, and where the last ends.
    starts: Vec<usize>,
}

impl Lists {
    fn new(lists: &[Vec<[u32; 2]>]) -> Self {
        let ends = lists.iter().scan(0, |sum, list| {
            *sum += list.len();
            Some(*sum)
        });
        Self { starts: std::iter::once(0).chain(ends).collect(), pairs: lists.concat() }
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn get(&self, i: usize) -> impl Iterator<Item = [usize; 2]> + Clone {
        self.pairs[self.starts[i]..self.starts[i + 1]].iter().map(|pair| pair.map(|number| number as usize))
    }
}

impl Taps {
    /// `cells` holds the cell of every tap of every place; none outside.
    pub(crate) fn new(n_cells: usize, n_taps: usize, cells: &[Option<u32>]) -> Self {
        let mut sees = vec![Vec::new(); cells.len() / n_taps];
        let mut seen_by = vec![Vec::new(); n_cells];
        for (i, cell) in cells.iter().enumerate() {
            if let Some(cell) = *cell {
                let [place, tap] = [i / n_taps, i % n_taps];
                sees[place].push([tap as u32, cell]);
                seen_by[cell as usize].push([place as u32, tap as u32]);
            }
        }
        Self { n_taps, sees: Lists::new(&sees), seen_by: Lists::new(&seen_by) }
    }

    pub(crate) fn n_cells(&self) -> usize {
        self.seen_by.len()
    }

    pub(crate) fn n_taps(&self) -> usize {
        self.n_taps
    }

    pub(crate) fn n_places(&self) -> usize {
        self.sees.len()
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
    let x = transposed(x, n, n_in * taps.n_cells());
    let n_places = taps.n_places();
    // [place, out, n]: a task writes one piece.
    let mut y = vec![T::zero(); n_places * n_out * n];
    y.par_chunks_mut(n_out * n).enumerate().for_each(|(place, y)| {
        let terms = (0..n_in).flat_map(|i| taps.sees.get(place).map(move |[tap, cell]| [i, tap, cell]));
        let terms = terms.map(|[i, tap, cell]| Term {
            weight: sizes.weight(taps.n_taps, place, [0, i], tap),
            samples: sizes.samples(taps.n_cells(), i, cell).start,
        });
        vectorised(|| weighted_sums(y, n, &terms, weight, n_in * taps.n_taps, &x));
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
    let n_cells = taps.n_cells();
    // [cell, in, n]
    let mut dx = vec![T::zero(); n_cells * n_in * n];
    dx.par_chunks_mut(n_in * n).enumerate().for_each(|(cell, dx)| {
        let terms = taps.seen_by.get(cell).flat_map(|[place, tap]| (0..n_out).map(move |o| [place, tap, o]));
        let terms = terms.map(|[place, tap, o]| Term {
            weight: sizes.weight(taps.n_taps, place, [o, 0], tap),
            samples: sizes.samples(n_places, o, place).start,
        });
        vectorised(|| weighted_sums(dx, n, &terms, weight, taps.n_taps, &g));
    });
    let mut out = vec![T::zero(); dx.len()];
    out.par_chunks_mut(n_in * n_cells).enumerate().for_each(|(sample, out)| {
        for (i, out) in out.chunks_exact_mut(n_cells).enumerate() {
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
    let n_cells = taps.n_cells();
    let (g, x) = (transposed(g, n, n_out * n_places), transposed(x, n, n_in * n_cells));
    let each = n_in * taps.n_taps;
    let mut dw = vec![T::zero(); n_places * n_out * each];
    dw.par_chunks_mut(n_out * each).enumerate().for_each(|(place, dw)| {
        vectorised(|| {
            for i in 0..n_in {
                for [tap, cell] in taps.sees.get(place) {
                    let x = &x[sizes.samples(n_cells, i, cell)];
                    let g = |o: usize| &g[sizes.samples(n_places, o, place)];
                    let mut set = |o: usize, value| dw[o * each + i * taps.n_taps + tap] = value;
                    let whole = n_out - n_out % CHANNELS;
                    for o in (0..whole).step_by(CHANNELS) {
                        let values = dots(std::array::from_fn::<_, CHANNELS, _>(|k| g(o + k)), x);
                        values.into_iter().enumerate().for_each(|(k, value)| set(o + k, value));
                    }
                    for o in whole..n_out {
                        let [value] = dots([g(o)], x);
                        set(o, value);
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

/// Samples that are summed side by side: one or more vectors on every machine.
const LANES: usize = 16;

/// Channels whose sums are kept in registers at once.
const CHANNELS: usize = 4;

/// A term of a sum over samples: where the weight for the first channel is, and where the samples begin.
#[derive(Clone, Copy)]
struct Term {
    weight: usize,
    samples: usize,
}

/// The sum of `terms`, in their order, for each channel of `y`, `[channel, n]`; the weights of a channel lie `stride` behind
/// those of the one before.
#[inline(always)]
fn weighted_sums<T: Real>(
    y: &mut [T],
    n: usize,
    terms: &(impl Iterator<Item = Term> + Clone),
    weight: &[T],
    stride: usize,
    x: &[T],
) {
    if n < LANES {
        for (channel, y) in y.chunks_exact_mut(n).enumerate() {
            for Term { weight: first, samples } in terms.clone() {
                let factor = weight[first + channel * stride];
                for (y, &x) in y.iter_mut().zip(&x[samples..samples + n]) {
                    *y += factor * x;
                }
            }
        }
        return;
    }
    for (group, y) in y.chunks_mut(CHANNELS * n).enumerate() {
        let weight = &weight[group * CHANNELS * stride..];
        if y.len() == CHANNELS * n {
            block_sums::<T, CHANNELS>(y, n, terms, weight, stride, x);
        } else {
            for (channel, y) in y.chunks_exact_mut(n).enumerate() {
                block_sums::<T, 1>(y, n, terms, &weight[channel * stride..], stride, x);
            }
        }
    }
}

/// The sums of `C` channels of at least [`LANES`] samples, block by block; the last block overlaps the one before it, so
/// that it is whole.
#[inline(always)]
fn block_sums<T: Real, const C: usize>(
    y: &mut [T],
    n: usize,
    terms: &(impl Iterator<Item = Term> + Clone),
    weight: &[T],
    stride: usize,
    x: &[T],
) {
    for start in (0..n).step_by(LANES).map(|start| start.min(n - LANES)) {
        let mut sums = [[T::zero(); LANES]; C];
        for Term { weight: first, samples } in terms.clone() {
            let x = &x[samples + start..samples + start + LANES];
            for (channel, sums) in sums.iter_mut().enumerate() {
                let factor = weight[first + channel * stride];
                for (sum, &x) in sums.iter_mut().zip(x) {
                    *sum += factor * x;
                }
            }
        }
        for (y, sums) in y.chunks_exact_mut(n).zip(&sums) {
            y[start..start + LANES].copy_from_slice(sums);
        }
    }
}

/// Scalar products of each of `a` with `b`. Partial sums run side by side, and are added pairwise, so that the order does
/// not depend on the width of vectors.
#[inline(always)]
fn dots<T: Real, const C: usize>(a: [&[T]; C], b: &[T]) -> [T; C] {
    let mut partial = [[T::zero(); LANES]; C];
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (block, b) in b.iter().enumerate() {
        for (a, partial) in a.iter().zip(&mut partial) {
            let a = &a[block * LANES..(block + 1) * LANES];
            for lane in 0..LANES {
                partial[lane] += a[lane] * b[lane];
            }
        }
    }
    let mut totals = [T::zero(); C];
    for ((a, partial), total) in a.iter().zip(&mut partial).zip(&mut totals) {
        let rest: T = a[b.len() * LANES..].iter().zip(b_rest).map(|(&a, &b)| a * b).sum();
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                partial[lane] += partial[lane + half];
            }
        }
        *total = partial[0] + rest;
    }
    totals
}
