//! Output of a convolution, and of a transposed convolution, which is the gradient for the input.
//!
//! The output is cut in blocks of planes per sample. A task copies the part of the input that its block reads to a slab
//! in the second cache, and computes the classes of outputs one after another with one of the two register tiles:
//! positions as lanes where rows are long, channels as lanes where the grid is small.

use pulp::Arch;
use rayon::prelude::*;

use super::axis::{Axis, Class, Tap};
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
    fn at(&self, sample: usize, channel: usize, channels: usize) -> T {
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
    let Geometry { x: xd, w: wd, y: yd, stride, padding } = geometry;
    let axes =
        std::array::from_fn(|a| Axis::convolution(xd[a + 2], yd[a + 2], wd[a + 2], stride[a], padding[a]));
    let taps = wd[2] * wd[3] * wd[4];
    let weights = Weights { elements: w, kernel: [wd[2], wd[3], wd[4]], out: wd[1] * taps, input: taps };
    Sweep::new(axes, xd[1], yd[1], xd[0]).run(x, &weights, bias)
}

/// The gradient of `conv` for `x`: the transposed convolution of `gy`, plus a bias.
pub(crate) fn transposed<T: Lanes>(gy: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let Geometry { x: xd, w: wd, y: yd, stride, padding } = geometry;
    let axes =
        std::array::from_fn(|a| Axis::transposed(yd[a + 2], xd[a + 2], wd[a + 2], stride[a], padding[a]));
    let taps = wd[2] * wd[3] * wd[4];
    let weights = Weights { elements: w, kernel: [wd[2], wd[3], wd[4]], out: taps, input: wd[1] * taps };
    Sweep::new(axes, yd[1], xd[1], xd[0]).run(gy, &weights, bias)
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
}

impl Sweep {
    fn new(axes: [Axis; 3], in_channels: usize, out_channels: usize, samples: usize) -> Self {
        Self { axes, in_channels, out_channels, samples }
    }

    fn run<T: Lanes>(&self, input: &[T], weights: &Weights<'_, T>, bias: Bias<'_, T>) -> Vec<T> {
        let lanes_are = self.lanes_are::<T>();
        let planes = self.planes_per_block::<T>(lanes_are);
        let depth = self.axes[0].output;
        let blocks = || (0..depth).step_by(planes).map(|from| (from, (from + planes).min(depth)));
        let places = blocks().map(|(from, to)| self.axes[0].places(from, to).len()).max().unwrap_or(0);
        let layout = Layout::new(&self.axes, self.in_channels, places);
        let parts = self.parts(weights, &layout, lanes_are);

        let plane = self.axes[1].output * self.axes[2].output;
        let mut output = vec![T::zero(); self.samples * self.out_channels * depth * plane];
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
            let slab = at_least(&mut scratch.slab, layout.len());
            let places = self.axes[0].places(from, to);
            layout.fill(&self.axes, &input[sample * size..][..size], places.clone(), slab);
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
                    first_place: places.start,
                    slab,
                    bias: &bias,
                    output: &mut output,
                };
                match lanes_are {
                    LanesAre::Positions => block.positions(&mut scratch.results),
                    LanesAre::Channels => block.channels(&mut scratch.results, &mut scratch.offsets),
                }
            }
            T::give_scratch(scratch);
        });
        output
    }

    /// Every combination of the axes' classes.
    fn classes(&self) -> impl Iterator<Item = [&Class; 3]> {
        let [depth, height, width] = &self.axes;
        depth.classes.iter().flat_map(move |d| {
            height.classes.iter().flat_map(move |h| width.classes.iter().map(move |w| [d, h, w]))
        })
    }

    /// The cheaper choice: vectors that a tile multiplies, the ones wasted at the ends of rows and channels included.
    fn lanes_are<T: Lanes>(&self) -> LanesAre {
        let lanes = T::lanes();
        let (mut by_positions, mut by_channels) = (0, 0);
        for [d, h, w] in self.classes() {
            let taps = d.taps.len() * h.taps.len() * w.taps.len();
            let row = (h.count - 1) * self.axes[2].len + w.count;
            let channels = self.out_channels;
            let scalars = if channels == 1 { 1 } else { channels.next_multiple_of(4) };
            by_positions += taps * d.count * row.div_ceil(lanes) * scalars;
            let positions = (d.count * h.count * w.count).next_multiple_of(PANEL);
            by_channels += taps * positions * channels.div_ceil(lanes);
        }
        // Results of the second kind have to be transposed.
        if by_channels * 9 < by_positions * 8 { LanesAre::Channels } else { LanesAre::Positions }
    }

    /// Planes of output per task.
    fn planes_per_block<T: Lanes>(&self, lanes_are: LanesAre) -> usize {
        let [depth, height, width] = &self.axes;
        let phases = depth.phases * height.phases * width.phases;
        let place = self.in_channels * phases * height.len * width.len * size_of::<T>();
        let halo = depth.classes.iter().flat_map(|class| &class.taps).map(|tap| tap.shift).max().unwrap_or(0);
        let fitting = (SLAB_BYTES / place.max(1)).saturating_sub(halo).max(1 + halo / 2);
        let mut planes = fitting * depth.out_step;
        if lanes_are == LanesAre::Channels {
            planes = planes.min(POSITIONS / (height.output * width.output).max(1));
        }
        let shared = depth.output.div_ceil(BLOCKS.div_ceil(self.samples));
        planes.min(shared).next_multiple_of(depth.out_step).clamp(1, depth.output)
    }

    fn parts<T: Lanes>(
        &self,
        weights: &Weights<'_, T>,
        layout: &Layout,
        lanes_are: LanesAre,
    ) -> Vec<Part<'_, T>> {
        let part = |axes: [&'_ Class; 3]| {
            let taps: Vec<[Tap; 3]> = (axes[0].taps.iter())
                .flat_map(|&d| axes[1].taps.iter().map(move |&h| (d, h)))
                .flat_map(|(d, h)| axes[2].taps.iter().map(move |&w| [d, h, w]))
                .collect();
            let rows = (0..self.in_channels)
                .flat_map(|channel| taps.iter().map(move |&tap| (channel, tap)))
                .map(|(channel, tap)| layout.tap(&self.axes, channel, tap))
                .collect();
            (taps, rows)
        };
        self.classes()
            .map(|axes| {
                let (taps, rows) = part(axes);
                let weights = match lanes_are {
                    LanesAre::Positions => self.panels(weights, &taps, |_| PANEL),
                    LanesAre::Channels => {
                        let lanes = T::lanes();
                        let vectors = self.out_channels.div_ceil(lanes);
                        self.panels(weights, &taps, |channel| tile_width(vectors - channel / lanes) * lanes)
                    }
                };
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
        let mut panels = Vec::new();
        let mut from = 0;
        while from < self.out_channels {
            let width = width(from);
            for channel in 0..self.in_channels {
                for [d, h, w] in taps {
                    let at = channel * weights.input + (d.kernel * height + h.kernel) * depth + w.kernel;
                    panels.extend((from..from + width).map(|out| {
                        if out < self.out_channels {
                            weights.elements[at + out * weights.out]
                        } else {
                            T::zero()
                        }
                    }));
                }
            }
            from += width;
        }
        panels
    }
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
    output: &'a mut [&'o mut [T]],
}

impl<T: Lanes> Block<'_, '_, T> {
    /// Where in the slab the first output of a plane is.
    fn start(&self, member: usize) -> usize {
        let [d, h, w] = self.part.axes;
        (d.first + member - self.first_place) * self.layout.plane + h.first * self.layout.row + w.first
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
                offsets.extend((0..w.count).map(|column| start + row * self.layout.row + column));
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
                        *place = results[channel] + bias;
                    }
                }
            }
        }
    }
}

/// Writes results to every `step`-th place.
fn send<T: Lanes>(results: &[T], bias: T, output: &mut [T], step: usize) {
    if step == 1 {
        for (place, &result) in output.iter_mut().zip(results) {
            *place = result + bias;
        }
    } else {
        for (place, &result) in output.iter_mut().step_by(step).zip(results) {
            *place = result + bias;
        }
    }
}
