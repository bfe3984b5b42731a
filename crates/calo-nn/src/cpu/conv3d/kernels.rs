//! Which way a product is computed.

use std::cell::Cell;

use super::sweep::Bias;
use super::{pointwise, products, sweep, weight};
use crate::cpu::simd::Lanes;
use crate::ops::conv3d::{Geometry, Product};

/// Ways to compute a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernels {
    /// The faster one, by the sizes.
    #[default]
    Fastest,
    /// Register tiles over the input as it is.
    Direct,
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

/// Whether a product is one of matrices.
fn by_matrices(product: Product, geometry: &Geometry) -> bool {
    match KERNELS.get() {
        Kernels::Fastest => matrices_are_faster(product, geometry),
        Kernels::Direct => false,
        Kernels::Matrices => true,
    }
}

/// The rule.
fn matrices_are_faster(_product: Product, geometry: &Geometry) -> bool {
    geometry.x[1].max(geometry.y[1]) >= 128
}

/// `y = conv(x, w) + bias`.
///
/// Slices hold contiguous tensors of the shapes that `geometry` names.
pub(crate) fn convolution<T: Lanes>(x: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    if !by_matrices(Product::Output, geometry) {
        sweep::convolution(x, w, bias, geometry)
    } else if pointwise::is_pointwise(geometry) {
        pointwise::convolution(x, w, bias, geometry)
    } else {
        products::convolution(x, w, bias, geometry)
    }
}

/// The gradient of `conv` for `x`: the transposed convolution of `gy`, plus a bias.
pub(crate) fn transposed<T: Lanes>(gy: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    if !by_matrices(Product::InputGradient, geometry) {
        sweep::transposed(gy, w, bias, geometry)
    } else if pointwise::is_pointwise(geometry) {
        pointwise::transposed(gy, w, bias, geometry)
    } else {
        products::transposed(gy, w, bias, geometry)
    }
}

/// The gradient for the weight, from the input `x` and the output's gradient `gy`.
pub(crate) fn weight_gradient<T: Lanes>(x: &[T], gy: &[T], geometry: &Geometry) -> Vec<T> {
    if !by_matrices(Product::WeightGradient, geometry) {
        weight::weight_gradient(x, gy, geometry)
    } else if pointwise::is_pointwise(geometry) {
        pointwise::weight_gradient(x, gy, geometry)
    } else {
        products::weight_gradient(x, gy, geometry)
    }
}
