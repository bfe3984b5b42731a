//! Layer normalisation and its derivatives, row by row: a row is read from memory once and then stays in cache.
//!
//! Gates: the slope of the LeakyReLU behind the normalisation follows from the sign of its result, `gate`. Without an
//! activation any slice of the right length serves as `gate` with a slope of one.

use rayon::prelude::*;

use super::Real;
use super::vector::{BLOCK, add_rows, moments, sums, vectorised, written};

/// Added to the variance, as in PyTorch.
pub(crate) const EPSILON: f64 = 1e-5;

/// Groups of rows that sum the gradients of weight and bias side by side; fixed, so that the sums are.
const MAX_GROUPS: usize = 32;

/// Fewest rows of such a group: below, adding up the groups costs more than the groups.
const MIN_ROWS: usize = 4;

/// Rows of `n` elements that one task of a pass without sums over rows takes.
fn rows_per_task(n: usize) -> usize {
    (BLOCK / n).max(1)
}

/// Rows of one group of sums.
fn rows_per_group(rows: usize) -> usize {
    rows.div_ceil(MAX_GROUPS).max(MIN_ROWS)
}

/// Mean and 1 / standard deviation of a row.
#[inline(always)]
fn statistics<T: Real>(x: &[T]) -> (T, T) {
    let (mean, squares) = moments(x);
    let variance = squares / x.len() as f64;
    (T::from_f64(mean), T::from_f64(1.0 / (variance + EPSILON).sqrt()))
}

/// `slope` where the result of the activation is not positive, else one.
#[inline(always)]
fn factor<T: Real>(gate: T, slope: T) -> T {
    if gate > T::zero() { T::one() } else { slope }
}

/// LeakyReLU of the normalised and scaled rows of `x`; a slope of one means none.
#[expect(unsafe_code, reason = "the result is not zeroed first")]
pub(crate) fn forward<T: Real>(x: &[T], weight: &[T], bias: &[T], slope: T) -> Vec<T> {
    let n = weight.len();
    let task = rows_per_task(n) * n;
    assert!(x.len().is_multiple_of(n) && bias.len() == n, "rows are whole");
    // SAFETY: blocks are whole rows, for tasks are and all of `x` is; of each row every element is written, for weight and
    // bias are as long.
    unsafe {
        written(x.len(), task, |start, out| {
            let x = &x[start..start + out.len()];
            vectorised(
                #[inline(always)]
                || {
                    for (out, x) in out.chunks_exact_mut(n).zip(x.chunks_exact(n)) {
                        let (mean, rstd) = statistics(x);
                        for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
                            let z = (*x - mean) * rstd * *weight + *bias;
                            out.write(z * factor(z, slope));
                        }
                    }
                },
            );
        })
    }
}

/// The operands of a gradient, all rows.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a, T> {
    /// Input of the normalisation.
    pub(crate) x: &'a [T],
    /// Result of the activation.
    pub(crate) gate: &'a [T],
    /// Slope of the activation.
    pub(crate) slope: T,
    /// Elementwise scale, one row.
    pub(crate) weight: &'a [T],
    /// Gradient of the result.
    pub(crate) g: &'a [T],
}

/// Gradient of the input, and behind it, where `affine` says so, those of weight and bias.
pub(crate) fn gradients<T: Real>(operands: Operands<'_, T>, affine: bool) -> Vec<T> {
    let (x, n) = (operands.x, operands.weight.len());
    let rows = x.len() / n;
    let mut out = vec![T::zero(); x.len() + if affine { 2 * n } else { 0 }];
    let (dx, daffine) = out.split_at_mut(x.len());
    if !affine {
        let task = rows_per_task(n);
        dx.par_chunks_mut(task * n).enumerate().for_each(|(block, dx)| {
            vectorised(
                #[inline(always)]
                || {
                    for (idx, dx) in dx.chunks_exact_mut(n).enumerate() {
                        gradients_row(operands, block * task + idx, dx, None);
                    }
                },
            );
        });
        return out;
    }
    let group = rows_per_group(rows);
    let mut partials = vec![T::zero(); rows.div_ceil(group) * 2 * n];
    dx.par_chunks_mut(group * n).zip(partials.par_chunks_mut(2 * n)).enumerate().for_each(
        |(block, (dx, partial))| {
            vectorised(
                #[inline(always)]
                || {
                    for (idx, dx) in dx.chunks_exact_mut(n).enumerate() {
                        gradients_row(operands, block * group + idx, dx, Some(partial));
                    }
                },
            );
        },
    );
    add_rows(&partials, 2 * n, daffine);
    out
}

/// Row `idx` of [`gradients`]; adds to the sums over rows, weight's before bias's, where there are any.
#[inline(always)]
fn gradients_row<T: Real>(operands: Operands<'_, T>, idx: usize, dx: &mut [T], over_rows: Option<&mut [T]>) {
    let Operands { x, gate, slope, weight, g } = operands;
    let n = weight.len();
    let at = idx * n..(idx + 1) * n;
    let (x, gate, g) = (&x[at.clone()], &gate[at.clone()], &g[at]);
    let (mean, rstd) = statistics(x);
    input_gradient(dx, Row { x, gate, weight, g, slope, mean, rstd });
    let Some(over_rows) = over_rows else { return };
    let (dweight, dbias) = over_rows.split_at_mut(n);
    for ((((dweight, dbias), x), gate), g) in dweight.iter_mut().zip(dbias.iter_mut()).zip(x).zip(gate).zip(g)
    {
        let g = *g * factor(*gate, slope);
        *dweight += g * ((*x - mean) * rstd);
        *dbias += g;
    }
}

/// One row of [`Operands`] and its statistics.
#[derive(Clone, Copy)]
struct Row<'a, T> {
    x: &'a [T],
    gate: &'a [T],
    weight: &'a [T],
    g: &'a [T],
    slope: T,
    mean: T,
    rstd: T,
}

/// dx = J u = r (u - mean(u) - xh mean(u xh)) with u = weight * gate * g.
#[inline(always)]
fn input_gradient<T: Real>(dx: &mut [T], row: Row<'_, T>) {
    let Row { x, gate, weight, g, slope, mean, rstd } = row;
    let per_element = 1.0 / x.len() as f64;
    let [u_sum, along] = sums([x, gate, weight, g], |[x, gate, weight, g]| {
        let u = g * factor(gate, slope) * weight;
        [u, u * ((x - mean) * rstd)]
    });
    let u_mean = T::from_f64(u_sum * per_element);
    let along = T::from_f64(along * per_element);
    for ((((dx, x), gate), weight), g) in dx.iter_mut().zip(x).zip(gate).zip(weight).zip(g) {
        let u = *g * factor(*gate, slope) * *weight;
        *dx = rstd * (u - u_mean - (*x - mean) * rstd * along);
    }
}

/// Gradients of `v . J(x) u`, u = weight * gate * g: for x, for g, and, where `affine` says so, for the weight, one
/// behind the other.
///
/// With a = mean(u xh), b = mean(v xh), c = mean(u v) - mean(u) mean(v):
/// dx = -r^2 (xh (c - 3 a b) + b (u - mean u) + a (v - mean v)), dg = weight * gate * J v,
/// dweight = sum over rows of gate * g * J v.
pub(crate) fn second_gradients<T: Real>(operands: Operands<'_, T>, v: &[T], affine: bool) -> Vec<T> {
    let Operands { x, gate, slope, weight, g } = operands;
    let n = weight.len();
    let rows = x.len() / n;
    let mut out = vec![T::zero(); 2 * x.len() + if affine { n } else { 0 }];
    let (dx, rest) = out.split_at_mut(x.len());
    let (dg, dweight) = rest.split_at_mut(x.len());
    let group = rows_per_group(rows);
    // Without sums over rows one row of zeros per group is left unused: small against the rest.
    let mut partials = vec![T::zero(); rows.div_ceil(group) * n];
    dx.par_chunks_mut(group * n)
        .zip(dg.par_chunks_mut(group * n))
        .zip(partials.par_chunks_mut(n))
        .enumerate()
        .for_each(|(block, ((dx, dg), partial))| {
            vectorised(
                #[inline(always)]
                || {
                    for (idx, (dx, dg)) in dx.chunks_exact_mut(n).zip(dg.chunks_exact_mut(n)).enumerate() {
                        let start = (block * group + idx) * n;
                        let at = start..start + n;
                        let (x, gate, g, v) = (&x[at.clone()], &gate[at.clone()], &g[at.clone()], &v[at]);
                        let (mean, rstd) = statistics(x);
                        let row = Row { x, gate, weight, g, slope, mean, rstd };
                        second_row(dx, dg, affine.then_some(&mut *partial), row, v);
                    }
                },
            );
        });
    if affine {
        add_rows(&partials, n, dweight);
    }
    out
}

/// One row of [`second_gradients`].
#[inline(always)]
fn second_row<T: Real>(dx: &mut [T], dg: &mut [T], dweight: Option<&mut [T]>, row: Row<'_, T>, v: &[T]) {
    let Row { x, gate, weight, g, slope, mean, rstd } = row;
    let per_element = 1.0 / x.len() as f64;
    let [u_sum, v_sum, u_along, v_along, uv] = sums([x, gate, weight, g, v], |[x, gate, weight, g, v]| {
        let u = g * factor(gate, slope) * weight;
        let xh = (x - mean) * rstd;
        [u, v, u * xh, v * xh, u * v]
    })
    .map(|sum| sum * per_element);
    let along = T::from_f64(uv - u_sum * v_sum - 3.0 * u_along * v_along);
    let (u_mean, v_mean) = (T::from_f64(u_sum), T::from_f64(v_sum));
    let (a, b) = (T::from_f64(u_along), T::from_f64(v_along));
    let scale = -(rstd * rstd);
    for ((((((dx, dg), x), gate), weight), g), v) in
        dx.iter_mut().zip(dg.iter_mut()).zip(x).zip(gate).zip(weight).zip(g).zip(v)
    {
        let scaled = factor(*gate, slope) * *weight;
        let xh = (*x - mean) * rstd;
        *dx = scale * (xh * along + b * (*g * scaled - u_mean) + a * (*v - v_mean));
        *dg = scaled * (rstd * (*v - v_mean - xh * b));
    }
    if let Some(dweight) = dweight {
        // From J v itself: dg / weight would fail where a weight is zero.
        for ((((dweight, x), gate), g), v) in dweight.iter_mut().zip(x).zip(gate).zip(g).zip(v) {
            let xh = (*x - mean) * rstd;
            *dweight += *g * factor(*gate, slope) * (rstd * (*v - v_mean - xh * b));
        }
    }
}
