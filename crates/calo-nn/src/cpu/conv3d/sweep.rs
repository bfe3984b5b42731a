//! Output of a convolution, and of a transposed convolution, which is the gradient for the input.
//!
//! The output is cut in blocks of planes per sample. A task copies the part of the input that its block reads to a slab
//! in the second cache, and computes the classes of outputs one after another with one of the two register tiles:
//! positions as lanes where rows are long, channels as lanes where the grid is small.

use std::mem::MaybeUninit;

use pulp::Arch;
use rayon::prelude::*;

use super::axis::{Axis, Class, Places, Tap};
use super::slab::Layout;
use crate::cpu::simd::{Lanes, at_least};
use crate::cpu::tile::{ChannelLanes, PANEL, PositionLanes, tile_width};
use crate::ops::conv3d::Geometry;

/// What a slab may take: half of a usual second cache.
const SLAB_BYTES: usize = 1 << 19;
/// Vectors of positions whose results are put down before they are sent to the output.
const STRIP: usize = 12;
/// Positions per block where channels are lanes.
const POSITIONS: usize = 512;
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
///
/// Slices hold contiguous tensors of the shapes that `geometry` names.
pub(crate) fn convolution<T: Lanes>(x: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let Geometry { x: xd, w: wd, y: yd, stride, padding } = &geometry.flattened();
    let axes = |places| {
        std::array::from_fn(|a| {
            Axis::convolution(xd[a + 2], yd[a + 2], wd[a + 2], stride[a], padding[a], places)
        })
    };
    let taps = wd[2] * wd[3] * wd[4];
    let weights = Weights { elements: w, kernel: [wd[2], wd[3], wd[4]], out: wd[1] * taps, input: taps };
    let mut sweep = Sweep::new::<T>(axes(Places::Dense), xd[1], yd[1], xd[0]);
    if sweep.lanes_are == LanesAre::Channels {
        // Single values are read: they need not be neighbours.
        sweep.axes = axes(Places::Plain);
    }
    sweep.run(x, &weights, bias)
}

/// The gradient of `conv` for `x`: the transposed convolution of `gy`, plus a bias.
pub(crate) fn transposed<T: Lanes>(gy: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let Geometry { x: xd, w: wd, y: yd, stride, padding } = &geometry.flattened();
    let axes =
        std::array::from_fn(|a| Axis::transposed(yd[a + 2], xd[a + 2], wd[a + 2], stride[a], padding[a]));
    let taps = wd[2] * wd[3] * wd[4];
    let weights = Weights { elements: w, kernel: [wd[2], wd[3], wd[4]], out: taps, input: wd[1] * taps };
    Sweep::new::<T>(axes, yd[1], xd[1], xd[0]).run(gy, &weights, bias)
}

/// A weight tensor, and the steps from channel to channel in it.
struct Weights<'a, T> {
    elements: &'a [T],
    kernel: [usize; 3],
    out: usize,
    input: usize,
}

/// Outputs that use the same taps on all axes, with their weights in the order of the tile.
struct Part<'a, T> {
    axes: [&'a Class; 3],
    rows: Vec<usize>,
    weights: Vec<T>,
}

/// Which elements the lanes of a vector hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LanesAre {
    Positions,
    Channels,
}

/// The loop over blocks.
struct Sweep {
    axes: [Axis; 3],
    in_channels: usize,
    out_channels: usize,
    samples: usize,
    lanes_are: LanesAre,
}

impl Sweep {
    fn new<T: Lanes>(axes: [Axis; 3], in_channels: usize, out_channels: usize, samples: usize) -> Self {
        let lanes_are = lanes_are::<T>(&axes, out_channels);
        Self { axes, in_channels, out_channels, samples, lanes_are }
    }

    fn run<T: Lanes>(&self, input: &[T], weights: &Weights<'_, T>, bias: Bias<'_, T>) -> Vec<T> {
        let planes = self.planes_per_block::<T>();
        let depth = self.axes[0].output;
        let blocks = || (0..depth).step_by(planes).map(|from| (from, (from + planes).min(depth)));
        let places = blocks().map(|(from, to)| self.axes[0].places(from, to).len()).max().unwrap_or(0);
        let whole = match self.lanes_are {
            LanesAre::Positions => None,
            LanesAre::Channels => Layout::of_input(&self.axes, self.in_channels),
        };
        let copies = whole.is_none();
        let layout = whole.unwrap_or_else(|| Layout::new(&self.axes, self.in_channels, places));
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
            let mut slab = &input[sample * size..][..size];
            let mut first_place = 0;
            if copies {
                let places = self.axes[0].places(from, to);
                first_place = places.start;
                let copy = at_least(&mut scratch.slab, layout.len());
                layout.fill(&self.axes, slab, places, copy);
                slab = copy;
            }
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
                match self.lanes_are {
                    LanesAre::Positions => block.positions(&mut scratch.results),
                    LanesAre::Channels => block.channels(&mut scratch.results, &mut scratch.offsets),
                }
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
        let mut planes = fitting * depth.out_step;
        if self.lanes_are == LanesAre::Channels {
            planes = planes.min(POSITIONS / (height.output * width.output).max(1));
        }
        let shared = depth.output.div_ceil(BLOCKS.div_ceil(self.samples));
        planes.min(shared).next_multiple_of(depth.out_step).clamp(1, depth.output)
    }

    fn parts<T: Lanes>(&self, weights: &Weights<'_, T>, layout: &Layout) -> Vec<Part<'_, T>> {
        let lanes = T::lanes();
        let vectors = self.out_channels.div_ceil(lanes);
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
            let weights = match self.lanes_are {
                LanesAre::Positions => self.panels(weights, &taps, |_| PANEL),
                LanesAre::Channels => {
                    self.panels(weights, &taps, |from| tile_width(vectors - from / lanes) * lanes)
                }
            };
            (rows, weights)
        };
        classes(&self.axes)
            .map(|axes| {
                let (rows, weights) = part(axes);
                Part { axes, rows, weights }
            })
            .collect()
    }

    /// The weights as `[panel][channel, tap][output channel of the panel]`; `width` says how many a panel holds.
    fn panels<T: Lanes>(
        &self,
        weights: &Weights<'_, T>,
        taps: &[[Tap; 3]],
        width: impl Fn(usize) -> usize,
    ) -> Vec<T> {
        let [_, height, depth] = weights.kernel;
        let taps: Vec<_> =
            taps.iter().map(|[d, h, w]| (d.kernel * height + h.kernel) * depth + w.kernel).collect();
        let rows = self.in_channels * taps.len();
        let mut widths = Vec::new();
        let mut from = 0;
        while from < self.out_channels {
            widths.push((from, width(from)));
            from += width(from);
        }
        let mut panels = vec![T::zero(); rows * from];
        let mut rest = &mut *panels;
        let mut tasks = Vec::with_capacity(widths.len());
        for &(from, width) in &widths {
            let (panel, behind) = rest.split_at_mut(rows * width);
            tasks.push((from, width, panel));
            rest = behind;
        }
        tasks.into_par_iter().for_each(|(from, width, panel)| {
            let out = weights.out;
            let outs = from..self.out_channels.min(from + width);
            let mut places = panel.chunks_exact_mut(width);
            for channel in 0..self.in_channels {
                let weights = &weights.elements[channel * weights.input + outs.start * weights.out..];
                for (&tap, place) in taps.iter().zip(&mut places) {
                    let weights = weights[tap..].iter().step_by(out);
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

/// The cheaper choice: vectors that a tile multiplies, the ones wasted at the ends of rows and channels included.
fn lanes_are<T: Lanes>(axes: &[Axis; 3], channels: usize) -> LanesAre {
    let lanes = T::lanes();
    let (mut by_positions, mut by_channels) = (0, 0);
    for [d, h, w] in classes(axes) {
        let taps = d.taps.len() * h.taps.len() * w.taps.len();
        let row = (h.count - 1) * axes[2].len + w.count;
        let scalars = if channels == 1 { 1 } else { channels.next_multiple_of(4) };
        by_positions += taps * d.count * row.div_ceil(lanes) * scalars;
        let positions = (d.count * h.count * w.count).next_multiple_of(PANEL);
        by_channels += taps * positions * channels.div_ceil(lanes);
    }
    // Results of the second kind have to be transposed.
    if by_channels * 9 < by_positions * 8 { LanesAre::Channels } else { LanesAre::Positions }
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

    /// Output channels as lanes, positions one by one.
    fn channels(&mut self, results: &mut Vec<T>, offsets: &mut Vec<usize>) {
        let [_, h, w] = self.part.axes;
        offsets.clear();
        for member in self.members.clone() {
            let start = self.start(member);
            for row in 0..h.count {
                let start = start + self.sweep.axes[1].step * row * self.layout.row;
                offsets.extend((0..w.count).map(|column| start + self.sweep.axes[2].step * column));
            }
        }
        let Some(&last) = offsets.last() else { return };
        offsets.resize(offsets.len().next_multiple_of(PANEL), last);
        let lanes = T::lanes();
        let n_vectors = self.sweep.out_channels.div_ceil(lanes);
        let pitch = n_vectors * lanes;
        let results = at_least(results, offsets.len() * pitch);
        Arch::new().dispatch(ChannelLanes {
            weights: &self.part.weights,
            n_vectors,
            input: self.slab,
            outer: offsets,
            inner: &self.part.rows,
            results: &mut *results,
            add: false,
        });
        let step = self.sweep.axes[2].out_step;
        let mut rows = results.chunks_exact(w.count * pitch);
        for member in self.members.clone() {
            for (row, results) in (0..h.count).zip(&mut rows) {
                let place = self.row(member, row);
                for (channel, (output, &bias)) in self.output.iter_mut().zip(self.bias).enumerate() {
                    let places = output[place..].iter_mut().step_by(step);
                    for (place, results) in places.zip(results.chunks_exact(pitch)) {
                        place.write(results[channel] + bias);
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
