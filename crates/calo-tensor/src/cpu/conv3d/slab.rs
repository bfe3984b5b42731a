//! A padded copy of some planes of an input, in which a tap of the kernel is a constant offset.

use std::mem::MaybeUninit;

use pulp::Arch;

use super::axis::{Axis, Tap};
use crate::cpu::simd::Lanes;

/// Elements behind the last place: a tile may read whole vectors beyond it.
const SLACK: usize = 64;

/// How a slab lies in memory: `[channel][phase][plane][row][column]`.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    channels: usize,
    /// Elements from one channel to the next.
    channel: usize,
    /// The same from phase to phase.
    phase: usize,
    /// The same from plane to plane.
    pub(super) plane: usize,
    /// The same from row to row.
    pub(super) row: usize,
}

impl Layout {
    /// For `channels` channels of `planes` planes.
    pub(super) fn new(axes: &[Axis; 3], channels: usize, planes: usize) -> Self {
        let [depth, height, width] = axes;
        let row = width.len;
        let plane = off_the_powers(height.len * row);
        let phase = planes * plane;
        let channel = off_the_powers(depth.phases * height.phases * width.phases * phase);
        Self { channels, channel, phase, plane, row }
    }

    /// Elements of a whole slab.
    pub(super) fn len(&self) -> usize {
        self.channels * self.channel + SLACK
    }

    /// Where a tap of a channel finds the first place.
    pub(super) fn tap(&self, axes: &[Axis; 3], channel: usize, [d, h, w]: [Tap; 3]) -> usize {
        let phase = (d.phase * axes[1].phases + h.phase) * axes[2].phases + w.phase;
        channel * self.channel + phase * self.phase + d.shift * self.plane + h.shift * self.row + w.shift
    }

    /// Copies the planes `places` of a sample's channels, `input` being `[channels][depth][height][width]`.
    pub(super) fn fill<T: Lanes>(
        &self,
        axes: &[Axis; 3],
        input: &[T],
        places: std::ops::Range<usize>,
        slab: &mut [T],
    ) {
        Arch::new().dispatch(
            #[inline(always)]
            || self.fill_vectorised(axes, input, places, slab),
        );
    }

    #[inline(always)]
    fn fill_vectorised<T: Lanes>(
        &self,
        axes: &[Axis; 3],
        input: &[T],
        places: std::ops::Range<usize>,
        slab: &mut [T],
    ) {
        let [depth, height, width] = axes;
        let volume = depth.input * height.input * width.input;
        let whole_planes = [height, width].iter().all(|axis| axis.phases == 1 && axis.padding == 0)
            && height.len <= height.input
            && width.len == width.input;
        let (channels, slack) = slab.split_at_mut(self.channels * self.channel);
        // What lies between planes and channels meets zeros in sums: it has to be finite.
        slack.fill(T::zero());
        for (input, slab) in input.chunks_exact(volume).zip(channels.chunks_exact_mut(self.channel)) {
            let (phases, gap) = slab.split_at_mut(depth.phases * height.phases * width.phases * self.phase);
            gap.fill(T::zero());
            for (phase, slab) in phases.chunks_exact_mut(self.phase).enumerate() {
                let w_phase = phase % width.phases;
                let h_phase = phase / width.phases % height.phases;
                let d_phase = phase / width.phases / height.phases;
                let row = Row::new(width, w_phase);
                let mut planes = slab.chunks_exact_mut(self.plane);
                for (place, plane) in places.clone().zip(&mut planes) {
                    let (rows, gap) = plane.split_at_mut(height.len * self.row);
                    gap.fill(T::zero());
                    let Some(d) = source(depth, place, d_phase) else {
                        rows.fill(T::zero());
                        continue;
                    };
                    let input = &input[d * height.input * width.input..][..height.input * width.input];
                    if whole_planes {
                        rows.copy_from_slice(&input[..rows.len()]);
                        continue;
                    }
                    for (place, to) in rows.chunks_exact_mut(self.row).enumerate() {
                        match source(height, place, h_phase) {
                            Some(h) => row.copy(&input[h * width.input..][..width.input], to),
                            None => to.fill(T::zero()),
                        }
                    }
                }
                planes.for_each(|plane| plane.fill(T::zero()));
            }
        }
    }
}

impl Layout {
    /// The other way: writes the channels of a slab of all places, plus `bias`, to `output`, what is padding left out.
    pub(super) fn collect<T: Lanes>(
        &self,
        axes: &[Axis; 3],
        slab: &[T],
        bias: &[T],
        output: &mut [MaybeUninit<T>],
    ) {
        Arch::new().dispatch(
            #[inline(always)]
            || self.collect_vectorised(axes, slab, bias, output),
        );
    }

    #[inline(always)]
    fn collect_vectorised<T: Lanes>(
        &self,
        axes: &[Axis; 3],
        slab: &[T],
        bias: &[T],
        output: &mut [MaybeUninit<T>],
    ) {
        let [depth, height, width] = axes;
        let volume = depth.input * height.input * width.input;
        let channels = output.chunks_exact_mut(volume).zip(slab.chunks_exact(self.channel)).zip(bias);
        for ((output, slab), &bias) in channels {
            for (row_idx, to) in output.chunks_exact_mut(width.input).enumerate() {
                // Where a stride leaps over elements they have no place.
                for place in &mut *to {
                    place.write(bias);
                }
                let (d, d_phase) = located(depth, row_idx / height.input);
                let (h, h_phase) = located(height, row_idx % height.input);
                if d >= depth.len || h >= height.len {
                    continue;
                }
                for w_phase in 0..width.phases {
                    let phase = (d_phase * height.phases + h_phase) * width.phases + w_phase;
                    let from = &slab[phase * self.phase + d * self.plane + h * self.row..][..width.len];
                    let row = Row::new(width, w_phase);
                    let places = to[row.first..].iter_mut().step_by(row.step);
                    for (place, &element) in places.zip(&from[row.before..row.before + row.count]) {
                        place.write(element + bias);
                    }
                }
            }
        }
    }
}

/// Place and phase of an element of the input.
#[inline(always)]
fn located(axis: &Axis, index: usize) -> (usize, usize) {
    ((index + axis.padding) / axis.phases, (index + axis.padding) % axis.phases)
}

/// The element of the input at a place of a phase, unless it is padding.
#[inline(always)]
fn source(axis: &Axis, place: usize, phase: usize) -> Option<usize> {
    (axis.phases * place + phase).checked_sub(axis.padding).filter(|&index| index < axis.input)
}

/// Which elements of a row belong to a phase.
struct Row {
    /// Places before the first.
    before: usize,
    /// The first.
    first: usize,
    /// How many.
    count: usize,
    /// Step from one to the next.
    step: usize,
}

impl Row {
    fn new(axis: &Axis, phase: usize) -> Self {
        let before = axis.padding.saturating_sub(phase).div_ceil(axis.phases).min(axis.len);
        let first = (axis.phases * before + phase).saturating_sub(axis.padding).min(axis.input);
        let count = (axis.input - first).div_ceil(axis.phases).min(axis.len - before);
        Self { before, first, count, step: axis.phases }
    }

    /// Copies them, with zeros before and behind.
    #[inline(always)]
    fn copy<T: Lanes>(&self, from: &[T], to: &mut [T]) {
        let (padding, to) = to.split_at_mut(self.before);
        padding.fill(T::zero());
        let (to, padding) = to.split_at_mut(self.count);
        padding.fill(T::zero());
        let from = &from[self.first..];
        match self.step {
            1 => to.copy_from_slice(&from[..self.count]),
            2 => every::<T, 2>(from, to),
            3 => every::<T, 3>(from, to),
            step => {
                for (to, &from) in to.iter_mut().zip(from.iter().step_by(step)) {
                    *to = from;
                }
            }
        }
    }
}

/// Copies every `STEP`-th element, the step known to the compiler.
#[inline(always)]
fn every<T: Lanes, const STEP: usize>(from: &[T], to: &mut [T]) {
    let (groups, rest) = from.as_chunks::<STEP>();
    for (to, group) in to.iter_mut().zip(groups) {
        *to = group[0];
    }
    if let (Some(to), Some(&from)) = (to.get_mut(groups.len()), rest.first()) {
        *to = from;
    }
}

/// A pitch of at least `len` at which neighbours do not fall on the same lines of a cache.
fn off_the_powers(len: usize) -> usize {
    let from_power = (len + 16) % 256;
    if len >= 240 && from_power < 32 { len.next_multiple_of(16) + 16 } else { len }
}
