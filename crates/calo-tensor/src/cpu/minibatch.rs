//! How close samples of a batch are to each other in learned projections, and the gradient of that.

use rayon::prelude::*;

use super::Real;
use super::vector::vectorised;

/// Extents of the projections `[n, kernels, projections]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) kernels: usize,
    pub(crate) projections: usize,
}

impl Sizes {
    /// Numbers of one sample.
    fn row(self) -> usize {
        self.kernels * self.projections
    }
}

/// `o[i, b] = sum over j but i of exp(-|x[i, b] - x[j, b]|_1)`.
///
/// # Shapes
/// `x` `[n, kernels, projections]` to `[n, kernels]`.
pub(crate) fn closeness<T: Real>(x: &[T], sizes: Sizes) -> Vec<T> {
    let (row, n) = (sizes.row(), x.len() / sizes.row());
    let mut out = vec![T::zero(); n * sizes.kernels];
    out.par_chunks_mut(sizes.kernels).enumerate().for_each(|(i, out)| {
        vectorised(|| {
            let a = &x[i * row..][..row];
            for (_, b) in x.chunks_exact(row).enumerate().filter(|(j, _)| *j != i) {
                for (kernel, out) in out.iter_mut().enumerate() {
                    *out += similarity(a, b, kernel, sizes.projections);
                }
            }
        });
    });
    out
}

/// The gradient for x, given `g` for the result: `-(g[i, b] + g[j, b]) exp(-|..|) sign(x[i, b, c] - x[j, b, c])`, summed over
/// j; the sign of 0 is 0.
///
/// # Shapes
/// `x` `[n, kernels, projections]`, `g` `[n, kernels]` to that of `x`.
pub(crate) fn gradient<T: Real>(x: &[T], g: &[T], sizes: Sizes) -> Vec<T> {
    let Sizes { kernels, projections } = sizes;
    let row = sizes.row();
    let mut dx = vec![T::zero(); x.len()];
    dx.par_chunks_mut(row).enumerate().for_each(|(i, dx)| {
        vectorised(|| {
            let (a, g_a) = (&x[i * row..][..row], &g[i * kernels..][..kernels]);
            let others = x.chunks_exact(row).zip(g.chunks_exact(kernels)).enumerate();
            for (_, (b, g_b)) in others.filter(|(j, _)| *j != i) {
                for kernel in 0..kernels {
                    let factor = (g_a[kernel] + g_b[kernel]) * similarity(a, b, kernel, projections);
                    let of = kernel * projections..(kernel + 1) * projections;
                    for ((dx, &a), &b) in dx[of.clone()].iter_mut().zip(&a[of.clone()]).zip(&b[of]) {
                        let difference = a - b;
                        if difference > T::zero() {
                            *dx -= factor;
                        } else if difference < T::zero() {
                            *dx += factor;
                        }
                    }
                }
            }
        });
    });
    dx
}

#[inline(always)]
fn similarity<T: Real>(a: &[T], b: &[T], kernel: usize, projections: usize) -> T {
    let of = kernel * projections..(kernel + 1) * projections;
    let distance: T = a[of.clone()].iter().zip(&b[of]).map(|(&a, &b)| (a - b).abs()).sum();
    (-distance).exp()
}
