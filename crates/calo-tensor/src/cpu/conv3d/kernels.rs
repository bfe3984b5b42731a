//! Which way a product is computed.

use std::cell::Cell;

use super::sweep::Bias;
use super::{channels, pointwise, products, sweep, unpadded, weight};
use crate::arguments::conv3d::{Geometry, Product};
use crate::cpu::simd::Lanes;

/// Ways to compute a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernels {
    /// The faster one, by the sizes.
    #[default]
    Fastest,
    /// Register tiles over the input as it is, with neighbouring positions as lanes.
    Positions,
    /// Register tiles with channels as lanes, over the input with channels last.
    Channels,
    /// The same over the input as it is, for outputs without padding; elsewhere as [`Channels`](Self::Channels).
    Unpadded,
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
                let unpadded = unpadded::cost::<T>(geometry);
                cheapest::<T>(&sweep, &channels::Pass::convolution(geometry), unpadded)
            }
            Product::InputGradient => {
                let sweep = sweep::Sweep::transposed(&geometry.flattened());
                cheapest::<T>(&sweep, &channels::Pass::transposed(geometry), None)
            }
            Product::WeightGradient => Kernels::Positions,
        },
        chosen => chosen,
    }
}

/// The direct kernel that computes and moves least.
fn cheapest<T: Lanes>(
    positions: &sweep::Sweep,
    channels: &channels::Pass,
    unpadded: Option<usize>,
) -> Kernels {
    let costs = [(channels.cost::<T>(), Kernels::Channels), (unpadded, Kernels::Unpadded)];
    let mut best = (positions.cost::<T>(), Kernels::Positions);
    for (cost, kernels) in costs {
        if let Some(cost) = cost.filter(|&cost| cost < best.0) {
            best = (cost, kernels);
        }
    }
    best.1
}

/// Output channels from which on gathering the columns is little beside multiplying them.
const MANY: usize = 32;
/// Input channels up to which the direct kernels' tiles of gradients are mostly empty.
const FEW: usize = 4;

/// Whether matrices are faster than the direct kernels for single precision, by measurements: `benches/conv3d.rs`.
///
/// Between the direct kernels their costs decide; ms per sample with positions / channels / matrices, one thread of a
/// busy machine with AVX-512, batch 8, or 32 for the grids of 30x10x10:
///
/// | layer | output | input gradient |
/// | --- | --- | --- |
/// | 8 -> 16, 4^3 s2, 16^3 to 9^3 | 0.20 / 0.15 / 0.33 | 0.18 / 0.25 / 0.67 |
/// | 16 -> 32, 4^3 s2, 9^3 to 5^3 | 0.10 / 0.047 / 0.14 | 0.091 / 0.052 / 0.20 |
/// | 32 -> 64, 3^3, 5^3 | 0.18 / 0.070 / 0.15 | 0.19 / 0.067 / 0.20 |
/// | 1 -> 128, 3^3 s2, 30^3 to 14^3 | 0.35 / 0.39 / 0.77 | 0.95 / 3.1 / 0.69 |
/// | 128 -> 128, 3^3 s2, 14^3 to 6^3 | 2.5 / 1.7 / 2.1 | 3.3 / 1.8 / 3.1 |
/// | 128 -> 128, 3^3, 6^3 to 4^3 | 0.80 / 0.46 / 0.50 | 1.7 / 0.48 / 0.69 |
/// | 8 -> 16, 3^3, 30x10x10 | 0.21 / 0.20 / 0.41 | 0.22 / 0.34 / 0.66 |
/// | 16 -> 32, 3^3, 30x10x10 | 0.75 / 0.54 / 1.1 | 0.94 / 0.66 / 1.7 |
/// | 16 -> 8, 2^3 s2, 60x20x20 to 30x10x10 | 0.54 / 0.36 / 0.67 | 0.52 / 0.38 / 1.2 |
/// | 32 -> 32, 3^3 s2, 14x4x4 to 6x1x1 | 0.082 / 0.009 / 0.067 | 0.067 / 0.011 / 0.083 |
fn matrices_are_faster(product: Product, geometry: &Geometry) -> bool {
    let Geometry { x, y, .. } = geometry;
    let gradient = !matches!(product, Product::Output);
    pointwise::is_pointwise(geometry) || gradient && y[1] >= MANY && x[1] <= FEW
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
        Kernels::Unpadded if geometry.padding == [0; 3] => unpadded::convolution(x, w, bias, geometry),
        Kernels::Channels | Kernels::Unpadded => channels::convolution(x, w, bias, geometry),
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
        Kernels::Channels | Kernels::Unpadded => channels::transposed(gy, w, bias, geometry),
        Kernels::Fastest | Kernels::Positions => sweep::transposed(gy, w, bias, geometry),
    }
}

/// The gradient for the weight, from the input `x` and the output's gradient `gy`.
pub(crate) fn weight_gradient<T: Lanes>(x: &[T], gy: &[T], geometry: &Geometry) -> Vec<T> {
    match choice::<T>(Product::WeightGradient, geometry) {
        Kernels::Matrices if pointwise::is_pointwise(geometry) => pointwise::weight_gradient(x, gy, geometry),
        Kernels::Matrices => products::weight_gradient(x, gy, geometry),
        _ => weight::weight_gradient(x, gy, geometry),
    }
}
