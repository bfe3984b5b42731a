//! What the memory-bound kernels share: vector dispatch, blocks, and sums that lose nothing.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::Real;

/// Partial sums that run side by side: one or more vectors on every machine, so that the order of a sum does not
/// depend on the width of the vectors.
const LANES: usize = 16;

/// Elements that are summed in the element type before the sum goes over to f64.
pub(crate) const RUN: usize = 1024;

/// Elements of one task of an elementwise pass: large against the cost of a task, small against the cache.
pub(crate) const BLOCK: usize = 16 * RUN;

/// Runs `kernel` compiled for the widest vectors of this machine.
///
/// Only what is inlined into `kernel` profits: mark it and what it calls `#[inline(always)]`.
#[inline(always)]
pub(crate) fn vectorised<R>(kernel: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(kernel)
}

/// Sums over all elements of `terms` of the operands, which have the same length.
#[inline(always)]
pub(crate) fn sums<T: Real, const N: usize, const K: usize>(
    operands: [&[T]; N],
    terms: impl Fn([T; N]) -> [T; K],
) -> [f64; K] {
    let mut total = [0.0; K];
    let length = operands.iter().map(|operand| operand.len()).min().unwrap_or(0);
    for start in (0..length).step_by(RUN) {
        let end = (start + RUN).min(length);
        let run = run_sums(operands.map(|operand| &operand[start..end]), &terms);
        for (total, run) in total.iter_mut().zip(run) {
            *total += run;
        }
    }
    total
}

/// [`sums`] over at most [`RUN`] elements.
#[inline(always)]
pub(crate) fn run_sums<T: Real, const N: usize, const K: usize>(
    operands: [&[T]; N],
    terms: &impl Fn([T; N]) -> [T; K],
) -> [f64; K] {
    let mut lanes = [[T::zero(); LANES]; K];
    let split = operands.map(|operand| operand.as_chunks::<LANES>());
    let n_chunks = split.iter().map(|(chunks, _)| chunks.len()).min().unwrap_or(0);
    for idx in 0..n_chunks {
        let chunk = split.map(|(chunks, _)| &chunks[idx]);
        for lane in 0..LANES {
            let term = terms(chunk.map(|values| values[lane]));
            for (lanes, term) in lanes.iter_mut().zip(term) {
                lanes[lane] += term;
            }
        }
    }
    let n_rest = split.iter().map(|(_, rest)| rest.len()).min().unwrap_or(0);
    for idx in 0..n_rest {
        let term = terms(split.map(|(_, rest)| rest[idx]));
        for (lanes, term) in lanes.iter_mut().zip(term) {
            lanes[idx] += term;
        }
    }
    lanes.map(|lanes| {
        let mut folded = lanes.map(candle_core::WithDType::to_f64);
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                folded[lane] += folded[lane + width];
            }
            width /= 2;
        }
        folded[0]
    })
}

/// Mean and sum of squared deviations of `x`, in one pass: exact also where the mean is large against the spread.
#[inline(always)]
pub(crate) fn moments<T: Real>(x: &[T]) -> (f64, f64) {
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for run in x.chunks(RUN) {
        // The run stays in the nearest cache: its mean first, then the squares about it, then Chan's merge.
        let len = run.len() as f64;
        let [sum] = run_sums([run], &|[x]| [x]);
        let about = T::from_f64(sum / len);
        let [first, second] = run_sums([run], &|[x]| [x - about, (x - about) * (x - about)]);
        let run_mean = candle_core::WithDType::to_f64(about) + first / len;
        let run_squares = second - first * first / len;
        let total = n + len;
        let step = run_mean - mean;
        mean += step * len / total;
        squares += run_squares + step * step * n * len / total;
        n = total;
    }
    (mean, squares)
}

/// A vector of `len` elements that `write` fills in blocks of `block`, on all cores. It gets the first place of its block.
///
/// Zeroing a large result before it is written costs as much as writing it.
///
/// # Safety
/// `write` has to write every element of what it gets.
#[expect(unsafe_code, reason = "zeroing a result before it is written costs as much as writing it")]
pub(super) unsafe fn written<T: Real>(
    len: usize,
    block: usize,
    write: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync,
) -> Vec<T> {
    let mut out = Vec::with_capacity(len);
    let places = &mut out.spare_capacity_mut()[..len];
    places.par_chunks_mut(block).enumerate().for_each(|(idx, places)| write(idx * block, places));
    // SAFETY: the blocks are all of the `len` places, which there is room for, and the caller vouches for each.
    unsafe { out.set_len(len) };
    out
}

/// Has the cache line in which `value` begins fetched, to be there when it is used: a hint without a result.
#[inline(always)]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "fetching ahead has no safe interface yet"))]
pub(super) fn fetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has the instruction, and it neither reads nor writes as far as the program can tell.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// `f` of every element of `x`, on all cores.
#[expect(unsafe_code, reason = "the result is not zeroed first")]
pub(crate) fn map<T: Real>(x: &[T], f: impl Fn(T) -> T + Sync) -> Vec<T> {
    // SAFETY: a block has as many places as elements of `x` from its start on, and each is written.
    unsafe {
        written(x.len(), BLOCK, |start, out| {
            let x = &x[start..start + out.len()];
            vectorised(
                #[inline(always)]
                || {
                    for (out, x) in out.iter_mut().zip(x) {
                        out.write(f(*x));
                    }
                },
            );
        })
    }
}

/// `f` of every pair of elements of `x` and `y`, on all cores.
#[expect(unsafe_code, reason = "the result is not zeroed first")]
pub(crate) fn map2<T: Real>(x: &[T], y: &[T], f: impl Fn(T, T) -> T + Sync) -> Vec<T> {
    // SAFETY: a block has as many places as elements of `x` and `y` from its start on, and each is written.
    unsafe {
        written(x.len(), BLOCK, |start, out| {
            let (x, y) = (&x[start..start + out.len()], &y[start..start + out.len()]);
            vectorised(
                #[inline(always)]
                || {
                    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
                        out.write(f(*x, *y));
                    }
                },
            );
        })
    }
}

/// Column sums of the `partials`, rows of `width` elements, in the order of the rows.
pub(crate) fn add_rows<T: Real>(partials: &[T], width: usize, out: &mut [T]) {
    out.par_chunks_mut(RUN).enumerate().for_each(|(block, out)| {
        let start = block * RUN;
        vectorised(
            #[inline(always)]
            || {
                for row in partials.chunks_exact(width) {
                    for (out, value) in out.iter_mut().zip(&row[start..]) {
                        *out += *value;
                    }
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_every_element_once() {
        for n in [0, 1, 15, 16, 17, 1023, 1024, 1025, 5000] {
            let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let [sum, count] = sums([&x[..]], |[x]| [x, 1.0]);
            assert_eq!(count as usize, n);
            assert_eq!(sum as usize, n * n.saturating_sub(1) / 2);
        }
    }

    #[test]
    fn moments_survive_a_large_mean() {
        let x: Vec<f32> = (0..27_000).map(|i| 4096.0 + (i % 8) as f32).collect();
        let (mean, squares) = moments(&x);
        assert!((mean - 4099.5).abs() < 1e-9, "{mean}");
        assert!((squares / 27_000.0 - 5.25).abs() < 1e-9, "{squares}");
    }
}
