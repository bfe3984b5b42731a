//! A padded copy of some planes of an input, in which a tap of the kernel is a constant offset.

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
        let [depth, height, width] = axes;
        let volume = depth.input * height.input * width.input;
        for (input, slab) in input.chunks_exact(volume).zip(slab.chunks_exact_mut(self.channel)) {
            for (phase, slab) in slab.chunks_exact_mut(self.phase).enumerate() {
                let w_phase = phase % width.phases;
                let h_phase = phase / width.phases % height.phases;
                let d_phase = phase / width.phases / height.phases;
                if d_phase >= depth.phases {
                    break;
                }
                for (place, plane) in places.clone().zip(slab.chunks_exact_mut(self.plane)) {
                    let rows = plane.chunks_exact_mut(self.row).take(height.len);
                    let Some(d) = source(depth, place, d_phase) else {
                        rows.for_each(|row| row.fill(T::zero()));
                        continue;
                    };
                    for (place, row) in rows.enumerate() {
                        match source(height, place, h_phase) {
                            Some(h) => {
                                let from = &input[(d * height.input + h) * width.input..][..width.input];
                                fill_row(width, w_phase, from, row);
                            }
                            None => row.fill(T::zero()),
                        }
                    }
                }
            }
        }
    }
}

/// The element of the input at a place of a phase, unless it is padding.
fn source(axis: &Axis, place: usize, phase: usize) -> Option<usize> {
    (axis.phases * place + phase).checked_sub(axis.padding).filter(|&index| index < axis.input)
}

/// Copies one row's elements of one phase.
fn fill_row<T: Lanes>(axis: &Axis, phase: usize, from: &[T], row: &mut [T]) {
    let before = axis.padding.saturating_sub(phase).div_ceil(axis.phases).min(row.len());
    let (padding, row) = row.split_at_mut(before);
    padding.fill(T::zero());
    let first = (axis.phases * before + phase).saturating_sub(axis.padding).min(from.len());
    let from = &from[first..];
    let inside = from.len().div_ceil(axis.phases).min(row.len());
    let (row, padding) = row.split_at_mut(inside);
    padding.fill(T::zero());
    if axis.phases == 1 {
        row.copy_from_slice(&from[..inside]);
    } else if axis.phases == 2 {
        for (place, pair) in row.iter_mut().zip(from.chunks(2)) {
            *place = pair[0];
        }
    } else {
        for (place, &element) in row.iter_mut().zip(from.iter().step_by(axis.phases)) {
            *place = element;
        }
    }
}

/// A pitch of at least `len` at which neighbours do not fall on the same lines of a cache.
fn off_the_powers(len: usize) -> usize {
    if len >= 256 && len.next_multiple_of(256) - len < 16 || len % 256 < 16 && len >= 256 {
        len.next_multiple_of(16) + 16
    } else {
        len
    }
}
