//! Statistics of channels over the cells of a sample, and the normalisation that follows from them.

use pulp::Simd;

/// Added to the variance, as in PyTorch.
const EPSILON: f64 = 1e-5;

/// What turns a channel's value into its normalised one, `scale * value - offset`, padded.
pub(super) struct Normalisation {
    pub(super) scale: Vec<f32>,
    pub(super) offset: Vec<f32>,
}

impl Normalisation {
    /// From mean and variance of each channel; padding stays zero.
    pub(super) fn new(stride: usize, statistics: impl Iterator<Item = (f64, f64)>) -> Self {
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
pub(super) struct Sums {
    about: Vec<f32>,
    first: Vec<f64>,
    second: Vec<f64>,
    block: [Vec<f32>; 2],
}

impl Sums {
    pub(super) fn new(stride: usize) -> Self {
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
    pub(super) fn add<S: Simd>(&mut self, simd: S, block: &[f32], stride: usize, is_first: bool) {
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
    pub(super) fn normalisation(&self, cells: usize, channels: usize, stride: usize) -> Normalisation {
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
