//! The per-cell network on one core: blocks of cells, channels side by side in the vectors.
//!
//! A block of cells is `[cells, stride]`, so that a vector holds channels of one cell: the normalisation's affine is
//! one number per vector, its statistics are sums of vectors. A block is normalised and activated into a small
//! `staged` copy that stays in cache, and its product overwrites the block: every activation is written once and read
//! once.

mod normalisation;
mod product;

use pulp::{Simd, WithSimd};

use normalisation::{Normalisation, Sums};
use product::multiply;
pub(crate) use product::{PAD, Product};

/// Cells of one block: its staged copy at 128 channels is 48 KiB.
pub(crate) const CELLS: usize = 96;

/// Scale and shift of a normalisation, one number per cell.
#[derive(Debug, Clone)]
pub(crate) struct CellAffine {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// The first layer, of one input: weight per channel, padded, and the normalisation behind it, which removes its bias.
#[derive(Debug, Clone)]
pub(crate) struct FirstLayer {
    pub(crate) weight: Vec<f32>,
    pub(crate) affine: CellAffine,
}

/// The last layer, of one output: weight per channel, padded, and bias.
#[derive(Debug, Clone)]
pub(crate) struct LastLayer {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: f32,
}

/// Everything about a network that is the same for all samples.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    pub(crate) first: FirstLayer,
    /// Products between, and the normalisation behind each but the last.
    pub(crate) products: Vec<(Product, Option<CellAffine>)>,
    pub(crate) last: LastLayer,
    /// Slope of the activations.
    pub(crate) slope: f32,
    /// Channels of the widest layer, padded.
    pub(crate) stride: usize,
}

/// Memory that one sample needs, used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    blocks: Vec<f32>,
    staged: Vec<f32>,
}

/// One sample through the network.
pub(crate) struct Sample<'a> {
    pub(crate) network: &'a Packed,
    /// Bias of each product, padded; zero where a normalisation follows.
    pub(crate) biases: &'a [Vec<f32>],
    pub(crate) x: &'a [f32],
    pub(crate) y: &'a mut [f32],
    pub(crate) scratch: &'a mut Scratch,
}

/// LeakyReLU for slopes from 0 to 1.
#[inline(always)]
fn leaky_relu<S: Simd>(simd: S, x: S::f32s, slope: S::f32s) -> S::f32s {
    simd.max_f32s(x, simd.mul_f32s(x, slope))
}

impl WithSimd for Sample<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { network, biases, x, y, scratch } = self;
        let Packed { first, products, last, slope, stride } = network;
        let (stride, slope) = (*stride, simd.splat_f32s(*slope));
        scratch.blocks.resize(x.len() * stride, 0.0);
        scratch.staged.resize(CELLS * stride, 0.0);

        // Mean and variance of the first layer's channels follow from those of its one input.
        let (mean, squares) = super::vector::moments(x);
        let variance = squares / x.len() as f64;
        let mut normalisation = Normalisation::new(
            stride,
            first.weight.iter().map(|weight| {
                let weight = f64::from(*weight);
                // As weight * (x - mean) / sqrt(weight^2 variance + eps), written for x - mean.
                (0.0, weight * weight * variance)
            }),
        );
        for (scale, weight) in normalisation.scale.iter_mut().zip(&first.weight) {
            *scale *= weight;
        }
        let mut affine = Some(&first.affine);
        for (layer, ((product, norm), bias)) in products.iter().zip(biases).enumerate() {
            let mut sums = norm.as_ref().map(|_| Sums::new(stride));
            for (idx, block) in scratch.blocks.chunks_mut(CELLS * stride).enumerate() {
                let start = idx * CELLS;
                let cells = block.len() / stride;
                let staged = &mut scratch.staged[..cells * stride];
                if let Some(affine) = affine {
                    let stage = Stage { simd, normalisation: &normalisation, affine, start, slope, stride };
                    if layer == 0 {
                        stage.input(staged, |cell| (f64::from(x[start + cell]) - mean) as f32);
                    } else {
                        stage.block(staged, block);
                    }
                }
                multiply(simd, product, bias, staged, block, stride);
                match &mut sums {
                    Some(sums) => sums.add(simd, block, stride, idx == 0),
                    None => finish(simd, &mut y[start..start + cells], block, last, slope, stride),
                }
            }
            if let Some(sums) = sums {
                normalisation = sums.normalisation(x.len(), product.outputs, stride);
            }
            affine = norm.as_ref();
        }
    }
}

/// How the cells of a block are normalised and activated.
struct Stage<'a, S: Simd> {
    simd: S,
    normalisation: &'a Normalisation,
    affine: &'a CellAffine,
    /// First cell of the block.
    start: usize,
    slope: S::f32s,
    stride: usize,
}

impl<S: Simd> Stage<'_, S> {
    /// Normalised and activated first layer of a block, made of its one input.
    #[inline(always)]
    fn input(&self, staged: &mut [f32], centred: impl Fn(usize) -> f32) {
        let Self { simd, normalisation, affine, start, slope, stride } = *self;
        let scale = S::as_simd_f32s(&normalisation.scale).0;
        for (cell, staged) in staged.chunks_exact_mut(stride).enumerate() {
            let factor = simd.splat_f32s(centred(cell) * affine.weight[start + cell]);
            let bias = simd.splat_f32s(affine.bias[start + cell]);
            for (staged, scale) in S::as_mut_simd_f32s(staged).0.iter_mut().zip(scale) {
                *staged = leaky_relu(simd, simd.mul_add_e_f32s(*scale, factor, bias), slope);
            }
        }
    }

    /// Normalised and activated copy of a block.
    #[inline(always)]
    fn block(&self, staged: &mut [f32], block: &[f32]) {
        let Self { simd, normalisation, affine, start, slope, stride } = *self;
        let scale = S::as_simd_f32s(&normalisation.scale).0;
        let offset = S::as_simd_f32s(&normalisation.offset).0;
        let cells = staged.chunks_exact_mut(stride).zip(block.chunks_exact(stride));
        for (cell, (staged, block)) in cells.enumerate() {
            let weight = simd.splat_f32s(affine.weight[start + cell]);
            let bias = simd.splat_f32s(affine.bias[start + cell]);
            let (staged, block) = (S::as_mut_simd_f32s(staged).0, S::as_simd_f32s(block).0);
            for (((staged, value), scale), offset) in staged.iter_mut().zip(block).zip(scale).zip(offset) {
                let normalised = simd.sub_f32s(simd.mul_f32s(*value, *scale), *offset);
                *staged = leaky_relu(simd, simd.mul_add_e_f32s(normalised, weight, bias), slope);
            }
        }
    }
}

/// The last layer: one number per cell.
#[inline(always)]
fn finish<S: Simd>(simd: S, y: &mut [f32], block: &[f32], last: &LastLayer, slope: S::f32s, stride: usize) {
    let weight = S::as_simd_f32s(&last.weight).0;
    for (y, cell) in y.iter_mut().zip(block.chunks_exact(stride)) {
        let mut sum = simd.splat_f32s(0.0);
        for (value, weight) in S::as_simd_f32s(cell).0.iter().zip(weight) {
            sum = simd.mul_add_e_f32s(leaky_relu(simd, *value, slope), *weight, sum);
        }
        *y = simd.reduce_sum_f32s(sum) + last.bias;
    }
}
