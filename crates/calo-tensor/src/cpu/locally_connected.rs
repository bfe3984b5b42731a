//! The three products of a locally connected layer by the register tiles of convolutions, with samples in the place of
//! positions: images lie as `[channel, cell, sample]`, so that a weight meets all samples of a cell side by side.

use pulp::Arch;
use rayon::prelude::*;

use super::simd::{Lanes, Scratch, at_least};
use super::tile::{PANEL, PositionLanes, PositionSums};

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

    /// Samples in whole vectors.
    fn pitch<T: Lanes>(self) -> usize {
        self.n.next_multiple_of(T::lanes())
    }
}

/// `y[n, o, p] = sum over i, t of w[p, o, i, t] x[n, i, cell(p, t)]`.
///
/// # Shapes
/// `x` `[n, in, cell]`, `weight` `[place, out, in, tap]` to `[n, out, place]`.
pub(crate) fn forward<T: Lanes>(x: &[T], weight: &[T], taps: &Taps, sizes: Sizes) -> Vec<T> {
    let Sizes { n, n_in, n_out } = sizes;
    let (n_cells, pitch) = (taps.n_cells(), sizes.pitch::<T>());
    let x = transposed(x, n, pitch);
    weighted_sums(&x, taps.n_places(), n_out, sizes, |place, sums| {
        for i in 0..n_in {
            for [tap, cell] in taps.sees.get(place) {
                let first = sizes.weight(taps.n_taps, place, [0, i], tap);
                sums.add((i * n_cells + cell) * pitch, weight, first, n_in * taps.n_taps);
            }
        }
    })
}

/// `dx[n, i, c] = sum over o and what sees c of w[p, o, i, t] g[n, o, p]`.
///
/// # Shapes
/// `g` `[n, out, place]`, `weight` `[place, out, in, tap]` to `[n, in, cell]`.
pub(crate) fn input_gradient<T: Lanes>(g: &[T], weight: &[T], taps: &Taps, sizes: Sizes) -> Vec<T> {
    let Sizes { n, n_in, n_out } = sizes;
    let (n_places, pitch) = (taps.n_places(), sizes.pitch::<T>());
    let g = transposed(g, n, pitch);
    weighted_sums(&g, taps.n_cells(), n_in, sizes, |cell, sums| {
        for [place, tap] in taps.seen_by.get(cell) {
            for o in 0..n_out {
                let first = sizes.weight(taps.n_taps, place, [o, 0], tap);
                sums.add((o * n_places + place) * pitch, weight, first, taps.n_taps);
            }
        }
    })
}

/// `dw[p, o, i, t] = sum over n of g[n, o, p] x[n, i, cell(p, t)]`.
///
/// # Shapes
/// `g` `[n, out, place]`, `x` `[n, in, cell]` to `[place, out, in, tap]`.
pub(crate) fn weight_gradient<T: Lanes>(g: &[T], x: &[T], taps: &Taps, sizes: Sizes) -> Vec<T> {
    let Sizes { n, n_in, n_out } = sizes;
    let (n_places, n_cells, pitch) = (taps.n_places(), taps.n_cells(), sizes.pitch::<T>());
    let (g, x) = (transposed(g, n, pitch), transposed(x, n, pitch));
    let mut dw = vec![T::zero(); n_places * n_out * n_in * taps.n_taps];
    dw.par_chunks_mut(n_out * n_in * taps.n_taps).enumerate().for_each(|(place, dw)| {
        let mut scratch = T::take_scratch();
        let Scratch { panels: gradient, results, offsets, .. } = &mut scratch;
        let gradient = at_least(gradient, n_out * pitch);
        for (o, gradient) in gradient.chunks_exact_mut(pitch).enumerate() {
            gradient.copy_from_slice(&g[(o * n_places + place) * pitch..][..pitch]);
        }
        offsets.clear();
        for i in 0..n_in {
            offsets.extend(taps.sees.get(place).map(|[_, cell]| (i * n_cells + cell) * pitch));
        }
        // What is added to make whole panels is computed in vain.
        offsets.resize(offsets.len().next_multiple_of(PANEL), 0);
        let results = at_least(results, offsets.len() * n_out);
        results.fill(T::zero());
        Arch::new().dispatch(PositionSums {
            gradient,
            pitch,
            input: &x,
            outer: offsets,
            n_vectors: pitch / T::lanes(),
            results,
            results_pitch: n_out,
        });
        let rows = (0..n_in).flat_map(|i| taps.sees.get(place).map(move |[tap, _]| i * taps.n_taps + tap));
        for (row, results) in rows.zip(results.chunks_exact(n_out)) {
            for (o, &result) in results.iter().enumerate() {
                dw[o * n_in * taps.n_taps + row] = result;
            }
        }
        T::give_scratch(scratch);
    });
    dw
}

/// Rows become columns, each of `pitch` with zeros behind its `n` values.
fn transposed<T: Lanes>(x: &[T], n: usize, pitch: usize) -> Vec<T> {
    let columns = x.len() / n;
    let mut out = vec![T::zero(); columns * pitch];
    out.par_chunks_mut(pitch * 64).enumerate().for_each(|(block, out)| {
        for (column, out) in out.chunks_exact_mut(pitch).enumerate() {
            for (row, out) in out[..n].iter_mut().enumerate() {
                *out = x[row * columns + block * 64 + column];
            }
        }
    });
    out
}

/// Terms of the sums of all channels at one place.
struct Sums<'a, T> {
    channels: usize,
    /// Where the samples of each term begin.
    samples: &'a mut Vec<usize>,
    /// `[term, channels, in whole panels]`.
    weights: &'a mut Vec<T>,
}

impl<T: Lanes> Sums<'_, T> {
    /// A term of the samples from `samples` on; its weights begin at `first` and are `stride` apart.
    fn add(&mut self, samples: usize, weight: &[T], first: usize, stride: usize) {
        self.samples.push(samples);
        let weights = weight[first..].iter().step_by(stride).take(self.channels).copied();
        let none = self.channels.next_multiple_of(PANEL) - self.channels;
        self.weights.extend(weights.chain(std::iter::repeat_n(T::zero(), none)));
    }
}

/// Sums over samples, whose terms `collect` gives for each place: `[n, channel, place]`.
fn weighted_sums<T: Lanes>(
    samples: &[T],
    n_places: usize,
    channels: usize,
    sizes: Sizes,
    collect: impl Fn(usize, &mut Sums<'_, T>) + Sync,
) -> Vec<T> {
    let (n, pitch) = (sizes.n, sizes.pitch::<T>());
    let padded = channels.next_multiple_of(PANEL);
    // [place, channel, n]: a task writes one piece.
    let mut sums = vec![T::zero(); n_places * padded * pitch];
    sums.par_chunks_mut(padded * pitch).enumerate().for_each(|(place, results)| {
        let mut scratch = T::take_scratch();
        let Scratch { slab, panels, offsets, .. } = &mut scratch;
        offsets.clear();
        slab.clear();
        collect(place, &mut Sums { channels, samples: offsets, weights: slab });
        // [panel, term, PANEL]
        let panels = at_least(panels, slab.len());
        let (terms, places) = (offsets.len(), slab.as_chunks::<PANEL>().0);
        for (i, &place) in places.iter().enumerate() {
            let (term, panel) = (i / (padded / PANEL), i % (padded / PANEL));
            panels[(panel * terms + term) * PANEL..][..PANEL].copy_from_slice(&place);
        }
        Arch::new().dispatch(PositionLanes {
            weights: panels,
            channels,
            rows: offsets,
            input: samples,
            n_vectors: pitch / T::lanes(),
            results,
            pitch,
        });
        T::give_scratch(scratch);
    });
    // [place, channel, n] -> [n, channel, place].
    let mut out = vec![T::zero(); n * channels * n_places];
    out.par_chunks_mut(channels * n_places).enumerate().for_each(|(sample, out)| {
        for (channel, out) in out.chunks_exact_mut(n_places).enumerate() {
            for (place, out) in out.iter_mut().enumerate() {
                *out = sums[(place * padded + channel) * pitch + sample];
            }
        }
    });
    out
}
