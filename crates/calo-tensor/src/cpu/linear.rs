//! The three products of a linear layer for few rows, where the weights are read once and reading them is the work.
//!
//! Many rows are a matter for the general matrix product, which packs its operands; up to [`FEW_ROWS`] packing costs
//! more than the product.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Real;
use super::simd::Lanes;
use super::vector::{RUN, fetch, vectorised};

/// Most rows of the activation that the products here are for.
pub(crate) const FEW_ROWS: usize = 16;

/// Most lanes of a vector of any machine.
const MOST_LANES: usize = 64;

/// Rows of the weight of one task.
const TASK: usize = 32;

/// Elements of a row that a dot product takes at a time: eight such pieces fit in the nearest cache.
const PIECE: usize = 512;

/// Calls `$body` for the rows `0..$rows` in groups of 8, 4, 2 and 1, with `$first` the first and `$M` their number.
macro_rules! in_groups {
    ($rows:expr, $first:ident, $m:ident => $body:expr) => {{
        let mut $first = 0;
        while $first < $rows {
            match $rows - $first {
                8.. => {
                    const $m: usize = 8;
                    $body;
                    $first += 8;
                }
                4..8 => {
                    const $m: usize = 4;
                    $body;
                    $first += 4;
                }
                2..4 => {
                    const $m: usize = 2;
                    $body;
                    $first += 2;
                }
                _ => {
                    const $m: usize = 1;
                    $body;
                    $first += 1;
                }
            }
        }
    }};
}

/// `x w^T + bias` for x `[m, k]`, w `[o, k]`.
pub(crate) fn forward<T: Lanes>(x: &[T], weight: &[T], bias: Option<&[T]>, k: usize) -> Vec<T> {
    let (m, o) = (x.len() / k, weight.len() / k);
    let x = interleave(x, m, k, T::lanes());
    // Transposed, [o, m], so that a task writes one piece; small beside the weights.
    let mut columns = vec![T::zero(); m * o];
    columns.par_chunks_mut(TASK * m).zip(weight.par_chunks(TASK * k)).for_each(|(out, weight)| {
        pulp::Arch::new().dispatch(DotProducts { out, x: &x, weight, m, k });
    });
    let mut out = vec![T::zero(); m * o];
    for (row, out) in out.chunks_exact_mut(o).enumerate() {
        for (column, out) in out.iter_mut().enumerate() {
            *out = columns[column * m + row] + bias.map_or(T::zero(), |bias| bias[column]);
        }
    }
    out
}

/// One vector of `lanes` of each row of x `[m, k]` by turns, with zeros after the last: what a step of the dot products
/// takes lies in one place.
fn interleave<T: Lanes>(x: &[T], m: usize, k: usize, lanes: usize) -> Vec<T> {
    let mut out = vec![T::zero(); m * k.next_multiple_of(lanes)];
    for (row, x) in x.chunks_exact(k).enumerate() {
        for (out, x) in out.chunks_exact_mut(m * lanes).zip(x.chunks(lanes)) {
            out[row * lanes..][..x.len()].copy_from_slice(x);
        }
    }
    out
}

/// Dot products of every row of `weight` `[at most TASK, k]`, with every one of the `m` rows of x.
struct DotProducts<'a, T> {
    /// `[rows of the weight, m]`.
    out: &'a mut [T],
    /// [Interleaved](interleave).
    x: &'a [T],
    weight: &'a [T],
    m: usize,
    k: usize,
}

impl<T: Lanes> WithSimd for DotProducts<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        in_groups!(self.m, first, M => {
            if M > 4 && S::REGISTER_COUNT < 32 {
                self.with_rows::<S, 4>(simd, first);
                self.with_rows::<S, 4>(simd, first + 4);
            } else {
                self.with_rows::<S, M>(simd, first);
            }
        });
    }
}

impl<T: Lanes> DotProducts<'_, T> {
    /// The products with the `M` rows of x from `first` on.
    #[inline(always)]
    fn with_rows<S: Simd, const M: usize>(&mut self, simd: S, first: usize) {
        let Self { ref mut out, x, weight, m, k } = *self;
        let lanes = T::lanes_of::<S>();
        let n_rows = weight.len() / k;
        let mut sums = [[T::splat(simd, T::zero()); M]; TASK];
        for start in (0..k).step_by(PIECE) {
            let end = (start + PIECE).min(k);
            let piece = |row: usize, columns: Range<usize>| &weight[row * k..][columns];
            // This piece of x stays in the nearest cache while pieces of the weight's rows pass by, two at a time:
            // rows of 8001 are read in two thirds of the time that one at a time takes.
            let x = &x[m * start..m * end.next_multiple_of(lanes)];
            let (pairs, single) = sums[..n_rows].as_chunks_mut::<2>();
            for (pair, sums) in pairs.iter_mut().enumerate() {
                let rows = [2 * pair, 2 * pair + 1];
                // The rows after these are elsewhere in memory, where the machine does not look ahead by itself.
                let next = if 2 * pair + 3 < n_rows {
                    rows.map(|row| piece(row + 2, start..end))
                } else {
                    [0, 1].map(|row| piece(row, end..(end + PIECE).min(k)))
                };
                let weights = rows.map(|row| piece(row, start..end));
                add_products(simd, sums, weights, next, Rows { x, m, first });
            }
            for sums in single {
                let weight = piece(n_rows - 1, start..end);
                add_products(simd, std::array::from_mut(sums), [weight], [&[]], Rows { x, m, first });
            }
        }
        for (out, sums) in out.chunks_exact_mut(m).zip(sums) {
            for (out, sums) in out[first..].iter_mut().zip(sums) {
                *out = T::sum_lanes(simd, sums);
            }
        }
    }
}

/// Rows of x that products are made with, from `first` on.
#[derive(Clone, Copy)]
struct Rows<'a, T> {
    /// [Interleaved](interleave).
    x: &'a [T],
    /// Rows that x has.
    m: usize,
    first: usize,
}

/// Adds the products of `R` rows of the weight with `M` rows of x, elementwise, to the lanes, while the `next` rows are
/// fetched.
#[inline(always)]
fn add_products<S: Simd, T: Lanes, const R: usize, const M: usize>(
    simd: S,
    sums: &mut [[T::Vector<S>; M]; R],
    weights: [&[T]; R],
    next: [&[T]; R],
    Rows { x, m, first }: Rows<'_, T>,
) {
    let lanes = T::lanes_of::<S>();
    let whole = weights[0].len() / lanes;
    let vectors: [&[T::Vector<S>]; R] = weights.map(|row| &T::vectors::<S>(row)[..whole]);
    let next: [&[T::Vector<S>]; R] = next.map(|row| T::vectors::<S>(row));
    let mut x = T::vectors::<S>(x).chunks_exact(m).map(|x| &x[first..first + M]);
    // A copy, which stays in registers.
    let mut here = *sums;
    for (step, x) in x.by_ref().take(whole).enumerate() {
        for row in next {
            if let Some(vector) = row.get(step) {
                fetch(vector);
            }
        }
        let weights: [T::Vector<S>; R] = std::array::from_fn(|row| vectors[row][step]);
        multiply_add::<S, T, R, M>(simd, &mut here, weights, x);
    }
    if let Some(x) = x.next() {
        let weights: [T::Vector<S>; R] = std::array::from_fn(|row| {
            let mut last = [T::zero(); MOST_LANES];
            let rest = &weights[row][whole * lanes..];
            last[..rest.len()].copy_from_slice(rest);
            T::vectors::<S>(&last)[0]
        });
        multiply_add::<S, T, R, M>(simd, &mut here, weights, x);
    }
    *sums = here;
}

/// `sums += weights x` for every pair of a weight and a row of x.
#[inline(always)]
fn multiply_add<S: Simd, T: Lanes, const R: usize, const M: usize>(
    simd: S,
    sums: &mut [[T::Vector<S>; M]; R],
    weights: [T::Vector<S>; R],
    x: &[T::Vector<S>],
) {
    for row in 0..M {
        for of_weight in 0..R {
            sums[of_weight][row] = T::multiply_add(simd, weights[of_weight], x[row], sums[of_weight][row]);
        }
    }
}

/// `g w` for g `[m, o]`, w `[o, k]`.
pub(crate) fn input_gradient<T: Real>(g: &[T], weight: &[T], k: usize) -> Vec<T> {
    let o = weight.len() / k;
    let m = g.len() / o;
    // By blocks of columns, [k / RUN, m, RUN], so that a task writes one piece.
    let mut blocks = vec![T::zero(); m * k.next_multiple_of(RUN)];
    blocks.par_chunks_mut(m * RUN).enumerate().for_each(|(block, out)| {
        let start = block * RUN;
        let end = (start + RUN).min(k);
        vectorised(
            #[inline(always)]
            || add_weighted_rows(out, g, weight, o, k, start..end),
        );
    });
    let mut out = vec![T::zero(); m * k];
    for (block, blocks) in blocks.chunks_exact(m * RUN).enumerate() {
        for (row, values) in blocks.chunks_exact(RUN).enumerate() {
            let start = block * RUN;
            let end = (start + RUN).min(k);
            out[row * k + start..row * k + end].copy_from_slice(&values[..end - start]);
        }
    }
    out
}

/// Adds `sum over o of g[row, o] weight[o, columns]` to every row of `out`.
#[inline(always)]
fn add_weighted_rows<T: Real>(
    out: &mut [T],
    g: &[T],
    weight: &[T],
    o: usize,
    k: usize,
    columns: Range<usize>,
) {
    let piece = |row: usize| &weight[row * k + columns.start..row * k + columns.end];
    in_groups!(o, first, M => {
        let pieces: [&[T]; M] = std::array::from_fn(|row| piece(first + row));
        for (out, g) in out.chunks_exact_mut(RUN).zip(g.chunks_exact(o)) {
            let factors: [T; M] = std::array::from_fn(|row| g[first + row]);
            weighted_sum(&mut out[..columns.len()], factors, pieces);
        }
    });
}

/// Adds `factors . rows` to `out`.
#[inline(always)]
// By index: iterators over the rows keep their sums out of the registers.
fn weighted_sum<T: Real, const M: usize>(out: &mut [T], factors: [T; M], rows: [&[T]; M]) {
    let rows = rows.map(|row| &row[..out.len()]);
    for idx in 0..out.len() {
        let mut sum = out[idx];
        for row in 0..M {
            sum = factors[row].mul_add(rows[row][idx], sum);
        }
        out[idx] = sum;
    }
}

/// `g^T x` for g `[m, o]`, x `[m, k]`.
pub(crate) fn weight_gradient<T: Real>(g: &[T], x: &[T], m: usize) -> Vec<T> {
    let (o, k) = (g.len() / m, x.len() / m);
    let mut out = vec![T::zero(); o * k];
    out.par_chunks_mut(TASK * k).enumerate().for_each(|(task, out)| {
        vectorised(
            #[inline(always)]
            || {
                for start in (0..k).step_by(RUN) {
                    let end = (start + RUN).min(k);
                    for (row, out) in out.chunks_exact_mut(k).enumerate() {
                        let column = task * TASK + row;
                        in_groups!(m, first, M => {
                            let rows: [&[T]; M] =
                                std::array::from_fn(|row| &x[(first + row) * k + start..(first + row) * k + end]);
                            let factors: [T; M] = std::array::from_fn(|row| g[(first + row) * o + column]);
                            weighted_sum(&mut out[start..end], factors, rows);
                        });
                    }
                }
            },
        );
    });
    out
}

/// Adds `bias` to every row of `out`.
pub(crate) fn add_bias<T: Real>(out: &mut [T], bias: &[T]) {
    out.par_chunks_mut(bias.len()).with_min_len((RUN / bias.len()).max(1)).for_each(|out| {
        for (out, bias) in out.iter_mut().zip(bias) {
            *out += *bias;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of narrower machines, which have fewer registers too.
    #[test]
    fn vectors_of_any_width_give_the_same_products() {
        let (m, k, o) = (11, 1001, 7);
        // Small integers: every sum is exact, whatever its order.
        let integers = |n: usize, factor: usize| -> Vec<f32> {
            (0..n).map(|i| ((i * factor) % 7) as f32 - 3.0).collect()
        };
        let (x, weight) = (integers(m * k, 5), integers(o * k, 3));
        let expected = forward(&x, &weight, None, k);
        let check = |lanes: usize, run: &dyn Fn(DotProducts<'_, f32>)| {
            let x = interleave(&x, m, k, lanes);
            let mut columns = vec![0.0; m * o];
            run(DotProducts { out: &mut columns, x: &x, weight: &weight, m, k });
            for (i, found) in columns.iter().enumerate() {
                let (column, row) = (i / m, i % m);
                assert!(
                    found.to_bits() == expected[row * o + column].to_bits(),
                    "{lanes} lanes, row {row}, column {column}"
                );
            }
        };
        let scalar = pulp::Scalar::new();
        check(f32::lanes_of::<pulp::Scalar>(), &|products| products.with_simd(scalar));
        #[cfg(target_arch = "x86_64")]
        if let Some(narrow) = pulp::x86::V3::try_new() {
            check(f32::lanes_of::<pulp::x86::V3>(), &|products| Simd::vectorize(narrow, products));
        }
    }
}
