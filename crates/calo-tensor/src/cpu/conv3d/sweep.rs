//! Output of a convolution, and of a transposed convolution, which is the gradient for the input.
//!
//! The output is cut in blocks of planes per sample. A task copies the part of the input that its block reads to a slab
//! in the second cache, and computes the classes of outputs one after another. Neighbouring positions are the lanes, so
//! this is for grids with long rows, or for few channels.

use std::mem::MaybeUninit;

use pulp::Arch;
use rayon::prelude::*;

use super::axis::{Axis, Class, Places, Tap};
use super::slab::Layout;
use crate::arguments::conv3d::Geometry;
use crate::cpu::simd::{Lanes, at_least};
use crate::cpu::tile::{PANEL, PositionLanes};

/// What a slab may take: half of a usual second cache.
const SLAB_BYTES: usize = 1 << 19;
/// Vectors of positions whose results are put down before they are sent to the output.
const STRIP: usize = 12;
/// Blocks to aim at, so that all cores have work; fixed, so that results are.
const BLOCKS: usize = 16;

/// What is added to every position of an output channel.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bias<'a, T> {
    /// Nothing.
    None,
    /// `[channel]`.
    PerChannel(&'a [T]),
    /// `[sample][channel]`.
    PerSample(&'a [T]),
}

impl<T: Lanes> Bias<'_, T> {
    pub(super) fn at(&self, sample: usize, channel: usize, channels: usize) -> T {
        match self {
            Self::None => T::zero(),
            Self::PerChannel(bias) => bias[channel],
            Self::PerSample(bias) => bias[sample * channels + channel],
        }
    }
}

/// `y = conv(x, w) + bias`.
pub(super) fn convolution<T: Lanes>(x: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let geometry = &geometry.flattened();
    Sweep::convolution(geometry).run(x, &Weights::convolution(w, geometry), bias)
}

/// The gradient of `conv` for `x`: the transposed convolution of `gy`, plus a bias.
pub(super) fn transposed<T: Lanes>(gy: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let geometry = &geometry.flattened();
    Sweep::transposed(geometry).run(gy, &Weights::transposed(w, geometry), bias)
}

/// A weight tensor, and the steps from channel to channel in it.
pub(super) struct Weights<'a, T> {
    elements: &'a [T],
    kernel: [usize; 3],
    out: usize,
    input: usize,
}

impl<'a, T> Weights<'a, T> {
    /// As a convolution sees them.
    pub(super) fn convolution(elements: &'a [T], geometry: &Geometry) -> Self {
        let [_, inputs, kernel @ ..] = geometry.w;
        let taps = kernel.iter().product();
        Self { elements, kernel, out: inputs * taps, input: taps }
    }

    /// As its transposed sees them.
    pub(super) fn transposed(elements: &'a [T], geometry: &Geometry) -> Self {
        let [_, inputs, kernel @ ..] = geometry.w;
        let taps = kernel.iter().product();
        Self { elements, kernel, out: taps, input: inputs * taps }
    }

    /// The taps from an input channel to an output channel, and what follows them.
    pub(super) fn taps(&self, input: usize, out: usize) -> &'a [T] {
        &self.elements[input * self.input + out * self.out..]
    }

    /// Where among the taps that of these three indices is.
    pub(super) fn tap(&self, [d, h, w]: [usize; 3]) -> usize {
        (d * self.kernel[1] + h) * self.kernel[2] + w
    }
}

/// Outputs that use the same taps on all axes, with their weights in the order of the tile.
struct Part<'a, T> {
    axes: [&'a Class; 3],
    rows: Vec<usize>,
    weights: Vec<T>,
}

/// The loop over blocks.
pub(super) struct Sweep {
    axes: [Axis; 3],
    in_channels: usize,
    out_channels: usize,
    samples: usize,
}

impl Sweep {
    /// For the output.
    pub(super) fn convolution(geometry: &Geometry) -> Self {
        let Geometry { x, w, y, stride, padding } = geometry;
        let axis = |a| Axis::convolution(x[a + 2], y[a + 2], w[a + 2], stride[a], padding[a], Places::Dense);
        Self { axes: std::array::from_fn(axis), in_channels: x[1], out_channels: y[1], samples: x[0] }
    }

    /// For the gradient for the input.
    pub(super) fn transposed(geometry: &Geometry) -> Self {
        let Geometry { x, w, y, stride, padding } = geometry;
        let axis = |a| Axis::transposed(y[a + 2], x[a + 2], w[a + 2], stride[a], padding[a]);
        Self { axes: std::array::from_fn(axis), in_channels: y[1], out_channels: x[1], samples: x[0] }
    }

    /// What it costs per sample, in products of vectors: those of the tiles, the ends of rows included, and what it
    /// takes to move elements that are not neighbours one by one.
    pub(super) fn cost<T: Lanes>(&self) -> usize {
        const TAKE: usize = 4;
        const PUT: usize = 2;
        let scalars = if self.out_channels == 1 { 1 } else { self.out_channels.next_multiple_of(4) };
        let vectors = |[d, h, w]: [&Class; 3]| {
            let taps = d.taps.len() * h.taps.len() * w.taps.len();
            let row = (h.count - 1) * self.axes[2].len + w.count;
            taps * d.count * row.div_ceil(T::lanes())
        };
        let tiles = self.in_channels * scalars * classes(&self.axes).map(vectors).sum::<usize>();
        let inputs = self.in_channels * self.axes.iter().map(|axis| axis.input).product::<usize>();
        let outputs = self.out_channels * self.axes.iter().map(|axis| axis.output).product::<usize>();
        let [_, _, width] = &self.axes;
        let taken = if width.phases > 1 { TAKE * inputs } else { 0 };
        let put = if width.out_step > 1 { PUT * outputs } else { 0 };
        tiles + taken + put
    }

    fn run<T: Lanes>(&self, input: &[T], weights: &Weights<'_, T>, bias: Bias<'_, T>) -> Vec<T> {
        let planes = self.planes_per_block::<T>();
        let depth = self.axes[0].output;
        let blocks = || (0..depth).step_by(planes).map(|from| (from, (from + planes).min(depth)));
        let places = blocks().map(|(from, to)| self.axes[0].places(from, to).len()).max().unwrap_or(0);
        let layout = Layout::new(&self.axes, self.in_channels, places);
        let parts = self.parts(weights, &layout);

        let plane = self.axes[1].output * self.axes[2].output;
        let len = self.samples * self.out_channels * depth * plane;
        let mut result = Vec::with_capacity(len);
        let output = &mut result.spare_capacity_mut()[..len];
        let mut tasks = Vec::with_capacity(self.samples * blocks().count());
        for (sample, output) in output.chunks_exact_mut(self.out_channels * depth * plane).enumerate() {
            let mut channels: Vec<_> = output
                .chunks_exact_mut(depth * plane)
                .map(|channel| channel.chunks_mut(planes * plane))
                .collect();
            for (from, to) in blocks() {
                let places: Vec<_> = channels.iter_mut().filter_map(Iterator::next).collect();
                tasks.push((sample, from, to, places));
            }
        }
        let size = self.in_channels * self.axes.iter().map(|axis| axis.input).product::<usize>();
        tasks.into_par_iter().for_each(|(sample, from, to, mut output)| {
            let mut scratch = T::take_scratch();
            let places = self.axes[0].places(from, to);
            let first_place = places.start;
            let slab = at_least(&mut scratch.slab, layout.len());
            layout.fill(&self.axes, &input[sample * size..][..size], places, slab);
            let bias: Vec<_> =
                (0..self.out_channels).map(|channel| bias.at(sample, channel, self.out_channels)).collect();
            for part in &parts {
                let members = part.axes[0].members(self.axes[0].out_step, from, to);
                if members.is_empty() {
                    continue;
                }
                let mut block = Block {
                    sweep: self,
                    layout: &layout,
                    part,
                    members,
                    from,
                    first_place,
                    slab,
                    bias: &bias,
                    output: &mut output,
                };
                block.positions(&mut scratch.results);
            }
            T::give_scratch(scratch);
        });
        written(result, len)
    }

    /// Planes of output per task.
    fn planes_per_block<T: Lanes>(&self) -> usize {
        let [depth, height, width] = &self.axes;
        let phases = depth.phases * height.phases * width.phases;
        let place = self.in_channels * phases * height.len * width.len * size_of::<T>();
        let halo = depth.classes.iter().flat_map(|class| &class.taps).map(|tap| tap.shift).max().unwrap_or(0);
        let fitting = (SLAB_BYTES / place.max(1)).saturating_sub(halo).max(1 + halo / 2);
        let planes = fitting * depth.out_step;
        let shared = depth.output.div_ceil(BLOCKS.div_ceil(self.samples));
        planes.min(shared).next_multiple_of(depth.out_step).clamp(1, depth.output)
    }

    fn parts<T: Lanes>(&self, weights: &Weights<'_, T>, layout: &Layout) -> Vec<Part<'_, T>> {
        let part = |axes: [&'_ Class; 3]| {
            let mut taps = Vec::new();
            for &d in &axes[0].taps {
                for &h in &axes[1].taps {
                    taps.extend(axes[2].taps.iter().map(|&w| [d, h, w]));
                }
            }
            let mut rows = Vec::with_capacity(self.in_channels * taps.len());
            for channel in 0..self.in_channels {
                rows.extend(taps.iter().map(|&tap| layout.tap(&self.axes, channel, tap)));
            }
            let weights = self.panels(weights, &taps);
            (rows, weights)
        };
        classes(&self.axes)
            .map(|axes| {
                let (rows, weights) = part(axes);
                Part { axes, rows, weights }
            })
            .collect()
    }

    /// The weights as `[panel][channel, tap][output channel of the panel]`.
    fn panels<T: Lanes>(&self, weights: &Weights<'_, T>, taps: &[[Tap; 3]]) -> Vec<T> {
        let taps: Vec<_> = taps.iter().map(|tap| weights.tap(tap.map(|tap| tap.kernel))).collect();
        let rows = self.in_channels * taps.len();
        let mut panels = vec![T::zero(); rows * self.out_channels.next_multiple_of(PANEL)];
        panels.par_chunks_exact_mut((rows * PANEL).max(1)).enumerate().for_each(|(panel, places)| {
            let outs = panel * PANEL..self.out_channels.min((panel + 1) * PANEL);
            let mut places = places.chunks_exact_mut(PANEL);
            for channel in 0..self.in_channels {
                let step = weights.out;
                let weights = weights.taps(channel, outs.start);
                for (&tap, place) in taps.iter().zip(&mut places) {
                    let weights = weights[tap..].iter().step_by(step);
                    for (place, &weight) in place[..outs.len()].iter_mut().zip(weights) {
                        *place = weight;
                    }
                }
            }
        });
        panels
    }
}

/// Every combination of the axes' classes.
fn classes([depth, height, width]: &[Axis; 3]) -> impl Iterator<Item = [&Class; 3]> {
    depth.classes.iter().flat_map(move |d| {
        height.classes.iter().flat_map(move |h| width.classes.iter().map(move |w| [d, h, w]))
    })
}

/// The result, now that it is written.
#[expect(unsafe_code, reason = "zeroing a result before it is written costs as much as writing it")]
pub(super) fn written<T: Lanes>(mut result: Vec<T>, len: usize) -> Vec<T> {
    assert!(len <= result.capacity());
    // SAFETY: the capacity is checked above. Every element is written. In a sweep, tasks cover all planes of all
    // channels, and the classes of an axis all its outputs, as each output has one residue. Matrix products and the
    // loops for single channels write all rows of their tasks, which cover all channels of all samples.
    unsafe { result.set_len(len) };
    result
}

/// The outputs of one class among the planes of one task.
struct Block<'a, 'o, T> {
    sweep: &'a Sweep,
    layout: &'a Layout,
    part: &'a Part<'a, T>,
    members: std::ops::Range<usize>,
    /// First plane of the block.
    from: usize,
    /// Place of the slab's first plane.
    first_place: usize,
    slab: &'a [T],
    bias: &'a [T],
    output: &'a mut [&'o mut [MaybeUninit<T>]],
}

impl<T: Lanes> Block<'_, '_, T> {
    /// Where in the slab the first output of a plane is.
    fn start(&self, member: usize) -> usize {
        let [d, h, w] = self.part.axes;
        (d.first + self.sweep.axes[0].step * member - self.first_place) * self.layout.plane
            + h.first * self.layout.row
            + w.first
    }

    /// Where in the output a row of a plane begins.
    fn row(&self, member: usize, row: usize) -> usize {
        let [depth, height, width] = &self.sweep.axes;
        let [d, h, w] = self.part.axes;
        let plane = d.start + depth.out_step * member - self.from;
        (plane * height.output + h.start + height.out_step * row) * width.output + w.start
    }

    /// Neighbouring positions as lanes, rows of a plane with what lies between them.
    fn positions(&mut self, results: &mut Vec<T>) {
        let [_, h, w] = self.part.axes;
        let lanes = T::lanes();
        let pitch = STRIP * lanes;
        let results = at_least(results, self.sweep.out_channels.next_multiple_of(PANEL) * pitch);
        let (pitch_in, step) = (self.layout.row, self.sweep.axes[2].out_step);
        let positions = (h.count - 1) * pitch_in + w.count;
        for member in self.members.clone() {
            let start = self.start(member);
            for strip in (0..positions).step_by(pitch) {
                let end = positions.min(strip + pitch);
                Arch::new().dispatch(PositionLanes {
                    weights: &self.part.weights,
                    channels: self.sweep.out_channels,
                    rows: &self.part.rows,
                    input: &self.slab[start + strip..],
                    n_vectors: (end - strip).div_ceil(lanes),
                    results: &mut *results,
                    pitch,
                });
                for row in strip / pitch_in..=(end - 1) / pitch_in {
                    let from = strip.max(row * pitch_in);
                    let to = end.min(row * pitch_in + w.count);
                    if from >= to {
                        continue;
                    }
                    let place = self.row(member, row) + (from - row * pitch_in) * step;
                    let channels = results.chunks_exact(pitch).zip(self.bias).zip(&mut *self.output);
                    for ((results, &bias), output) in channels {
                        let results = &results[from - strip..to - strip];
                        send(results, bias, &mut output[place..], step);
                    }
                }
            }
        }
    }
}

/// Writes results to every `step`-th place.
fn send<T: Lanes>(results: &[T], bias: T, output: &mut [MaybeUninit<T>], step: usize) {
    if step == 1 {
        for (place, &result) in output.iter_mut().zip(results) {
            place.write(result + bias);
        }
    } else {
        for (place, &result) in output.iter_mut().step_by(step).zip(results) {
            place.write(result + bias);
        }
    }
}
