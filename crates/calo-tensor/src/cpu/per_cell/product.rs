//! The product over channels of a block of cells, by weights packed in panels.

use pulp::Simd;

/// Channels are padded to a multiple of this, the longest vector.
pub(crate) const PAD: usize = 16;

/// Channels of one panel of packed weights: at 128 inputs 32 KiB, for the nearest cache.
const PANEL: usize = 64;

/// Weights of one product over channels, packed for [`multiply`].
#[derive(Debug, Clone)]
pub(crate) struct Product {
    /// Panels of [`PANEL`] outputs (the last may be narrower), each `[inputs, panel]`.
    panels: Vec<f32>,
    inputs: usize,
    /// Number of outputs, not padded.
    pub(super) outputs: usize,
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
    fn padded(&self) -> usize {
        self.outputs.next_multiple_of(PAD)
    }
}

/// Overwrites `out` `[cells, stride]` with the product over the channels of `staged`, plus `bias`.
#[inline(always)]
pub(super) fn multiply<S: Simd>(
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
