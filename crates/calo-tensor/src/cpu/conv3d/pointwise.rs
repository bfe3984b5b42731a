//! The products of a convolution that looks at one position at a time: the input is the matrix, and nothing is copied.

use rayon::prelude::*;

use super::sweep::{Bias, written};
use crate::arguments::conv3d::Geometry;
use crate::cpu::gemm::{Matrix, multiply, write};
use crate::cpu::simd::Lanes;

/// Positions at a time: what a product reads and writes stays in the second cache.
const POSITIONS: usize = 1024;
/// Positions that a task sums over.
const SUMMED: usize = 8192;
/// Tasks to aim at, so that all cores have work; fixed, so that results are.
const TASKS: usize = 4;
/// Rows of a task at least.
const ROWS: usize = 32;

/// Whether a geometry is one of these.
pub(super) fn is_pointwise(geometry: &Geometry) -> bool {
    geometry.w[2..] == [1; 3] && geometry.stride == [1; 3] && geometry.padding == [0; 3]
}

/// Samples, channels of the input and of the output, positions.
fn sizes(geometry: &Geometry) -> [usize; 4] {
    let [samples, in_channels, spatial @ ..] = geometry.x;
    [samples, in_channels, geometry.y[1], spatial.iter().product()]
}

/// `y = w x + bias`.
pub(super) fn convolution<T: Lanes>(x: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let [samples, in_channels, out_channels, positions] = sizes(geometry);
    let weight = Matrix::new(w, out_channels, in_channels, in_channels);
    product(x, weight, bias, [samples, in_channels, out_channels, positions])
}

/// The gradient for x, `wᵀ gy`, plus a bias.
pub(super) fn transposed<T: Lanes>(gy: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let [samples, in_channels, out_channels, positions] = sizes(geometry);
    let weight = Matrix::new(w, out_channels, in_channels, in_channels).transposed();
    product(gy, weight, bias, [samples, out_channels, in_channels, positions])
}

/// `a x + bias`, sample by sample.
fn product<T: Lanes>(
    x: &[T],
    a: Matrix<'_, T>,
    bias: Bias<'_, T>,
    [samples, from, to, positions]: [usize; 4],
) -> Vec<T> {
    let len = samples * to * positions;
    let mut result = Vec::with_capacity(len);
    let rows = to.div_ceil(TASKS.div_ceil(samples)).max(ROWS).min(to);
    let mut tasks = Vec::new();
    let output = &mut result.spare_capacity_mut()[..len];
    for (sample, output) in output.chunks_exact_mut(to * positions).enumerate() {
        let pieces = output.chunks_mut(rows * positions).enumerate();
        tasks.extend(pieces.map(|(piece, output)| (sample, piece * rows, output)));
    }
    tasks.into_par_iter().for_each(|(sample, first, output)| {
        let rows = first..first + output.len() / positions;
        let a = a.rows(rows.clone());
        let x = &x[sample * from * positions..][..from * positions];
        let bias: Option<Vec<_>> = match bias {
            Bias::None => None,
            _ => Some(rows.map(|channel| bias.at(sample, channel, to)).collect()),
        };
        for start in (0..positions).step_by(POSITIONS) {
            let x = Matrix::new(&x[start..], from, POSITIONS.min(positions - start), positions);
            write(&mut output[start..], positions, a, x, bias.as_deref());
        }
    });
    written(result, len)
}

/// The gradient for w, `gy xᵀ` summed over samples.
pub(super) fn weight_gradient<T: Lanes>(x: &[T], gy: &[T], geometry: &Geometry) -> Vec<T> {
    let [samples, in_channels, out_channels, positions] = sizes(geometry);
    let starts = (0..positions).step_by(SUMMED);
    let units: Vec<_> =
        (0..samples).flat_map(|sample| starts.clone().map(move |start| (sample, start))).collect();
    let sums: Vec<_> = (0..TASKS.min(units.len()))
        .into_par_iter()
        .map(|task| {
            let tasks = TASKS.min(units.len());
            let mut sums = vec![T::zero(); out_channels * in_channels];
            let units = &units[units.len() * task / tasks..units.len() * (task + 1) / tasks];
            for (idx, &(sample, start)) in units.iter().enumerate() {
                let count = SUMMED.min(positions - start);
                let gy = &gy[sample * out_channels * positions + start..];
                let x = &x[sample * in_channels * positions + start..];
                let gy = Matrix::new(gy, out_channels, count, positions);
                let x = Matrix::new(x, in_channels, count, positions);
                multiply(&mut sums, in_channels, gy, x.transposed(), idx > 0);
            }
            sums
        })
        .collect();
    let mut gradient = vec![T::zero(); out_channels * in_channels];
    for sums in &sums {
        for (element, &sum) in gradient.iter_mut().zip(sums) {
            *element += sum;
        }
    }
    gradient
}
