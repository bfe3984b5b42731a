//! The per-cell network of the post-processor, fused for inference.
//!
//! A per-cell network is a chain of 1x1x1 convolutions: a product over channels in every cell. Between them stand
//! layer normalisations over all cells of a channel, so each layer has to be finished before the next begins, and
//! memory, not arithmetic, would limit the speed of separate operations. Here a block of cells is normalised, activated
//! and multiplied while it is in cache. The first layer has one input: mean m and variance v of that give those of
//! its channels, a m + b and a^2 v, and it is never stored.
//!
//! A bias is the same in all cells of a channel, so a normalisation right after it removes it. Such a bias is left out,
//! which is exact and avoids its rounding error.

use std::sync::Mutex;

use candle_core::{DType, Device, Storage, Tensor};
use rayon::prelude::*;

use crate::cpu::elements;
use crate::cpu::per_cell::{CellAffine, FirstLayer, LastLayer, PAD, Packed, Product, Sample, Scratch};
use crate::{Error, Result};

const NAME: &str = "per_cell_network";

/// One 1x1x1 convolution of a [`PerCellNetwork`], and its normalisation.
#[derive(Debug, Clone)]
pub struct PerCellLayer {
    /// Weight `[out, in, 1, 1, 1]`, or `[out, in]`.
    pub weight: Tensor,
    /// Bias `[out]`.
    pub bias: Option<Tensor>,
    /// Weight and bias `[d, h, w]` of the layer normalisation over the cells.
    pub norm: Option<(Tensor, Tensor)>,
}

/// A per-cell network with packed weights: LeakyReLU after every layer but the last.
///
/// The published post-processor is one: 1 -> 128 and three times 128 -> 128 with normalisation, 128 -> 128 without,
/// 128 -> 1.
#[derive(Debug)]
pub struct PerCellNetwork {
    packed: Packed,
    biases: Vec<Vec<f32>>,
    grid: Vec<usize>,
    /// Memory of finished samples, for reuse.
    scratch: Mutex<Vec<Scratch>>,
}

impl PerCellNetwork {
    /// Packs the weights of `layers`, in their order; `slope` is that of the activations.
    ///
    /// # Shapes
    /// The first layer has one input channel, every other as many as the one before gives, and the last has one
    /// output. All but the last two have a normalisation, of one shape.
    ///
    /// # Errors
    /// [`Error::Operand`] when the layers do not form such a chain, hold no f32 on the CPU, or the slope is not
    /// between 0 and 1.
    ///
    /// # Reference
    /// Buhmann et al., "Getting High", arXiv 2005.05334.
    pub fn new(layers: &[PerCellLayer], slope: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&slope) {
            return Err(Error::operand(NAME, "slope", slope, "a number from 0 to 1"));
        }
        let [first, _, .., _] = layers else {
            return Err(Error::operand(NAME, "number of layers", layers.len(), "three or more"));
        };
        let Some((norm, _)) = &first.norm else {
            return Err(Error::operand(NAME, "normalisation of layer 1", "missing", "a weight and a bias"));
        };
        let grid = norm.dims().to_vec();
        let chain = layers
            .iter()
            .enumerate()
            .map(|(idx, layer)| Layer::read(layer, idx + 1, idx + 2 < layers.len(), &grid))
            .collect::<Result<Vec<_>>>()?;
        let stride = chain.iter().map(Layer::padded).max().unwrap_or(PAD);
        for (idx, pair) in chain.windows(2).enumerate() {
            expect(idx + 2, "inputs", pair[1].inputs, pair[0].outputs)?;
        }
        pack(chain, slope as f32, stride, grid)
    }

    /// The network's value in every cell of every shower. Not differentiable.
    ///
    /// Every core works on showers of its own; results do not depend on how many there are.
    ///
    /// # Shapes
    /// `x` `[n, 1, d, h, w]`; the result as `x`.
    ///
    /// # Errors
    /// [`Error::Operand`] when the shapes do not fit or the tensors are not f32 on the CPU.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let n = x.dim(0).unwrap_or(0);
        let expected = [&[n, 1], &self.grid[..]].concat();
        if n == 0 || x.dims() != expected {
            return Err(Error::operand(
                NAME,
                "x",
                x.dims(),
                format!("[n, 1, {:?}], n at least 1", self.grid),
            ));
        }
        let x = values("x", x)?;
        let cells = x.len() / n;
        let mut y = vec![0.0; x.len()];
        y.par_chunks_mut(cells).zip(x.par_chunks(cells)).with_max_len(1).for_each(|(y, x)| {
            // A poisoned lock means that another sample panicked; its memory is still usable.
            let lock = || self.scratch.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let mut scratch = lock().pop().unwrap_or_default();
            let task = Sample { network: &self.packed, biases: &self.biases, x, y, scratch: &mut scratch };
            pulp::Arch::new().dispatch(task);
            lock().push(scratch);
        });
        Ok(Tensor::from_vec(y, expected, &Device::Cpu)?)
    }
}

/// A layer read from its tensors.
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
    affine: Option<CellAffine>,
    inputs: usize,
    outputs: usize,
}

impl Layer {
    fn read(layer: &PerCellLayer, number: usize, normalised: bool, grid: &[usize]) -> Result<Self> {
        let (outputs, inputs) = match layer.weight.dims() {
            [outputs, inputs] | [outputs, inputs, 1, 1, 1] => (*outputs, *inputs),
            dims => {
                let what = "a weight";
                return Err(Error::operand(
                    NAME,
                    what,
                    dims,
                    format!("[out, in, 1, 1, 1], in layer {number}"),
                ));
            }
        };
        let bias = match &layer.bias {
            Some(bias) => values("a bias", bias)?,
            None => vec![0.0; outputs],
        };
        expect(number, "biases", bias.len(), outputs)?;
        if layer.norm.is_some() != normalised {
            let expected = "one behind every layer but the last two";
            return Err(Error::operand(NAME, "normalisation of a layer", layer.norm.is_some(), expected));
        }
        let affine = match &layer.norm {
            None => None,
            Some((weight, bias)) => {
                for tensor in [weight, bias] {
                    if tensor.dims() != grid {
                        return Err(Error::operand(
                            NAME,
                            "a normalisation",
                            tensor.dims(),
                            format!("{grid:?}"),
                        ));
                    }
                }
                Some(CellAffine {
                    weight: values("a normalisation", weight)?,
                    bias: values("a normalisation", bias)?,
                })
            }
        };
        Ok(Self { weight: values("a weight", &layer.weight)?, bias, affine, inputs, outputs })
    }

    fn padded(&self) -> usize {
        self.outputs.next_multiple_of(PAD)
    }
}

fn expect(layer: usize, what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::operand(NAME, what, found, format!("{expected}, in layer {layer}")))
}

/// `values` and zeros up to a length of `to`.
fn padded(mut values: Vec<f32>, to: usize) -> Vec<f32> {
    values.resize(to, 0.0);
    values
}

fn pack(mut chain: Vec<Layer>, slope: f32, stride: usize, grid: Vec<usize>) -> Result<PerCellNetwork> {
    let (Some(last), false) = (chain.pop(), chain.is_empty()) else {
        return Err(Error::operand(NAME, "number of layers", chain.len(), "three or more"));
    };
    let first = chain.remove(0);
    expect(1, "inputs", first.inputs, 1)?;
    expect(chain.len() + 2, "outputs", last.outputs, 1)?;
    let Some(affine) = first.affine else {
        return Err(Error::operand(NAME, "normalisation of layer 1", "missing", "a weight and a bias"));
    };
    let mut biases = Vec::with_capacity(chain.len());
    let mut products = Vec::with_capacity(chain.len());
    for layer in chain {
        let bias = if layer.affine.is_some() { Vec::new() } else { layer.bias };
        biases.push(padded(bias, stride));
        products.push((Product::pack(&layer.weight, layer.inputs, layer.inputs), layer.affine));
    }
    let bias = last.bias.first().copied().unwrap_or(0.0);
    Ok(PerCellNetwork {
        packed: Packed {
            first: FirstLayer { weight: padded(first.weight, stride), affine },
            products,
            last: LastLayer { weight: padded(last.weight, stride), bias },
            slope,
            stride,
        },
        biases,
        grid,
        scratch: Mutex::new(Vec::new()),
    })
}

/// The elements of an f32 tensor on the CPU.
fn values(what: &'static str, tensor: &Tensor) -> Result<Vec<f32>> {
    if tensor.dtype() != DType::F32 {
        return Err(Error::operand(NAME, what, tensor.dtype(), "f32"));
    }
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        return Err(Error::operand(NAME, what, tensor.device(), "a tensor on the CPU"));
    };
    Ok(elements(NAME, storage, layout)?.to_vec())
}
