//! Output of a convolution, and of a transposed convolution, on small grids: output channels are the lanes.
//!
//! Outputs are taken in parts that use the same taps, and no product with padding, nor with the zeros between the
//! elements of a strided gradient, is computed. Samples go together where one has too few outputs to fill a tile. Input
//! and results lie with channels last, so that what an output needs are a few long runs.

use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::Arch;
use rayon::prelude::*;

use super::reach::{Group, Reach};
use super::sweep::{Bias, Weights, written};
use super::transpose::{channels_first, channels_last};
use crate::arguments::conv3d::Geometry;
use crate::cpu::runs::{ChannelRuns, FEW, Place, Run, WIDTH};
use crate::cpu::simd::{Lanes, at_least};
use crate::cpu::tile::BLOCK;

/// What input and results of a task may take, if one sample does not take more: half of a usual second cache.
const BYTES: usize = 1 << 20;
/// Samples of a task at most.
const SAMPLES: usize = 8;
/// Positions of a task, if there are so many: below them the weights are read too often.
const POSITIONS: usize = 256;
/// Tasks to aim at, so that all cores have work; fixed, so that results are.
const TASKS: usize = 8;

/// `y = conv(x, w) + bias`.
pub(super) fn convolution<T: Lanes>(x: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    Pass::convolution(geometry).run(x, &Weights::convolution(w, geometry), bias)
}

/// The gradient of `conv` for `x`: the transposed convolution of `gy`, plus a bias.
pub(super) fn transposed<T: Lanes>(gy: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    Pass::transposed(geometry).run(gy, &Weights::transposed(w, geometry), bias)
}

/// Sizes and axes.
pub(super) struct Pass {
    axes: [Reach; 3],
    samples: usize,
    in_channels: usize,
    out_channels: usize,
}

/// Outputs that use the same taps on all axes, and what is summed for them.
struct Part<'a> {
    groups: [&'a Group; 3],
    runs: Vec<Run>,
}

/// Some vectors of output channels, with their weights `[tap, input channel][channel]`.
struct Panel<T> {
    /// The first vector.
    vector: usize,
    /// How many.
    width: usize,
    weights: Vec<T>,
}

impl Pass {
    pub(super) fn convolution(geometry: &Geometry) -> Self {
        let Geometry { x, w, y, stride, padding } = geometry;
        let axis = |a: usize| Reach::convolution(x[a + 2], y[a + 2], w[a + 2], stride[a], padding[a]);
        Self { axes: std::array::from_fn(axis), samples: x[0], in_channels: x[1], out_channels: y[1] }
    }

    pub(super) fn transposed(geometry: &Geometry) -> Self {
        let Geometry { x, w, y, stride, padding } = geometry;
        let axis = |a: usize| Reach::transposed(y[a + 2], x[a + 2], w[a + 2], stride[a], padding[a]);
        Self { axes: std::array::from_fn(axis), samples: x[0], in_channels: y[1], out_channels: x[1] }
    }

    /// Elements of an input channel.
    fn volume(&self) -> usize {
        self.axes.iter().map(|axis| axis.input).product()
    }

    /// Positions of an output channel.
    fn positions(&self) -> usize {
        self.axes.iter().map(|axis| axis.output).product()
    }

    /// What it costs per sample, in products of vectors: those of the tiles, and what turning around takes, about as
    /// much for an element. None where a sample is too large for a cache.
    pub(super) fn cost<T: Lanes>(&self) -> Option<usize> {
        let elements = self.elements();
        if elements * size_of::<T>() > 2 * BYTES {
            return None;
        }
        let vectors = self.out_channels.div_ceil(T::lanes());
        let together = self.together::<T>();
        Some(self.in_channels * vectors * self.tiled(together) / together + elements)
    }

    /// Elements of a sample of the input and of the output.
    fn elements(&self) -> usize {
        self.in_channels * self.volume() + self.out_channels * self.positions()
    }

    /// Taps that the tiles of `together` samples compute, those in vain included.
    fn tiled(&self, together: usize) -> usize {
        let outputs = |groups: [&Group; 3]| groups.map(|group| group.count).iter().product::<usize>();
        let taps = |groups: [&Group; 3]| groups.map(|group| group.taps.len()).iter().product::<usize>();
        groups(&self.axes).map(|each| (together * outputs(each)).next_multiple_of(FEW) * taps(each)).sum()
    }

    /// How many samples to take together: the fewest that fill the tiles and make use of the weights.
    fn together<T: Lanes>(&self) -> usize {
        let most = (BYTES / (self.elements() * size_of::<T>())).clamp(1, SAMPLES).min(self.samples);
        let exact = self.tiled(FEW) / FEW;
        let enough = |together: &usize| {
            together * self.positions() >= POSITIONS && 10 * self.tiled(*together) <= 11 * together * exact
        };
        let together = (1..most).find(enough).unwrap_or(most);
        // Groups of about the same size.
        self.samples.div_ceil(self.samples.div_ceil(together))
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let [_, height, width] = &self.axes;
        let part = |groups: [&'_ Group; 3]| {
            let [d, h, w] = groups;
            let mut runs = Vec::new();
            for (d_place, d_tap) in d.taps.clone().enumerate() {
                for (h_place, h_tap) in h.taps.clone().enumerate() {
                    let tap = (d_tap * height.order.len() + h_tap) * width.order.len() + w.taps.start;
                    let row = tap * self.in_channels;
                    let input = (d_place * height.input + h_place) * width.input * self.in_channels;
                    let len = w.taps.len() * self.in_channels;
                    let pieces = len.div_ceil(BLOCK).max(1);
                    for piece in 0..pieces {
                        let (from, to) = (len * piece / pieces, len * (piece + 1) / pieces);
                        runs.push(Run { row: row + from, input: input + from, len: to - from });
                    }
                }
            }
            runs.retain(|run| run.len > 0);
            runs
        };
        groups(&self.axes).map(|groups| Part { groups, runs: part(groups) }).collect()
    }

    fn panels<T: Lanes>(&self, weights: &Weights<'_, T>) -> Vec<Panel<T>> {
        let lanes = T::lanes();
        let vectors = self.out_channels.div_ceil(lanes);
        let widths = (0..vectors).step_by(WIDTH).map(|vector| (vector, WIDTH.min(vectors - vector)));
        let [depth, height, width] = &self.axes;
        let mut taps = Vec::with_capacity(depth.order.len() * height.order.len() * width.order.len());
        for d in &depth.order {
            for h in &height.order {
                taps.extend(width.order.iter().map(|w| weights.tap([*d, *h, *w])));
            }
        }
        let pack = |(vector, width): (usize, usize)| {
            let pitch = width * lanes;
            let channels = vector * lanes..self.out_channels.min((vector + width) * lanes);
            let mut packed = vec![T::zero(); taps.len() * self.in_channels * pitch];
            // The taps of an input channel are often a power of two apart, where few of them fit in a cache: they are
            // put together elsewhere.
            let mut rows = vec![T::zero(); taps.len() * pitch];
            for input in 0..self.in_channels {
                for (lane, channel) in channels.clone().enumerate() {
                    let kernel = &weights.taps(input, channel)[..taps.len()];
                    for (row, &tap) in rows.chunks_exact_mut(pitch).zip(&taps) {
                        row[lane] = kernel[tap];
                    }
                }
                let places = packed.chunks_exact_mut(self.in_channels * pitch);
                for (place, row) in places.zip(rows.chunks_exact(pitch)) {
                    place[input * pitch..][..pitch].copy_from_slice(row);
                }
            }
            Panel { vector, width, weights: packed }
        };
        widths.collect::<Vec<_>>().into_par_iter().map(pack).collect()
    }

    fn run<T: Lanes>(&self, input: &[T], weights: &Weights<'_, T>, bias: Bias<'_, T>) -> Vec<T> {
        let panels = self.panels(weights);
        let parts = self.parts();
        let (positions, together) = (self.positions(), self.together::<T>());
        // Few samples are shared by channels: then each task turns the same input around.
        let shares = TASKS.div_ceil(self.samples.div_ceil(together)).min(panels.len());

        let len = self.samples * self.out_channels * positions;
        let mut result = Vec::with_capacity(len);
        let output = &mut result.spare_capacity_mut()[..len];
        let mut tasks = Vec::new();
        for (group, output) in output.chunks_mut(together * self.out_channels * positions).enumerate() {
            let first = tasks.len();
            let samples = group * together..self.samples.min((group + 1) * together);
            tasks.extend(panels.chunks(panels.len().div_ceil(shares)).map(|panels| Task {
                samples: samples.clone(),
                panels,
                output: Vec::with_capacity(samples.len()),
            }));
            for mut sample in output.chunks_exact_mut(self.out_channels * positions) {
                for task in &mut tasks[first..] {
                    let channels = task.channels(T::lanes(), self.out_channels).len();
                    let (output, rest) = std::mem::take(&mut sample).split_at_mut(channels * positions);
                    task.output.push(output);
                    sample = rest;
                }
            }
        }
        tasks.into_par_iter().for_each(|task| self.compute(task, &parts, input, bias));
        written(result, len)
    }

    fn compute<T: Lanes>(&self, task: Task<'_, '_, T>, parts: &[Part<'_>], input: &[T], bias: Bias<'_, T>) {
        let (volume, positions, lanes) = (self.in_channels * self.volume(), self.positions(), T::lanes());
        let input = &input[task.samples.start * volume..task.samples.end * volume];
        let mut scratch = T::take_scratch();
        let input = if self.in_channels == 1 {
            input
        } else {
            let turned = at_least(&mut scratch.slab, input.len());
            for (from, to) in input.chunks_exact(volume).zip(turned.chunks_exact_mut(volume)) {
                channels_last(from, self.in_channels, to);
            }
            turned
        };
        let pitch = task.panels.iter().map(|panel| panel.width).sum::<usize>() * lanes;
        // What fills up a tile is put down behind the last.
        let results = at_least(&mut scratch.results, (task.samples.len() * positions + FEW) * pitch);
        let mut places = Vec::new();
        for part in parts {
            self.places(part, task.samples.len(), pitch, &mut places);
            if part.runs.is_empty() {
                places.iter().for_each(|place| results[place.result..][..pitch].fill(T::zero()));
                continue;
            }
            let mut at = 0;
            for panel in task.panels {
                Arch::new().dispatch(ChannelRuns {
                    weights: &panel.weights,
                    width: panel.width,
                    runs: &part.runs,
                    places: &places,
                    input,
                    results: &mut results[at..],
                });
                at += panel.width * lanes;
            }
        }
        let channels = task.channels(lanes, self.out_channels);
        let results = results.chunks_exact(positions * pitch);
        for ((sample, output), results) in task.samples.zip(task.output).zip(results) {
            let bias: Vec<_> =
                channels.clone().map(|channel| bias.at(sample, channel, self.out_channels)).collect();
            channels_first(results, pitch, &bias, output);
        }
        T::give_scratch(scratch);
    }

    /// The outputs of a part, of `samples` samples, and what fills up the last tile.
    fn places(&self, part: &Part<'_>, samples: usize, pitch: usize, places: &mut Vec<Place>) {
        let [depth, height, width] = &self.axes;
        let [d, h, w] = part.groups;
        places.clear();
        let one = |axis: &Reach, group: &Group, member: usize| {
            (group.first + axis.step * member, group.start + axis.out_step * member)
        };
        for sample in 0..samples {
            let (first_in, first_out) = (sample * self.volume(), sample * self.positions());
            for plane in 0..d.count {
                let (plane_in, plane_out) = one(depth, d, plane);
                for row in 0..h.count {
                    let (row_in, row_out) = one(height, h, row);
                    let row_in = first_in + (plane_in * height.input + row_in) * width.input;
                    let row_out = first_out + (plane_out * height.output + row_out) * width.output;
                    places.extend((0..w.count).map(|column| {
                        let (place_in, place_out) = one(width, w, column);
                        Place {
                            input: (row_in + place_in) * self.in_channels,
                            result: (row_out + place_out) * pitch,
                        }
                    }));
                }
            }
        }
        let Some(&last) = places.last() else { return };
        let behind = samples * self.positions();
        let missing = places.len().next_multiple_of(FEW) - places.len();
        places.extend((behind..behind + missing).map(|place| Place { result: place * pitch, ..last }));
    }
}

/// Some samples and panels, and where their results go, sample by sample.
struct Task<'a, 'o, T> {
    samples: Range<usize>,
    panels: &'a [Panel<T>],
    output: Vec<&'o mut [MaybeUninit<T>]>,
}

impl<T> Task<'_, '_, T> {
    fn channels(&self, lanes: usize, all: usize) -> Range<usize> {
        let start = self.panels.first().map_or(0, |panel| panel.vector);
        let end = self.panels.last().map_or(0, |panel| panel.vector + panel.width);
        start * lanes..all.min(end * lanes)
    }
}

/// Every combination of the axes' groups.
fn groups([depth, height, width]: &[Reach; 3]) -> impl Iterator<Item = [&Group; 3]> {
    depth.groups.iter().flat_map(move |d| {
        height.groups.iter().flat_map(move |h| width.groups.iter().map(move |w| [d, h, w]))
    })
}
