//! The three products of a convolution as matrix products, with the input as [`Columns`].
//!
//! Matrices are made in pieces that stay in the second cache, and multiplied while they are there:
//!
//! | product | matrices |
//! | --- | --- |
//! | output | weight · columns, piece after piece of input channels added |
//! | input gradient | columns = weightᵀ · output's gradient, added to where they belong: no structural zeros at all |
//! | weight gradient | output's gradient · columnsᵀ, added over samples and planes in one order |

use rayon::prelude::*;

use super::im2col::{Columns, send};
use super::sweep::{Bias, written};
use crate::arguments::conv3d::Geometry;
use crate::cpu::gemm::{Matrix, multiply};
use crate::cpu::simd::{Lanes, at_least};

/// What a piece of the columns may take, and the slab it is gathered from: a quarter of a usual second cache.
const BYTES: usize = 1 << 19;
/// Positions of a piece, if there are so many: beyond them products get no faster.
const POSITIONS: usize = 1024;
/// Positions of a piece at least, if there are so many: below them the weight is packed too often.
const FEWEST: usize = 128;
/// Tasks to aim at, so that all cores have work; fixed, so that results are.
const TASKS: usize = 8;

/// Sizes of a convolution, and of the pieces it is cut in.
struct Plan {
    samples: usize,
    in_channels: usize,
    out_channels: usize,
    taps: usize,
    /// Elements of an input channel.
    volume: usize,
    /// Positions of an output channel.
    positions: usize,
    /// Planes of output, and how many of them a piece takes.
    depth: usize,
    planes: usize,
    /// Input channels of a piece.
    channels: usize,
}

impl Plan {
    fn new<T>(geometry: &Geometry, blocks: usize) -> Self {
        let Geometry { x, w, y, stride, padding } = geometry;
        let taps = w[2] * w[3] * w[4];
        let plane = y[3] * y[4];
        let planes = (POSITIONS / plane).clamp(1, y[2]);
        let shared = y[2].div_ceil(blocks).max(FEWEST.div_ceil(plane));
        let planes = planes.min(shared).min(y[2]);
        let padded: usize = (0..3).map(|a| (x[a + 2] + 2 * padding[a]).next_multiple_of(stride[a])).product();
        let channel = (taps * planes * plane).max(padded) * size_of::<T>();
        let channels = (BYTES / channel).clamp(1, x[1]);
        // Pieces of about the same size.
        let channels = x[1].div_ceil(x[1].div_ceil(channels));
        Self {
            samples: x[0],
            in_channels: x[1],
            out_channels: y[1],
            taps,
            volume: x[2] * x[3] * x[4],
            positions: y[2] * plane,
            depth: y[2],
            planes,
            channels,
        }
    }

    /// Rows of all columns: input channels and taps.
    fn rows(&self) -> usize {
        self.in_channels * self.taps
    }

    /// The first plane and the planes of every piece.
    fn blocks(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        (0..self.depth).step_by(self.planes).map(|from| from..self.depth.min(from + self.planes))
    }

    /// The input channels of every piece.
    fn pieces(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let end = |from: usize| self.in_channels.min(from + self.channels);
        (0..self.in_channels).step_by(self.channels).map(move |from| from..end(from))
    }

    /// The channels `channels` of a sample of the input.
    fn input<'a, T>(&self, x: &'a [T], sample: usize, channels: &std::ops::Range<usize>) -> &'a [T] {
        let from = sample * self.in_channels + channels.start;
        &x[from * self.volume..][..channels.len() * self.volume]
    }

    /// A sample of the output, from a plane on.
    fn output<'a, T>(&self, y: &'a [T], sample: usize, plane: usize) -> &'a [T] {
        let size = self.out_channels * self.positions;
        &y[sample * size..][..size][plane * (self.positions / self.depth)..]
    }
}

/// `y = conv(x, w) + bias`.
pub(super) fn convolution<T: Lanes>(x: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let plan = Plan::new::<T>(geometry, TASKS.div_ceil(geometry.x[0]));
    let columns = Columns::new(geometry, plan.channels, 0..plan.planes);
    let len = plan.samples * plan.out_channels * plan.positions;
    let mut y = Vec::with_capacity(len);
    let mut tasks = Vec::new();
    let samples = y.spare_capacity_mut()[..len].chunks_exact_mut(plan.out_channels * plan.positions);
    for (sample, y) in samples.enumerate() {
        let block = columns.positions(plan.planes);
        let mut channels: Vec<_> =
            y.chunks_exact_mut(plan.positions).map(|channel| channel.chunks_mut(block)).collect();
        for planes in plan.blocks() {
            let places: Vec<_> = channels.iter_mut().filter_map(Iterator::next).collect();
            tasks.push((sample, planes, places));
        }
    }
    tasks.into_par_iter().for_each(|(sample, planes, places)| {
        let mut scratch = T::take_scratch();
        let positions = columns.positions(planes.len());
        let results = at_least(&mut scratch.results, plan.out_channels * positions);
        for channels in plan.pieces() {
            let rows = channels.len() * plan.taps;
            let slab = at_least(&mut scratch.slab, columns.layout.len());
            let panels = at_least(&mut scratch.panels, columns.len(rows, planes.len()));
            let read = columns.axes[0].places(planes.start, planes.end);
            columns.layout.fill(&columns.axes, plan.input(x, sample, &channels), read, slab);
            columns.gather(slab, rows, planes.len(), panels);
            let weight = Matrix::new(&w[channels.start * plan.taps..], plan.out_channels, rows, plan.rows());
            let panels = Matrix::new(panels, rows, positions, positions);
            multiply(results, positions, weight, panels, channels.start > 0);
        }
        for (channel, (results, to)) in results.chunks_exact(positions).zip(places).enumerate() {
            send(results, bias.at(sample, channel, plan.out_channels), to);
        }
        T::give_scratch(scratch);
    });
    written(y, len)
}

/// The gradient of `conv` for `x`, plus a bias.
pub(super) fn transposed<T: Lanes>(gy: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let plan = Plan::new::<T>(geometry, 1);
    let columns = Columns::new(geometry, plan.channels, 0..plan.depth);
    let len = plan.samples * plan.in_channels * plan.volume;
    let mut x = Vec::with_capacity(len);
    let mut tasks = Vec::new();
    let samples = x.spare_capacity_mut()[..len].chunks_exact_mut(plan.in_channels * plan.volume);
    for (sample, x) in samples.enumerate() {
        let pieces = x.chunks_mut(plan.channels * plan.volume).zip(plan.pieces());
        tasks.extend(pieces.map(|(x, channels)| (sample, channels, x)));
    }
    tasks.into_par_iter().for_each(|(sample, channels, x)| {
        let mut scratch = T::take_scratch();
        let rows = channels.len() * plan.taps;
        let slab = at_least(&mut scratch.slab, columns.layout.len());
        slab.fill(T::zero());
        let weight = Matrix::new(&w[channels.start * plan.taps..], plan.out_channels, rows, plan.rows());
        for planes in plan.blocks() {
            let positions = columns.positions(planes.len());
            let gy = plan.output(gy, sample, planes.start);
            let gy = Matrix::new(gy, plan.out_channels, positions, plan.positions);
            let panels = at_least(&mut scratch.panels, columns.len(rows, planes.len()));
            multiply(panels, positions, weight.transposed(), gy, false);
            columns.scatter(panels, rows, planes, slab);
        }
        let bias: Vec<_> = channels.map(|channel| bias.at(sample, channel, plan.in_channels)).collect();
        columns.layout.collect(&columns.axes, slab, &bias, x);
        T::give_scratch(scratch);
    });
    written(x, len)
}

/// The gradient of `conv` for `w`.
pub(super) fn weight_gradient<T: Lanes>(x: &[T], gy: &[T], geometry: &Geometry) -> Vec<T> {
    let plan = Plan::new::<T>(geometry, 1);
    let columns = Columns::new(geometry, plan.channels, 0..plan.planes);
    let pieces: Vec<_> = plan.pieces().collect();
    let units: Vec<_> =
        (0..plan.samples).flat_map(|sample| plan.blocks().map(move |planes| (sample, planes))).collect();
    let groups = TASKS.div_ceil(pieces.len()).min(units.len());
    let sums: Vec<_> = (0..groups * pieces.len())
        .into_par_iter()
        .map(|task| {
            let (group, channels) = (task / pieces.len(), &pieces[task % pieces.len()]);
            let rows = channels.len() * plan.taps;
            let mut sums = vec![T::zero(); plan.out_channels * rows];
            let mut scratch = T::take_scratch();
            let units = &units[units.len() * group / groups..units.len() * (group + 1) / groups];
            for (idx, (sample, planes)) in units.iter().enumerate() {
                let positions = columns.positions(planes.len());
                let slab = at_least(&mut scratch.slab, columns.layout.len());
                let panels = at_least(&mut scratch.panels, columns.len(rows, planes.len()));
                let read = columns.axes[0].places(planes.start, planes.end);
                columns.layout.fill(&columns.axes, plan.input(x, *sample, channels), read, slab);
                columns.gather(slab, rows, planes.len(), panels);
                let gy = plan.output(gy, *sample, planes.start);
                let gy = Matrix::new(gy, plan.out_channels, positions, plan.positions);
                let panels = Matrix::new(panels, rows, positions, positions);
                multiply(&mut sums, rows, gy, panels.transposed(), idx > 0);
            }
            T::give_scratch(scratch);
            sums
        })
        .collect();

    let mut gradient = vec![T::zero(); plan.out_channels * plan.rows()];
    for (task, sums) in sums.iter().enumerate() {
        let channels = &pieces[task % pieces.len()];
        let rows = channels.len() * plan.taps;
        for (gradient, sums) in gradient.chunks_exact_mut(plan.rows()).zip(sums.chunks_exact(rows)) {
            for (element, &sum) in gradient[channels.start * plan.taps..].iter_mut().zip(sums) {
                *element += sum;
            }
        }
    }
    gradient
}
