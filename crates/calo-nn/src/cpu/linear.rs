//! The three products of a linear layer for few rows, where the weights are read once and reading them is the work.
//!
//! Many rows are a matter for the general matrix product, which packs its operands; up to [`FEW_ROWS`] packing costs
//! more than the product.

use rayon::prelude::*;

use super::Real;
use super::vector::{RUN, vectorised};

/// Most rows of the activation that the products here are for.
pub(crate) const FEW_ROWS: usize = 16;

/// Partial sums of a dot product that run side by side.
const LANES: usize = 16;

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
pub(crate) fn forward<T: Real>(x: &[T], weight: &[T], bias: Option<&[T]>, k: usize) -> Vec<T> {
    let (m, o) = (x.len() / k, weight.len() / k);
    // Transposed, [o, m], so that a task writes one piece; small beside the weights.
    let mut columns = vec![T::zero(); m * o];
    columns.par_chunks_mut(TASK * m).zip(weight.par_chunks(TASK * k)).for_each(|(columns, weight)| {
        vectorised(
            #[inline(always)]
            || dot_rows(columns, x, weight, m, k),
        );
    });
    let mut out = vec![T::zero(); m * o];
    for (row, out) in out.chunks_exact_mut(o).enumerate() {
        for (column, out) in out.iter_mut().enumerate() {
            *out = columns[column * m + row] + bias.map_or(T::zero(), |bias| bias[column]);
        }
    }
    out
}

/// Dot products of every row of `weight`, at most [`TASK`], with every row of `x`.
#[inline(always)]
fn dot_rows<T: Real>(out: &mut [T], x: &[T], weight: &[T], m: usize, k: usize) {
    in_groups!(m, first, M => {
        let mut lanes = [[[T::zero(); LANES]; M]; TASK];
        for start in (0..k).step_by(PIECE) {
            let end = (start + PIECE).min(k);
            // This piece of x stays in the nearest cache while pieces of the weight's rows pass by, two at a time:
            // rows of 8001 are read in two thirds of the time that one at a time takes.
            let x: [&[T]; M] = std::array::from_fn(|row| &x[(first + row) * k + start..(first + row) * k + end]);
            let (pairs, single) = lanes[..weight.len() / k].as_chunks_mut::<2>();
            let mut rows = weight.chunks_exact(2 * k);
            for ([one, other], weight) in pairs.iter_mut().zip(&mut rows) {
                multiply_add_two([one, other], [&weight[start..end], &weight[k + start..k + end]], x);
            }
            for lanes in single {
                multiply_add(lanes, &rows.remainder()[start..end], x);
            }
        }
        for (out, lanes) in out.chunks_exact_mut(m).zip(lanes) {
            for (out, lanes) in out[first..].iter_mut().zip(lanes) {
                *out = fold(lanes);
            }
        }
    });
}

/// Sum of the lanes in pairs.
#[inline(always)]
fn fold<T: Real>(mut lanes: [T; LANES]) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] += other;
        }
        width /= 2;
    }
    lanes[0]
}

/// [`multiply_add`] of two rows of the weight, each to lanes of its own.
#[inline(always)]
// By index, and each row's sums in an array of its own: otherwise they leave the registers.
fn multiply_add_two<T: Real, const M: usize>(
    lanes: [&mut [[T; LANES]; M]; 2],
    weight: [&[T]; 2],
    x: [&[T]; M],
) {
    let [mut one, mut other] = lanes.each_ref().map(|lanes| **lanes);
    let [(ones, _), (others, _)] = weight.map(<[T]>::as_chunks::<LANES>);
    let others = &others[..ones.len()];
    let xs: [&[[T; LANES]]; M] = x.map(|x| &x.as_chunks::<LANES>().0[..ones.len()]);
    for idx in 0..ones.len() {
        for row in 0..M {
            for lane in 0..LANES {
                one[row][lane] = ones[idx][lane].mul_add(xs[row][idx][lane], one[row][lane]);
            }
            for lane in 0..LANES {
                other[row][lane] = others[idx][lane].mul_add(xs[row][idx][lane], other[row][lane]);
            }
        }
    }
    let rest = ones.len() * LANES;
    for (lanes, (mut sums, weight)) in lanes.into_iter().zip([(one, weight[0]), (other, weight[1])]) {
        add_rest(&mut sums, &weight[rest..], x.map(|x| &x[rest..]));
        *lanes = sums;
    }
}

/// Adds the products of what is left after the last whole lanes.
#[inline(always)]
fn add_rest<T: Real, const M: usize>(lanes: &mut [[T; LANES]; M], weight: &[T], x: [&[T]; M]) {
    for (sums, x) in lanes.iter_mut().zip(x) {
        for ((sum, weight), x) in sums.iter_mut().zip(weight).zip(x) {
            *sum = weight.mul_add(*x, *sum);
        }
    }
}

/// Adds the products of `weight` with each `x`, elementwise, to the lanes.
#[inline(always)]
// By index: iterators over the rows keep their sums out of the registers.
fn multiply_add<T: Real, const M: usize>(lanes: &mut [[T; LANES]; M], weight: &[T], x: [&[T]; M]) {
    let mut sums = *lanes;
    let (weights, weight_rest) = weight.as_chunks::<LANES>();
    let split = x.map(|x| x.as_chunks::<LANES>());
    let xs: [&[[T; LANES]]; M] = split.map(|(x, _)| &x[..weights.len()]);
    for idx in 0..weights.len() {
        for row in 0..M {
            for lane in 0..LANES {
                sums[row][lane] = weights[idx][lane].mul_add(xs[row][idx][lane], sums[row][lane]);
            }
        }
    }
    add_rest(&mut sums, weight_rest, split.map(|(_, rest)| rest));
    *lanes = sums;
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
    columns: std::ops::Range<usize>,
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
