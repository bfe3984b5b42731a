//! The per-cell network on one core: blocks of cells, channels side by side in the vectors.
//!
//! A block of cells is `[cells, stride]`, so that a vector holds channels of one cell: the normalisation's affine is
//! one number per vector, its statistics are sums of vectors. A block is normalised and activated into a small
//! `staged` copy that stays in cache, and its product overwrites the block: every activation is written once and read
//! once.

use pulp::{Simd, WithSimd};

/// Cells of one block: its staged copy at 128 channels is 48 KiB.
pub(crate) const CELLS: usize = 96;

/// Channels are padded to a multiple of this, the longest vector.
pub(crate) const PAD: usize = 16;

/// Channels of one panel of packed weights: at 128 inputs 32 KiB, for the nearest cache.
const PANEL: usize = 64;

/// Added to the variance, as in PyTorch.
const EPSILON: f64 = 1e-5;

/// Weights of one product over channels, packed for [`multiply`].
#[derive(Debug, Clone)]
pub(crate) struct Product {
    /// Panels of [`PANEL`] outputs (the last may be narrower), each `[inputs, panel]`.
    panels: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl Product {
    /// Packs the first `inputs` columns of rows of `row` weights.
    pub(crate) fn pack(weight: &[f32], row: usize, inputs: usize) -> Self {
        let outputs = weight.len() / row;
        let padded = outputs.next_multiple_of(PAD);
        let mut panels = Vec::with_capacity(padded * inputs);
        for first in (0..padded).step_by(PANEL) {
            let width = PANEL.min(padded - first);
            for input in 0..inputs {
                panels.extend(
                    (first..first + width)
                        .map(|output| if output < outputs { weight[output * row + input] } else { 0.0 }),
                );
            }
        }
        Self { panels, inputs, outputs }
    }

    /// Number of outputs, padded.
    pub(crate) fn padded(&self) -> usize {
        self.outputs.next_multiple_of(PAD)
    }
}

/// Scale and shift of a normalisation, one number per cell.
#[derive(Debug, Clone)]
pub(crate) struct CellAffine {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Everything about a network that is the same for all samples.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    /// First layer: weight per channel, padded, and the normalisation behind it, which removes its bias.
    pub(crate) first: (Vec<f32>, CellAffine),
    /// Products between, and the normalisation behind each but the last.
    pub(crate) products: Vec<(Product, Option<CellAffine>)>,
    /// Last layer: weight per channel, padded, and bias.
    pub(crate) last: (Vec<f32>, f32),
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

/// What turns a channel's value into its normalised one, `scale * value - offset`, padded.
struct Normalisation {
    scale: Vec<f32>,
    offset: Vec<f32>,
}

impl Normalisation {
    /// From mean and variance of each channel; padding stays zero.
    fn new(stride: usize, statistics: impl Iterator<Item = (f64, f64)>) -> Self {
        let (mut scale, mut offset) = (vec![0.0; stride], vec![0.0; stride]);
        for ((mean, variance), (scale, offset)) in statistics.zip(scale.iter_mut().zip(&mut offset)) {
            let rstd = 1.0 / (variance + EPSILON).sqrt();
            *scale = rstd as f32;
            *offset = (mean * rstd) as f32;
        }
        Self { scale, offset }
    }
}

/// Sums over cells about a value per channel near the mean, where squares lose nothing.
struct Sums {
    about: Vec<f32>,
    first: Vec<f64>,
    second: Vec<f64>,
    block: [Vec<f32>; 2],
}

impl Sums {
    fn new(stride: usize) -> Self {
        let zeros = || vec![0.0; stride];
        Self {
            about: zeros(),
            first: vec![0.0; stride],
            second: vec![0.0; stride],
            block: [zeros(), zeros()],
        }
    }

    /// Adds the cells of a block; the first block says about which value.
    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, block: &[f32], stride: usize, is_first: bool) {
        if is_first {
            self.add_block(simd, block, stride);
            let per_cell = (stride as f32) / (block.len() as f32);
            for (about, sum) in self.about.iter_mut().zip(&self.block[0]) {
                *about = sum * per_cell;
            }
        }
        self.add_block(simd, block, stride);
        let [first, second] = &self.block;
        for (total, sum) in self.first.iter_mut().zip(first) {
            *total += f64::from(*sum);
        }
        for (total, sum) in self.second.iter_mut().zip(second) {
            *total += f64::from(*sum);
        }
    }

    #[inline(always)]
    fn add_block<S: Simd>(&mut self, simd: S, block: &[f32], stride: usize) {
        let [first, second] = &mut self.block;
        let (first, second) = (S::as_mut_simd_f32s(first).0, S::as_mut_simd_f32s(second).0);
        first.fill(simd.splat_f32s(0.0));
        second.fill(simd.splat_f32s(0.0));
        let about = S::as_simd_f32s(&self.about).0;
        for cell in block.chunks_exact(stride) {
            let cell = S::as_simd_f32s(cell).0;
            for (((value, about), first), second) in
                cell.iter().zip(about).zip(first.iter_mut()).zip(second.iter_mut())
            {
                let deviation = simd.sub_f32s(*value, *about);
                *first = simd.add_f32s(*first, deviation);
                *second = simd.mul_add_e_f32s(deviation, deviation, *second);
            }
        }
    }

    /// The normalisation of `cells` cells, for the first `channels`.
    fn normalisation(&self, cells: usize, channels: usize, stride: usize) -> Normalisation {
        let cells = cells as f64;
        let statistics = self.about.iter().zip(&self.first).zip(&self.second).take(channels);
        Normalisation::new(
            stride,
            statistics.map(|((about, first), second)| {
                let shift = first / cells;
                (f64::from(*about) + shift, (second / cells - shift * shift).max(0.0))
            }),
        )
    }
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
            first.0.iter().map(|weight| {
                let weight = f64::from(*weight);
                // As weight * (x - mean) / sqrt(weight^2 variance + eps), written for x - mean.
                (0.0, weight * weight * variance)
            }),
        );
        for (scale, weight) in normalisation.scale.iter_mut().zip(&first.0) {
            *scale *= weight;
        }
        let mut affine = Some(&first.1);
        for (layer, ((product, norm), bias)) in products.iter().zip(biases).enumerate() {
            let mut sums = norm.as_ref().map(|_| Sums::new(stride));
            for (idx, block) in scratch.blocks.chunks_mut(CELLS * stride).enumerate() {
                let start = idx * CELLS;
                let cells = block.len() / stride;
                let staged = &mut scratch.staged[..cells * stride];
                if layer == 0 {
                    let centred = |cell: usize| (f64::from(x[start + cell]) - mean) as f32;
                    stage_first(simd, staged, centred, &normalisation, &first.1, start, slope, stride);
                } else if let Some(affine) = affine {
                    stage(simd, staged, block, &normalisation, affine, start, slope, stride);
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

/// Normalised and activated first layer of a block, made of its one input.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "a loop body with a name")]
fn stage_first<S: Simd>(
    simd: S,
    staged: &mut [f32],
    centred: impl Fn(usize) -> f32,
    normalisation: &Normalisation,
    affine: &CellAffine,
    start: usize,
    slope: S::f32s,
    stride: usize,
) {
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
#[expect(clippy::too_many_arguments, reason = "a loop body with a name")]
fn stage<S: Simd>(
    simd: S,
    staged: &mut [f32],
    block: &[f32],
    normalisation: &Normalisation,
    affine: &CellAffine,
    start: usize,
    slope: S::f32s,
    stride: usize,
) {
    let scale = S::as_simd_f32s(&normalisation.scale).0;
    let offset = S::as_simd_f32s(&normalisation.offset).0;
    for (cell, (staged, block)) in staged.chunks_exact_mut(stride).zip(block.chunks_exact(stride)).enumerate()
    {
        let weight = simd.splat_f32s(affine.weight[start + cell]);
        let bias = simd.splat_f32s(affine.bias[start + cell]);
        let (staged, block) = (S::as_mut_simd_f32s(staged).0, S::as_simd_f32s(block).0);
        for (((staged, value), scale), offset) in staged.iter_mut().zip(block).zip(scale).zip(offset) {
            let normalised = simd.sub_f32s(simd.mul_f32s(*value, *scale), *offset);
            *staged = leaky_relu(simd, simd.mul_add_e_f32s(normalised, weight, bias), slope);
        }
    }
}

/// The last layer: one number per cell.
#[inline(always)]
fn finish<S: Simd>(
    simd: S,
    y: &mut [f32],
    block: &[f32],
    (weight, bias): &(Vec<f32>, f32),
    slope: S::f32s,
    stride: usize,
) {
    let weight = S::as_simd_f32s(weight).0;
    for (y, cell) in y.iter_mut().zip(block.chunks_exact(stride)) {
        let mut sum = simd.splat_f32s(0.0);
        for (value, weight) in S::as_simd_f32s(cell).0.iter().zip(weight) {
            sum = simd.mul_add_e_f32s(leaky_relu(simd, *value, slope), *weight, sum);
        }
        *y = simd.reduce_sum_f32s(sum) + bias;
    }
}

/// Overwrites `out` `[cells, stride]` with the product over the channels of `staged`, plus `bias`.
#[inline(always)]
fn multiply<S: Simd>(
    simd: S,
    product: &Product,
    bias: &[f32],
    staged: &[f32],
    out: &mut [f32],
    stride: usize,
) {
    let padded = product.padded();
    for first in (0..padded).step_by(PANEL) {
        let width = PANEL.min(padded - first);
        let panel = &product.panels[first * product.inputs..(first + width) * product.inputs];
        let mut task = Panel { panel, width, inputs: product.inputs, bias, first, offset: 0, stride };
        // As many accumulators as the registers hold beside the weights.
        while task.offset < width {
            let vectors = (width - task.offset) / S::F32_LANES;
            match S::F32_LANES {
                16 if vectors >= 4 => task.columns::<S, 4>(simd, staged, out),
                16 if vectors >= 2 => task.columns::<S, 2>(simd, staged, out),
                16 => task.columns::<S, 1>(simd, staged, out),
                8 => task.columns::<S, 2>(simd, staged, out),
                _ => task.columns::<S, 4>(simd, staged, out),
            }
        }
    }
}

/// A panel of weights on its way over the cells of a block.
struct Panel<'a> {
    panel: &'a [f32],
    width: usize,
    inputs: usize,
    bias: &'a [f32],
    /// First output of the panel.
    first: usize,
    /// Outputs of the panel that are done.
    offset: usize,
    stride: usize,
}

impl Panel<'_> {
    /// The next `V` vectors of outputs, all cells.
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, staged: &[f32], out: &mut [f32]) {
        let cells = out.len() / self.stride;
        let mut cell = 0;
        while cell + 6 <= cells {
            self.tile::<S, V, 6>(simd, staged, out, cell);
            cell += 6;
        }
        while cell < cells {
            self.tile::<S, V, 1>(simd, staged, out, cell);
            cell += 1;
        }
        self.offset += V * S::F32_LANES;
    }

    /// `V` vectors of outputs of `R` cells, all sums in registers.
    #[inline(always)]
    fn tile<S: Simd, const V: usize, const R: usize>(
        &self,
        simd: S,
        staged: &[f32],
        out: &mut [f32],
        cell: usize,
    ) {
        let column = self.first + self.offset;
        let bias = S::as_simd_f32s(&self.bias[column..column + V * S::F32_LANES]).0;
        let bias: [S::f32s; V] = std::array::from_fn(|v| bias[v]);
        let mut sums = [bias; R];
        let rows: [&[f32]; R] = std::array::from_fn(|row| {
            let start = (cell + row) * self.stride;
            &staged[start..start + self.inputs]
        });
        for (input, weights) in self.panel.chunks_exact(self.width).enumerate().take(self.inputs) {
            let weights = S::as_simd_f32s(&weights[self.offset..self.offset + V * S::F32_LANES]).0;
            let weights: [S::f32s; V] = std::array::from_fn(|v| weights[v]);
            for (sums, row) in sums.iter_mut().zip(&rows) {
                let value = simd.splat_f32s(row[input]);
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = simd.mul_add_e_f32s(value, weight, *sum);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            let start = (cell + row) * self.stride + column;
            let out = S::as_mut_simd_f32s(&mut out[start..start + V * S::F32_LANES]).0;
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = *sum;
            }
        }
    }
}
