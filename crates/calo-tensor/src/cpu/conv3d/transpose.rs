//! Channels first to channels last, and back.

use std::mem::MaybeUninit;

use crate::cpu::simd::Lanes;
use crate::cpu::vector::vectorised;

/// Positions at a time: what is written stays in the first cache until its lines are full.
const POSITIONS: usize = 64;
/// Rows and columns that are transposed in registers.
const SIDE: usize = 4;

/// `[channel][position]` to `[position][channel]`.
pub(super) fn channels_last<T: Lanes>(from: &[T], channels: usize, to: &mut [T]) {
    let positions = from.len() / channels;
    vectorised(
        #[inline(always)]
        || {
            for start in (0..positions).step_by(POSITIONS) {
                let end = positions.min(start + POSITIONS);
                for channel in (0..channels).step_by(SIDE) {
                    let mut at = start;
                    if channel + SIDE <= channels {
                        while at + SIDE <= end {
                            let block = block(from, channel * positions + at, positions);
                            for (i, row) in transposed(block).into_iter().enumerate() {
                                to[(at + i) * channels + channel..][..SIDE].copy_from_slice(&row);
                            }
                            at += SIDE;
                        }
                    }
                    for channel in channel..channels.min(channel + SIDE) {
                        for at in at..end {
                            to[at * channels + channel] = from[channel * positions + at];
                        }
                    }
                }
            }
        },
    );
}

/// `[position][pitch]`, of which the first are channels, to `[channel][position]`, a bias per channel added.
pub(super) fn channels_first<T: Lanes>(from: &[T], pitch: usize, bias: &[T], to: &mut [MaybeUninit<T>]) {
    let channels = bias.len();
    let positions = to.len() / channels;
    vectorised(
        #[inline(always)]
        || {
            for start in (0..positions).step_by(POSITIONS) {
                let end = positions.min(start + POSITIONS);
                for channel in (0..channels).step_by(SIDE) {
                    let mut at = start;
                    if channel + SIDE <= channels {
                        while at + SIDE <= end {
                            let block = block(from, at * pitch + channel, pitch);
                            for (i, row) in transposed(block).into_iter().enumerate() {
                                let bias = bias[channel + i];
                                let place = &mut to[(channel + i) * positions + at..][..SIDE];
                                for (place, value) in place.iter_mut().zip(row) {
                                    place.write(value + bias);
                                }
                            }
                            at += SIDE;
                        }
                    }
                    for channel in channel..channels.min(channel + SIDE) {
                        for at in at..end {
                            to[channel * positions + at].write(from[at * pitch + channel] + bias[channel]);
                        }
                    }
                }
            }
        },
    );
}

/// Rows of neighbours, `pitch` apart.
#[inline(always)]
fn block<T: Lanes>(from: &[T], start: usize, pitch: usize) -> [[T; SIDE]; SIDE] {
    std::array::from_fn(|row| {
        let row = &from[start + row * pitch..][..SIDE];
        std::array::from_fn(|column| row[column])
    })
}

#[inline(always)]
fn transposed<T: Lanes>(block: [[T; SIDE]; SIDE]) -> [[T; SIDE]; SIDE] {
    std::array::from_fn(|row| std::array::from_fn(|column| block[column][row]))
}
