//! Passes over `[n, c, inner]` with one number per channel.

use rayon::prelude::*;

use super::Real;
use super::vector::{BLOCK, moments as spread, sums, vectorised};

/// scale x + shift, both per channel.
pub(crate) fn affine<T: Real>(x: &[T], scale: &[T], shift: Option<&[T]>, inner: usize) -> Vec<T> {
    let mut out = vec![T::zero(); x.len()];
    let task = (BLOCK / inner).max(1);
    out.par_chunks_mut(task * inner).zip(x.par_chunks(task * inner)).enumerate().for_each(
        |(block, (out, x))| {
            vectorised(
                #[inline(always)]
                || {
                    for (idx, (out, x)) in out.chunks_exact_mut(inner).zip(x.chunks_exact(inner)).enumerate()
                    {
                        let channel = (block * task + idx) % scale.len();
                        let scale = scale[channel];
                        let shift = shift.map_or(T::zero(), |shift| shift[channel]);
                        for (out, x) in out.iter_mut().zip(x) {
                            *out = *x * scale + shift;
                        }
                    }
                },
            );
        },
    );
    out
}

/// (sum of a, sum of a b) of every channel, channels last.
pub(crate) fn moments<T: Real>(a: &[T], b: &[T], n: usize, c: usize, inner: usize) -> Vec<T> {
    let rows: Vec<[f64; 2]> = a
        .par_chunks(inner)
        .zip(b.par_chunks(inner))
        .with_min_len((BLOCK / inner).max(1))
        .map(|(a, b)| {
            vectorised(
                #[inline(always)]
                || sums([a, b], |[a, b]| [a, a * b]),
            )
        })
        .collect();
    per_channel(c, |channel| {
        (0..n).fold([0.0; 2], |[first, second], sample| {
            let row = rows[sample * c + channel];
            [first + row[0], second + row[1]]
        })
    })
}

/// (mean, biased variance) of every channel, channels last.
pub(crate) fn statistics<T: Real>(x: &[T], n: usize, c: usize, inner: usize) -> Vec<T> {
    let rows: Vec<(f64, f64)> = x
        .par_chunks(inner)
        .with_min_len((BLOCK / inner).max(1))
        .map(|x| {
            vectorised(
                #[inline(always)]
                || spread(x),
            )
        })
        .collect();
    per_channel(c, |channel| {
        let row = |sample: usize| rows[sample * c + channel];
        let mean = (0..n).map(|sample| row(sample).0).sum::<f64>() / n as f64;
        let squares: f64 =
            (0..n).map(|sample| row(sample).1 + inner as f64 * (row(sample).0 - mean).powi(2)).sum();
        [mean, squares / (n * inner) as f64]
    })
}

/// `[2, c]` of the pairs that `pair` gives for each channel.
fn per_channel<T: Real>(c: usize, pair: impl Fn(usize) -> [f64; 2]) -> Vec<T> {
    let mut out = vec![T::zero(); 2 * c];
    for channel in 0..c {
        let [first, second] = pair(channel);
        out[channel] = T::from_f64(first);
        out[c + channel] = T::from_f64(second);
    }
    out
}
