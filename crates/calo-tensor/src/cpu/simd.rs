//! The vectors of the machine at hand, for `f32` and `f64` alike: what `pulp` offers per type, made generic.

use std::cell::Cell;

use pulp::{Arch, Simd, WithSimd};

use super::Real;

/// A number that comes in vectors.
pub(crate) trait Lanes: Real {
    /// One vector register.
    type Vector<S: Simd>: Copy;

    /// A slice as whole vectors; what is left over at its end is left out.
    fn vectors<S: Simd>(x: &[Self]) -> &[Self::Vector<S>];

    /// The same, to be written to.
    fn vectors_mut<S: Simd>(x: &mut [Self]) -> &mut [Self::Vector<S>];

    /// `x` in every lane.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;

    /// `a * b + c`, fused where the machine can.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// `a + b`.
    fn add_lanes<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// The sum of the lanes.
    fn sum_lanes<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;

    /// Buffers of this thread, kept from task to task; to be given back.
    fn take_scratch() -> Scratch<Self>;

    /// Gives buffers back to this thread.
    fn give_scratch(scratch: Scratch<Self>);

    /// Lanes of a vector of `S`.
    fn lanes_of<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }

    /// Lanes of a vector of this machine.
    fn lanes() -> usize {
        struct Count<T>(std::marker::PhantomData<T>);
        impl<T: Lanes> WithSimd for Count<T> {
            type Output = usize;

            fn with_simd<S: Simd>(self, _: S) -> usize {
                T::lanes_of::<S>()
            }
        }
        Arch::new().dispatch(Count::<Self>(std::marker::PhantomData))
    }
}

/// Buffers that one thread needs while it works on a block: see the kernels that use them.
#[derive(Debug, Default)]
pub(crate) struct Scratch<T> {
    /// A padded copy of a part of the input.
    pub(crate) slab: Vec<T>,
    /// One operand, in the order in which the kernel reads it.
    pub(crate) panels: Vec<T>,
    /// Results before they find their places.
    pub(crate) results: Vec<T>,
    /// Places in the slab.
    pub(crate) offsets: Vec<usize>,
}

/// `len` elements of `buffer`, whatever they hold.
pub(crate) fn at_least<T: Lanes>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::zero());
    }
    &mut buffer[..len]
}

macro_rules! lanes {
    ($t:ty, $kept:ident, $vector:ident, $vectors:ident, $vectors_mut:ident, $splat:ident, $mul_add:ident, $add:ident, $sum:ident) => {
        impl Lanes for $t {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn vectors<S: Simd>(x: &[Self]) -> &[S::$vector] {
                S::$vectors(x).0
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(x: &mut [Self]) -> &mut [S::$vector] {
                S::$vectors_mut(x).0
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn add_lanes<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn sum_lanes<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$sum(a)
            }

            fn take_scratch() -> Scratch<Self> {
                $kept.take()
            }

            fn give_scratch(scratch: Scratch<Self>) {
                $kept.set(scratch);
            }
        }
    };
}

thread_local! {
    static SINGLE: Cell<Scratch<f32>> = Cell::default();
    static DOUBLE: Cell<Scratch<f64>> = Cell::default();
}

lanes!(
    f32,
    SINGLE,
    f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    splat_f32s,
    mul_add_e_f32s,
    add_f32s,
    reduce_sum_f32s
);
lanes!(
    f64,
    DOUBLE,
    f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    splat_f64s,
    mul_add_e_f64s,
    add_f64s,
    reduce_sum_f64s
);
