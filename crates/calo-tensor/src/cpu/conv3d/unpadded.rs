//! Output of a convolution without padding on a small grid: output channels are the lanes, and the input is read as it
//! is.
//!
//! Where every output uses all taps, each of them is a constant offset in the input, and turning the input around would
//! only cost time: with many input channels as much as a tenth of the products.

use std::ops::Range;

use pulp::Arch;
use rayon::prelude::*;

use super::sweep::{Bias, written};
use super::transpose::{channels_first, channels_last};
use crate::arguments::conv3d::Geometry;
use crate::cpu::simd::{Lanes, at_least};
use crate::cpu::tile::{ChannelLanes, PANEL, WIDE, tile_width};

/// Positions up to which all results of a sample stay in the second cache while rows pass by.
const POSITIONS: usize = 512;
/// Positions at a time: a multiple of [`PANEL`].
const CHUNK: usize = 112;
/// Tasks to aim at, so that all cores have work; fixed, so that results are.
const TASKS: usize = 8;

/// Neighbouring output channels, and their weights in panels of [`tile_width`] vectors: `[panel][row][channel]`.
struct Group<T> {
    channels: Range<usize>,
    n_vectors: usize,
    weights: Vec<T>,
}

/// What it costs per sample, in products of vectors: those of the tiles, and what turning the result around takes. None
/// where this is not for it.
pub(super) fn cost<T: Lanes>(geometry: &Geometry) -> Option<usize> {
    let Geometry { x, w, y, padding, .. } = geometry;
    let positions = product(&y[2..]);
    let vectors = y[1].div_ceil(T::lanes());
    let products = x[1] * product(&w[2..]) * vectors * positions.next_multiple_of(PANEL);
    (*padding == [0; 3] && positions <= POSITIONS).then_some(products + y[1] * positions)
}

/// `y = conv(x, w) + bias`, for no padding.
pub(super) fn convolution<T: Lanes>(x: &[T], w: &[T], bias: Bias<'_, T>, geometry: &Geometry) -> Vec<T> {
    let Geometry { x: xd, y: yd, .. } = geometry;
    let (volume, positions, channels) = (product(&xd[1..]), product(&yd[2..]), yd[1]);
    let groups = groups(w, geometry);
    let (inner, outer) = (inner(geometry), outer(geometry));

    let len = product(yd);
    let mut result = Vec::with_capacity(len);
    let output = &mut result.spare_capacity_mut()[..len];
    let mut tasks = Vec::with_capacity(xd[0] * groups.len());
    for (sample, mut output) in output.chunks_exact_mut(channels * positions).enumerate() {
        for group in &groups {
            let (places, rest) = output.split_at_mut(group.channels.len() * positions);
            tasks.push((sample, group, places));
            output = rest;
        }
    }
    tasks.into_par_iter().for_each(|(sample, group, output)| {
        let mut scratch = T::take_scratch();
        let pitch = group.n_vectors * T::lanes();
        let results = at_least(&mut scratch.results, outer.len() * pitch);
        for (outer, results) in outer.chunks(CHUNK).zip(results.chunks_mut(CHUNK * pitch)) {
            Arch::new().dispatch(ChannelLanes {
                weights: &group.weights,
                n_vectors: group.n_vectors,
                input: &x[sample * volume..][..volume],
                outer,
                inner: &inner,
                results,
                add: false,
            });
        }
        let bias: Vec<_> = group.channels.clone().map(|channel| bias.at(sample, channel, channels)).collect();
        channels_first(&results[..positions * pitch], pitch, &bias, output);
        T::give_scratch(scratch);
    });
    written(result, len)
}

/// The channels in as many groups as few samples need, with their weights.
fn groups<T: Lanes>(w: &[T], geometry: &Geometry) -> Vec<Group<T>> {
    let Geometry { x, w: wd, y, .. } = geometry;
    let (lanes, rows) = (T::lanes(), product(&wd[1..]));
    let vectors = y[1].div_ceil(lanes);
    let shares = TASKS.div_ceil(x[0]);
    // Whole tiles, as wide as can be.
    let together = vectors.div_ceil(shares).next_multiple_of(WIDE);
    let group = |start: usize| {
        let n_vectors = together.min(vectors - start);
        let mut weights = vec![T::zero(); n_vectors * lanes * rows];
        let (mut panels, mut rest, mut vector) = (Vec::new(), &mut *weights, 0);
        while vector < n_vectors {
            let width = tile_width(n_vectors - vector);
            let (panel, behind) = rest.split_at_mut(width * lanes * rows);
            panels.push((start + vector, width, panel));
            (rest, vector) = (behind, vector + width);
        }
        panels.into_par_iter().for_each(|(vector, width, panel)| {
            let channels = vector * lanes..y[1].min((vector + width) * lanes);
            // The elements of an output channel lie in the order of the rows.
            let elements = &w[channels.start * rows..channels.end * rows];
            if channels.len() == width * lanes {
                channels_last(elements, channels.len(), panel);
            } else {
                let mut filled = elements.to_vec();
                filled.resize(panel.len(), T::zero());
                channels_last(&filled, width * lanes, panel);
            }
        });
        Group { channels: start * lanes..y[1].min((start + n_vectors) * lanes), n_vectors, weights }
    };
    (0..vectors).step_by(together).map(group).collect()
}

/// Where the rows of the weight, input channels and taps, find the first position's elements.
fn inner(geometry: &Geometry) -> Vec<usize> {
    let Geometry { x, w, .. } = geometry;
    let mut inner = Vec::with_capacity(product(&w[1..]));
    for channel in 0..w[1] {
        for d in 0..w[2] {
            for h in 0..w[3] {
                let row = ((channel * x[2] + d) * x[3] + h) * x[4];
                inner.extend(row..row + w[4]);
            }
        }
    }
    inner
}

/// Where in a channel the positions begin; the last is repeated until there are whole tiles.
fn outer(geometry: &Geometry) -> Vec<usize> {
    let Geometry { x, y, stride, .. } = geometry;
    let positions = product(&y[2..]);
    let mut outer = Vec::with_capacity(positions.next_multiple_of(PANEL));
    for d in 0..y[2] {
        for h in 0..y[3] {
            let row = (d * stride[0] * x[3] + h * stride[1]) * x[4];
            outer.extend((0..y[4]).map(|w| row + w * stride[2]));
        }
    }
    if let Some(&last) = outer.last() {
        outer.resize(positions.next_multiple_of(PANEL), last);
    }
    outer
}

fn product(dims: &[usize]) -> usize {
    dims.iter().product()
}
