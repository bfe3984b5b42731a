//! Which way a product is computed.

use std::cell::Cell;

use super::sweep::Bias;
use super::{channels, pointwise, products, sweep, weight};
use crate::cpu::simd::Lanes;
use crate::ops::conv3d::{Geometry, Product};

/// Ways to compute a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernels {
    /// The faster one, by the sizes.
    #[default]
    Fastest,
    /// Register tiles over the input as it is, with neighbouring positions as lanes.
    Positions,
    /// Register tiles with channels as lanes.
    Channels,
    /// Products of matrices.
    Matrices,
}

thread_local! {
    static KERNELS: Cell<Kernels> = const { Cell::new(Kernels::Fastest) };
}

/// Runs `body` with one kind of kernels on this thread: for tests and measurements.
pub fn with_kernels<R>(kernels: Kernels, body: impl FnOnce() -> R) -> R {
    struct Before(Kernels);
    impl Drop for Before {
        fn drop(&mut self) {
            KERNELS.set(self.0);
        }
    }
    let _before = Before(KERNELS.replace(kernels));
    body()
}

/// The way that the tests chose, or the fastest.
fn choice<T: Lanes>(product: Product, geometry: &Geometry) -> Kernels {
    match KERNELS.get() {
        Kernels::Fastest if matrices_are_faster(product, geometry) => Kernels::Matrices,
        Kernels::Fastest => match product {
            Product::Output => {
                let sweep = sweep::Sweep::convolution(&geometry.flattened());
                cheaper(sweep.cost::<T>(), channels::Pass::convolution(geometry).cost::<T>())
            }
            Product::InputGradient => {
                let sweep = sweep::Sweep::transposed(&geometry.flattened());
                cheaper(sweep.cost::<T>(), channels::Pass::transposed(geometry).cost::<T>())
            }
            Product::WeightGradient => Kernels::Positions,
        },
        chosen => chosen,
    }
}

fn cheaper(positions: usize, channels: usize) -> Kernels {
    if channels < positions { Kernels::Channels } else { Kernels::Positions }
}

/// Output channels from which on gathering the columns is little beside multiplying them.
const MANY: usize = 64;
/// Input channels up to which the tiles of the direct kernels are mostly empty.
const FEW: usize = 4;

/// Which way is faster for single precision, by measurements: ms per sample of batch 8, direct / matrices, one thread
/// with AVX-512.
///
/// | layer | output | input gradient | weight gradient |
/// | --- | --- | --- | --- |
/// | 1 -> 8, 4^3 s2, 30^3 | 0.06 / 0.09 | 0.14 / 0.24 | 0.10 / 0.32 |
/// | 32 -> 64, 3^3, 5^3 | 0.13 / 0.15 | 0.14 / 0.27 | 0.16 / 0.18 |
/// | 16 -> 32, 3^3, 30^3 | 11 / 17 | 12 / 19 | 8.6 / 16 |
/// | 64 -> 64, 3^3, 10^3 | 2.7 / 2.8 | 1.7 / 4.5 | 2.3 / 3.4 |
/// | 1 -> 128, 3^3 s2, 30^3 to 14^3 | 0.67 / 0.26 | 1.5 / 0.30 | 0.62 / 0.21 |
/// | 128 -> 128, 3^3 s2, 14^3 to 6^3 | 2.0 / 2.8 | 4.8 / 4.9 | 2.3 / 2.8 |
/// | 128 -> 128, 3^3, 6^3 to 4^3 | 0.45 / 0.49 | 2.0 / 0.95 | 0.54 / 0.69 |
/// | 8 -> 8, 1^3, 30^3 | 0.10 / 0.07 | 0.10 / 0.07 | 0.16 / 0.07 |
/// | 128 -> 128, 1^3, 30^3 | 12 / 7.2 | 14 / 10 | 16 / 9.8 |
fn matrices_are_faster(product: Product, geometry: &Geometry) -> bool {
    let Geometry { x, y, stride, .. } = geometry;
    if pointwise::is_pointwise(geometry) {
        return true;
    }
    if y[1] < MANY {
        return false;
    }
    // The direct input gradient multiplies with the zeros around the output's gradient: as many more, on average.
    let positions = |dims: &[usize; 5]| dims[2..].iter().product::<usize>();
    let leaps = stride.iter().product::<usize>();
    let zeros = product == Product::InputGradient && 2 * positions(x) > 3 * leaps * positions(y);
    x[1] <= FEW || zeros
}

/// `y = conv(x, w) + bias`.
///
/// Slices hold contiguous tensors of the shapes that `geometry` names.
pub(crate) fn convolution<T: Lanes>(x: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    match choice::<T>(Product::Output, geometry) {
        Kernels::Matrices if pointwise::is_pointwise(geometry) => {
            pointwise::convolution(x, w, bias, geometry)
        }
        Kernels::Matrices => products::convolution(x, w, bias, geometry),
        Kernels::Channels => channels::convolution(x, w, bias, geometry),
        Kernels::Fastest | Kernels::Positions => sweep::convolution(x, w, bias, geometry),
    }
}

/// The gradient of `conv` for `x`: the transposed convolution of `gy`, plus a bias.
pub(crate) fn transposed<T: Lanes>(gy: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    match choice::<T>(Product::InputGradient, geometry) {
        Kernels::Matrices if pointwise::is_pointwise(geometry) => {
            pointwise::transposed(gy, w, bias, geometry)
        }
        Kernels::Matrices => products::transposed(gy, w, bias, geometry),
        Kernels::Channels => channels::transposed(gy, w, bias, geometry),
        Kernels::Fastest | Kernels::Positions => sweep::transposed(gy, w, bias, geometry),
    }
}

/// The gradient for the weight, from the input `x` and the output's gradient `gy`.
pub(crate) fn weight_gradient<T: Lanes>(x: &[T], gy: &[T], geometry: &Geometry) -> Vec<T> {
    match choice::<T>(Product::WeightGradient, geometry) {
        Kernels::Matrices if pointwise::is_pointwise(geometry) => pointwise::weight_gradient(x, gy, geometry),
        Kernels::Matrices => products::weight_gradient(x, gy, geometry),
        Kernels::Fastest | Kernels::Positions | Kernels::Channels => weight::weight_gradient(x, gy, geometry),
    }
}
