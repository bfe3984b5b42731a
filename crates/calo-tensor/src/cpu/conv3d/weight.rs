//! Gradient of a convolution for its weight: a product contracted over samples and positions.
//!
//! Tasks are groups of samples times blocks of input channels. Each runs over its samples in blocks of planes, with the
//! input in a slab and the output's gradient transposed to `[position][channel]`, and sums in one fixed order; the
//! groups' sums are added in order at the end.

use pulp::Arch;
use rayon::prelude::*;

use super::axis::{Axis, Places, Tap};
use super::slab::Layout;
use crate::arguments::conv3d::Geometry;
use crate::cpu::simd::{Lanes, at_least};
use crate::cpu::tile::{ChannelLanes, PANEL, PositionSums, tile_width};

/// Rows of the product per task: so many that transposing the output's gradient does not count.
const ROWS: usize = 432;
/// Tasks to aim at, so that all cores have work; fixed, so that results are.
const TASKS: usize = 8;
/// Positions that are transposed at a time.
const TRANSPOSED: usize = 32;
/// What a slab, and a transposed gradient, may take.
const BYTES: usize = 1 << 19;

/// The gradient for the weight, from the input `x` and the output's gradient `gy`.
///
/// Slices hold contiguous tensors of the shapes that `geometry` names.
pub(crate) fn weight_gradient<T: Lanes>(x: &[T], gy: &[T], geometry: &Geometry) -> Vec<T> {
    let Geometry { x: xd, w: wd, y: yd, stride, padding } = &geometry.flattened();
    let axes = |places| -> [Axis; 3] {
        std::array::from_fn(|a| {
            Axis::convolution(xd[a + 2], yd[a + 2], wd[a + 2], stride[a], padding[a], places)
        })
    };
    let taps = wd[2] * wd[3] * wd[4];
    let (samples, in_channels, out_channels) = (xd[0], xd[1], yd[1]);
    let blocks = in_channels.div_ceil(ROWS.div_ceil(taps));
    let per_block = in_channels.div_ceil(blocks);
    let blocks = in_channels.div_ceil(per_block);
    let groups = TASKS.div_ceil(blocks).min(samples);

    let dense = axes(Places::Dense);
    let sums_positions = sums_positions::<T>(&dense, per_block * taps, out_channels);
    let axes = if sums_positions { dense } else { axes(Places::Plain) };
    let pass = Pass { axes, sums_positions, x, gy, in_channels, out_channels };
    let sums: Vec<_> = (0..groups * blocks)
        .into_par_iter()
        .map(|task| {
            let (group, block) = (task / blocks, task % blocks);
            let samples = samples * group / groups..samples * (group + 1) / groups;
            let channels = block * per_block..in_channels.min((block + 1) * per_block);
            pass.sum(samples, channels)
        })
        .collect();

    let mut gradient = vec![T::zero(); out_channels * in_channels * taps];
    for (task, sums) in sums.iter().enumerate() {
        let from = task % blocks * per_block * taps;
        let rows = sums.len() / out_channels;
        for (gradient, sums) in gradient.chunks_exact_mut(in_channels * taps).zip(sums.chunks_exact(rows)) {
            for (element, &sum) in gradient[from..from + rows].iter_mut().zip(sums) {
                *element += sum;
            }
        }
    }
    gradient
}

/// What all tasks share.
struct Pass<'a, T> {
    axes: [Axis; 3],
    /// Whether the lanes of a vector are positions, rather than output channels.
    sums_positions: bool,
    x: &'a [T],
    gy: &'a [T],
    in_channels: usize,
    out_channels: usize,
}

impl<T: Lanes> Pass<'_, T> {
    /// The gradient of some input channels from some samples: `[output channel][input channel, tap]`.
    fn sum(&self, samples: std::ops::Range<usize>, channels: std::ops::Range<usize>) -> Vec<T> {
        let [depth, height, width] = &self.axes;
        let planes = self.planes_per_block(channels.len());
        let layout = Layout::new(&self.axes, channels.len(), depth.places(0, planes).len());
        let rows = self.rows(&layout, channels.len());
        let tiled_rows = rows.len().next_multiple_of(PANEL);
        let mut tiled = rows.clone();
        tiled.resize(tiled_rows, rows.last().copied().unwrap_or(0));

        let lanes = T::lanes();
        let n_vectors = self.out_channels.div_ceil(lanes);
        let pitch = n_vectors * lanes;
        let volume = depth.input * height.input * width.input;
        let plane = height.output * width.output;

        let mut scratch = T::take_scratch();
        let results = at_least(&mut scratch.results, tiled_rows * pitch);
        results.fill(T::zero());
        for sample in samples {
            let x =
                &self.x[(sample * self.in_channels + channels.start) * volume..][..channels.len() * volume];
            let gy = &self.gy[sample * self.out_channels * depth.output * plane..];
            for from in (0..depth.output).step_by(planes) {
                let to = depth.output.min(from + planes);
                let slab = at_least(&mut scratch.slab, layout.len());
                layout.fill(&self.axes, x, depth.places(from, to), slab);
                let gy = gy.chunks_exact(depth.output * plane).take(self.out_channels);
                let gy = gy.map(|gy| &gy[from * plane..to * plane]);
                if self.sums_positions {
                    let positions =
                        (to - from - 1) * layout.plane + (height.output - 1) * layout.row + width.output;
                    let n_positions = positions.next_multiple_of(lanes);
                    let gradient = at_least(&mut scratch.panels, self.out_channels * n_positions);
                    for (gradient, gy) in gradient.chunks_exact_mut(n_positions).zip(gy) {
                        self.spread(&layout, gy, gradient);
                    }
                    Arch::new().dispatch(PositionSums {
                        gradient,
                        pitch: n_positions,
                        input: slab,
                        outer: &tiled,
                        n_vectors: n_positions / lanes,
                        results: &mut *results,
                        results_pitch: pitch,
                    });
                    continue;
                }
                let positions = &mut scratch.offsets;
                positions.clear();
                for plane in 0..to - from {
                    for row in 0..height.output {
                        let start = depth.step * plane * layout.plane + height.step * row * layout.row;
                        positions.extend((0..width.output).map(|column| start + width.step * column));
                    }
                }
                let panels = at_least(&mut scratch.panels, positions.len() * pitch);
                transpose(gy, n_vectors, panels);
                Arch::new().dispatch(ChannelLanes {
                    weights: panels,
                    n_vectors,
                    input: slab,
                    outer: &tiled,
                    inner: positions,
                    results: &mut *results,
                    add: true,
                });
            }
        }
        let results: &[T] = results;
        let mut sums = vec![T::zero(); self.out_channels * rows.len()];
        for (out, sums) in sums.chunks_exact_mut(rows.len()).enumerate() {
            for (sum, results) in sums.iter_mut().zip(results.chunks_exact(pitch)) {
                *sum = results[out];
            }
        }
        T::give_scratch(scratch);
        sums
    }

    /// Copies a channel's gradient to where the slab has its positions, zeros between them.
    fn spread(&self, layout: &Layout, gy: &[T], gradient: &mut [T]) {
        let [_, height, width] = &self.axes;
        if layout.row == width.output && layout.plane == height.output * width.output {
            let (copy, rest) = gradient.split_at_mut(gy.len());
            copy.copy_from_slice(gy);
            rest.fill(T::zero());
            return;
        }
        gradient.fill(T::zero());
        let planes = gradient.chunks_mut(layout.plane).zip(gy.chunks_exact(height.output * width.output));
        for (gradient, gy) in planes {
            for (gradient, gy) in gradient.chunks_mut(layout.row).zip(gy.chunks_exact(width.output)) {
                gradient[..gy.len()].copy_from_slice(gy);
            }
        }
    }

    /// Planes of output at a time.
    fn planes_per_block(&self, channels: usize) -> usize {
        let [depth, height, width] = &self.axes;
        let phases = depth.phases * height.phases * width.phases;
        let place = channels * phases * height.len * width.len * size_of::<T>();
        let halo = depth.len - depth.step * (depth.output - 1) - 1;
        let fitting = (BYTES / place.max(1)).saturating_sub(halo).max(1 + halo / 2) / depth.step;
        let transposed = BYTES / (height.output * width.output * self.out_channels * size_of::<T>()).max(1);
        fitting.min(transposed).clamp(1, depth.output)
    }

    /// Where each input channel and tap begins in the slab.
    fn rows(&self, layout: &Layout, channels: usize) -> Vec<usize> {
        let [depth, height, width] = &self.axes;
        let taps = |axis: &Axis| -> Vec<Tap> {
            axis.classes.first().map(|class| class.taps.clone()).unwrap_or_default()
        };
        let (d, h, w) = (taps(depth), taps(height), taps(width));
        let mut rows = Vec::with_capacity(channels * d.len() * h.len() * w.len());
        for channel in 0..channels {
            for &d in &d {
                for &h in &h {
                    rows.extend(w.iter().map(|&w| layout.tap(&self.axes, channel, [d, h, w])));
                }
            }
        }
        rows
    }
}

/// The cheaper choice: vectors that a tile multiplies, and whether a transposed gradient is worth its while.
fn sums_positions<T: Lanes>(dense: &[Axis; 3], rows: usize, channels: usize) -> bool {
    let [depth, height, width] = dense;
    let lanes = T::lanes();
    let positions = depth.output * height.output * width.output;
    let by_positions = channels * (depth.output * height.len * width.len).div_ceil(lanes);
    let by_channels = positions * channels.div_ceil(lanes);
    rows < TRANSPOSED || by_positions * 5 < by_channels * 4
}

/// Writes channels as panels of [`tile_width`] vectors, `[panel][position][channel of the panel]`.
fn transpose<'a, T: Lanes>(channels: impl Iterator<Item = &'a [T]>, n_vectors: usize, mut panels: &mut [T]) {
    let channels: Vec<_> = channels.collect();
    let lanes = T::lanes();
    let positions = panels.len() / (n_vectors * lanes);
    let mut vector = 0;
    while vector < n_vectors {
        let width = tile_width(n_vectors - vector) * lanes;
        let (panel, rest) = panels.split_at_mut(positions * width);
        let inside = &channels[vector * lanes..channels.len().min(vector * lanes + width)];
        // Few positions at a time: what is written stays in the first cache until its lines are full.
        for (part, panel) in panel.chunks_mut(TRANSPOSED * width).enumerate() {
            for (lane, channel) in inside.iter().enumerate() {
                let places = panel[lane..].iter_mut().step_by(width);
                for (place, &element) in places.zip(&channel[part * TRANSPOSED..]) {
                    *place = element;
                }
            }
            if inside.len() < width {
                panel.chunks_exact_mut(width).for_each(|places| places[inside.len()..].fill(T::zero()));
            }
        }
        panels = rest;
        vector += width / lanes;
    }
}
