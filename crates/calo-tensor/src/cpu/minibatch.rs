//! How close samples of a batch are to each other in learned projections, and the gradient of that. The other samples are
//! the lanes: projections lie as `[kernel, projection, sample]`.

use rayon::prelude::*;

use super::Real;
use super::vector::vectorised;

/// Extents of the projections `[n, kernels, projections]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) n: usize,
    pub(crate) kernels: usize,
    pub(crate) projections: usize,
}

/// `o[i, b] = sum over j but i of exp(-|x[i, b] - x[j, b]|_1)`.
///
/// # Shapes
/// `x` `[n, kernels, projections]` to `[n, kernels]`.
pub(crate) fn closeness<T: Real>(x: &[T], sizes: Sizes) -> Vec<T> {
    let columns = transposed(x, sizes.n);
    let mut out = vec![T::zero(); sizes.n * sizes.kernels];
    out.par_chunks_mut(sizes.kernels).enumerate().for_each_init(
        || vec![T::zero(); sizes.n],
        |similarities, (i, out)| {
            for (kernel, out) in out.iter_mut().enumerate() {
                similar(&columns, sizes, [i, kernel], similarities);
                *out = similarities.iter().copied().sum();
            }
        },
    );
    out
}

/// The gradient for x, given `g` for the result: `-(g[i, b] + g[j, b]) exp(-|..|) sign(x[i, b, c] - x[j, b, c])`, summed over
/// j; the sign of 0 is 0.
///
/// # Shapes
/// `x` `[n, kernels, projections]`, `g` `[n, kernels]` to that of `x`.
pub(crate) fn gradient<T: Real>(x: &[T], g: &[T], sizes: Sizes) -> Vec<T> {
    let Sizes { n, kernels, projections } = sizes;
    let (columns, g) = (transposed(x, n), transposed(g, n));
    let mut dx = vec![T::zero(); x.len()];
    dx.par_chunks_mut(kernels * projections).enumerate().for_each_init(
        || vec![T::zero(); n],
        |factors, (i, dx)| {
            for (kernel, dx) in dx.chunks_exact_mut(projections).enumerate() {
                similar(&columns, sizes, [i, kernel], factors);
                let g = &g[kernel * n..][..n];
                vectorised(|| {
                    for (factor, &g_j) in factors.iter_mut().zip(g) {
                        *factor *= g[i] + g_j;
                    }
                });
                for (projection, dx) in dx.iter_mut().enumerate() {
                    let column = &columns[(kernel * projections + projection) * n..][..n];
                    *dx = vectorised(|| signed_sum(factors, column, column[i]));
                }
            }
        },
    );
    dx
}

/// `exp(-|x[i, b] - x[j, b]|_1)` for every sample j, 0 for i itself.
fn similar<T: Real>(columns: &[T], sizes: Sizes, [i, kernel]: [usize; 2], similarities: &mut [T]) {
    let Sizes { n, projections, .. } = sizes;
    similarities.fill(T::zero());
    vectorised(|| {
        for projection in 0..projections {
            let column = &columns[(kernel * projections + projection) * n..][..n];
            let own = column[i];
            for (distance, &other) in similarities.iter_mut().zip(column) {
                *distance += (own - other).abs();
            }
        }
        for distance in similarities.iter_mut() {
            *distance = (-*distance).exp();
        }
    });
    similarities[i] = T::zero();
}

/// The sum of `factors[j] sign(column[j] - own)`.
#[inline(always)]
fn signed_sum<T: Real>(factors: &[T], column: &[T], own: T) -> T {
    let mut sums = [T::zero(); 16];
    let ((factors, factors_rest), (column, column_rest)) =
        (factors.as_chunks::<16>(), column.as_chunks::<16>());
    for (factors, column) in factors.iter().zip(column) {
        for lane in 0..16 {
            sums[lane] += signed(factors[lane], column[lane], own);
        }
    }
    for (lane, (&factor, &other)) in factors_rest.iter().zip(column_rest).enumerate() {
        sums[lane] += signed(factor, other, own);
    }
    sums.into_iter().sum()
}

#[inline(always)]
fn signed<T: Real>(factor: T, other: T, own: T) -> T {
    let above = if other > own { factor } else { T::zero() };
    let below = if other < own { factor } else { T::zero() };
    above - below
}

/// Rows of samples become columns of samples.
fn transposed<T: Real>(x: &[T], n: usize) -> Vec<T> {
    let row = x.len() / n.max(1);
    let mut out = vec![T::zero(); x.len()];
    for (sample, x) in x.chunks_exact(row.max(1)).enumerate() {
        for (column, &x) in x.iter().enumerate() {
            out[column * n + sample] = x;
        }
    }
    out
}
