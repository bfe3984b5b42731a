//! Sums over samples and positions, channel by channel.

use rayon::prelude::*;

use super::simd::Lanes;

/// Independent partial sums: enough to fill the vectors of any machine, and fixed, so that results are.
const PARTIAL: usize = 32;
/// Elements that are summed before the sum is put down.
const BLOCK: usize = 4096;

/// Sums of `x` `[samples][channels][positions]` over samples and positions.
pub(crate) fn channel_sum<T: Lanes>(x: &[T], samples: usize, channels: usize) -> Vec<T> {
    let positions = x.len() / (samples * channels);
    (0..channels)
        .into_par_iter()
        .map(|channel| {
            let sample = |sample: usize| &x[(sample * channels + channel) * positions..][..positions];
            (0..samples).map(|n| sample(n).chunks(BLOCK).map(sum).sum::<T>()).sum()
        })
        .collect()
}

/// The sum of a few elements.
fn sum<T: Lanes>(x: &[T]) -> T {
    let mut partial = [T::zero(); PARTIAL];
    let (chunks, rest) = x.as_chunks::<PARTIAL>();
    for chunk in chunks {
        for (sum, &element) in partial.iter_mut().zip(chunk) {
            *sum += element;
        }
    }
    partial.into_iter().sum::<T>() + rest.iter().copied().sum()
}
