//! The largest values of each row in falling order.
//!
//! * forward: [`Order`] finds the positions of the largest values, [`Take`] fetches them;
//! * gradient: [`Spread`] puts each value's gradient back in its place;
//! * gradient of that: [`Take`] again. Both are linear, so this repeats for any order.
//!
//! Candle's own `gather` would serve for the first derivative alone: the gradient of its `scatter_add` drops
//! what was already in the places written to.

use candle_core::{CpuStorage, Layout, Shape, Tensor, WithDType};
use rayon::prelude::*;

use crate::autograd::Backward;
use crate::cpu::{Operand, Real, by_dtype, elements};
use crate::cuda;
use crate::ops::check;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

const OP: &str = "sort_descending";

/// The `count` largest values of the last axis in falling order; equal values keep their order.
///
/// # Shapes
/// `[.., n]` to `[.., count]`.
///
/// # Errors
/// [`Error::Operand`] for a `count` that is not in 1..=n, for an empty tensor or one without axes, for other element
/// types; on the CPU also where a value is NaN.
pub fn sort_descending(x: &Tensor, count: usize) -> Result<Tensor> {
    let Some(&row) = x.dims().last().filter(|_| x.elem_count() > 0) else {
        return Err(Error::operand(OP, "x", x.shape(), "at least one axis and one element"));
    };
    check::element_type(OP, "x", x)?;
    if count == 0 || count > row {
        return Err(Error::operand(OP, "count", count, format!("1 to {row}, the length of the last axis")));
    }
    if u32::try_from(row).is_err() {
        return Err(Error::operand(OP, "length of the last axis", row, "less than 2^32"));
    }
    let x = x.contiguous()?;
    let order = x.apply_op1_no_bwd(&Node(Order { count }))?;
    Ok(x.apply_op2(&order, Node(Take))?)
}

/// `dims` with another last axis.
fn with_last(dims: &[usize], last: usize) -> Shape {
    let mut dims = dims.to_vec();
    if let Some(axis) = dims.last_mut() {
        *axis = last;
    }
    Shape::from(dims)
}

/// The last axis; `sort_descending` has checked that operands have one.
fn last_of(layout: &Layout) -> usize {
    layout.dims().last().copied().unwrap_or(1)
}

/// Positions of the largest values of each row, in falling order of the values: `[.., n]` to u32 `[.., count]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) count: usize,
}

impl Operation<1> for Order {
    fn name(&self) -> &'static str {
        "sort_descending-order"
    }

    fn cpu(&self, [(x, layout)]: [Operand<'_>; 1]) -> candle_core::Result<(CpuStorage, Shape)> {
        let order = by_dtype!(self.name(), x, T => {
            largest_positions::<T>(elements(self.name(), x, layout)?, last_of(layout), self.count)
        })?;
        Ok((u32::to_cpu_storage_owned(order), with_last(layout.dims(), self.count)))
    }

    fn cuda(&self, [a]: [cuda::Operand<'_>; 1]) -> candle_core::Result<cuda::Output> {
        cuda::argsort_descending(a, self.count)
    }
}

/// A number that packs with its position into one integer: the smaller the integer, the larger the number.
trait SortKey: Real {
    type Key: Ord + Copy + Default + Send;
    /// Digits of the number's part of a key.
    const DIGITS: usize;
    fn key(self, position: u32) -> Self::Key;
    fn position(key: Self::Key) -> u32;
    /// A digit of the number's part, the least significant being 0.
    fn digit(key: Self::Key, digit: usize) -> usize;
}

/// Bits and values of a digit: three digits for an f32, tables that fit the first cache.
const DIGIT_BITS: usize = 11;
const DIGIT_VALUES: usize = 1 << DIGIT_BITS;

/// Integers make the sort stable and several times faster than a comparison of two floats and two positions.
macro_rules! sort_key {
    ($float:ty, $bits:ty, $key:ty) => {
        impl SortKey for $float {
            type Key = $key;
            const DIGITS: usize = (<$bits>::BITS as usize).div_ceil(DIGIT_BITS);

            fn key(self, position: u32) -> $key {
                let sign = 1 << (<$bits>::BITS - 1);
                // Adding zero makes -0 a 0, which it equals.
                let bits = (self + 0.0).to_bits();
                let ascending = if bits & sign == 0 { bits | sign } else { !bits };
                <$key>::from(!ascending) << 32 | <$key>::from(position)
            }

            fn position(key: $key) -> u32 {
                key as u32
            }

            fn digit(key: $key, digit: usize) -> usize {
                (key >> (32 + DIGIT_BITS * digit)) as usize % DIGIT_VALUES
            }
        }
    };
}
sort_key!(f32, u32, u64);
sort_key!(f64, u64, u128);

fn largest_positions<T: SortKey>(x: &[T], row: usize, count: usize) -> candle_core::Result<Vec<u32>> {
    let mut order = vec![0; x.len() / row * count];
    order.par_chunks_mut(count).zip(x.par_chunks(row)).try_for_each_init(
        || (Vec::new(), Vec::new()),
        |(keys, spare): &mut (Vec<T::Key>, Vec<T::Key>), (order, row)| {
            if row.iter().any(|x| x.is_nan()) {
                return Err(Error::operand(OP, "a value of x", "NaN", "numbers, which have an order"));
            }
            keys.clear();
            keys.extend((0..).zip(row).map(|(position, x)| x.key(position)));
            if count < keys.len() / 4 {
                keys.select_nth_unstable(count);
                keys.truncate(count);
                keys.sort_unstable();
            } else {
                sort_by_digits::<T>(keys, spare);
            }
            for (position, &key) in order.iter_mut().zip(&*keys) {
                *position = T::position(key);
            }
            Ok(())
        },
    )?;
    Ok(order)
}

/// Sorts keys whose positions rise already: one stable pass for each digit, none where all share it. `spare` is
/// scratch.
fn sort_by_digits<T: SortKey>(keys: &mut Vec<T::Key>, spare: &mut Vec<T::Key>) {
    spare.clear();
    spare.resize(keys.len(), T::Key::default());
    let mut counts = vec![[0; DIGIT_VALUES]; T::DIGITS];
    for &key in &*keys {
        for (digit, counts) in counts.iter_mut().enumerate() {
            counts[T::digit(key, digit)] += 1;
        }
    }
    for (digit, starts) in counts.iter_mut().enumerate() {
        if starts.contains(&keys.len()) {
            continue;
        }
        let mut start = 0;
        for count in starts.iter_mut() {
            start += std::mem::replace(count, start);
        }
        for &key in &*keys {
            let place = &mut starts[T::digit(key, digit)];
            spare[*place] = key;
            *place += 1;
        }
        std::mem::swap(keys, spare);
    }
}

/// Values at given positions of each row: `[.., n]` and u32 `[.., count]` to `[.., count]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take;

impl Operation<2> for Take {
    fn name(&self) -> &'static str {
        "sort_descending-take"
    }

    fn cpu(
        &self,
        [(x, x_layout), (order, order_layout)]: [Operand<'_>; 2],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (row, count) = (last_of(x_layout), last_of(order_layout));
        let order = elements::<u32>(self.name(), order, order_layout)?;
        let values = by_dtype!(self.name(), x, T => {
            let x = elements::<T>(self.name(), x, x_layout)?;
            let mut values = vec![0.0; order.len()];
            values.par_chunks_mut(count).zip(order.par_chunks(count)).zip(x.par_chunks(row)).for_each(
                |((values, order), x)| {
                    for (value, &position) in values.iter_mut().zip(order) {
                        *value = x[position as usize];
                    }
                },
            );
            Ok::<_, candle_core::Error>(T::to_cpu_storage_owned(values))
        })?;
        Ok((values, order_layout.shape().clone()))
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        cuda::gather_rows(a, b)
    }

    fn gradients(
        &self,
        [x, order]: [&Tensor; 2],
        _values: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let gradient = pass.keep(gradient).contiguous()?;
        let row = x.dims().last().copied().unwrap_or(1);
        Ok([pass.wants(x).then(|| gradient.apply_op2(order, Node(Spread { row }))).transpose()?, None])
    }
}

/// The transpose of [`Take`]: values to given positions of rows of zeros, `[.., count]` and u32 `[.., count]` to
/// `[.., row]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) row: usize,
}

impl Operation<2> for Spread {
    fn name(&self) -> &'static str {
        "sort_descending-spread"
    }

    fn cpu(
        &self,
        [(values, values_layout), (order, order_layout)]: [Operand<'_>; 2],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (row, count) = (self.row, last_of(order_layout));
        let order = elements::<u32>(self.name(), order, order_layout)?;
        let spread = by_dtype!(self.name(), values, T => {
            let values = elements::<T>(self.name(), values, values_layout)?;
            let mut spread = vec![0.0; order.len() / count * row];
            spread.par_chunks_mut(row).zip(order.par_chunks(count)).zip(values.par_chunks(count)).for_each(
                |((spread, order), values)| {
                    for (&value, &position) in values.iter().zip(order) {
                        spread[position as usize] += value;
                    }
                },
            );
            Ok::<_, candle_core::Error>(T::to_cpu_storage_owned(spread))
        })?;
        Ok((spread, with_last(order_layout.dims(), row)))
    }

    fn cuda(&self, [a, b]: [cuda::Operand<'_>; 2]) -> candle_core::Result<cuda::Output> {
        cuda::scatter_rows(a, b, self.row)
    }

    fn gradients(
        &self,
        [values, order]: [&Tensor; 2],
        _spread: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let gradient = pass.keep(gradient).contiguous()?;
        Ok([pass.wants(values).then(|| gradient.apply_op2(order, Node(Take))).transpose()?, None])
    }
}
