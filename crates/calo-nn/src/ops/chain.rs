//! Several operations as one node of the graph.
//!
//! Candle adds the gradient of every operand of every node to zeros of its own, and keeps it until the walk gets there:
//! for a network of large activations that is more traffic than the gradients themselves. A [`Chain`] runs its
//! operations as ever, so each result has its usual graph, and then stands before the last result as a node of the first
//! operand and of all parameters. Its gradient calls those of its operations from the last to the first, and no
//! gradient between them meets Candle.
//!
//! * forward: the last result;
//! * gradient: that of each operation, in turn, for whatever pass runs;
//! * gradient of that: as without a chain, since the operations' gradients see tensors with their usual graph.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Shape, Storage, Tensor};

use crate::autograd::Backward;
use crate::cpu::{by_dtype, elements};
use crate::ops::activation::LeakyRelu;
use crate::ops::conv3d::Conv3d;
use crate::ops::layer_norm::{self, LayerNorm};
use crate::ops::leaky_relu;
use crate::{Error, Result};

const NAME: &str = "chain";

/// One operation on the result before it.
#[derive(Debug, Clone)]
enum Operation {
    /// With a weight and perhaps a bias.
    Conv3d(Conv3d),
    /// With a weight and a bias.
    LayerNorm(LayerNorm),
    LeakyRelu(LeakyRelu),
}

/// An operation as it ran.
#[derive(Debug, Clone)]
struct Link {
    operation: Operation,
    operand: Tensor,
    parameters: Vec<Tensor>,
    result: Tensor,
}

/// Operations one after another; see the head of this file.
#[derive(Debug)]
pub(crate) struct Chain {
    x: Tensor,
    links: Vec<Link>,
}

impl Chain {
    /// A chain on `x`, of no operations yet.
    pub(crate) fn new(x: &Tensor) -> Result<Self> {
        Ok(Self { x: x.contiguous()?, links: Vec::new() })
    }

    /// What has come out so far.
    pub(crate) fn last(&self) -> &Tensor {
        self.links.last().map_or(&self.x, |link| &link.result)
    }

    /// Appends a convolution, or a transposed one.
    pub(crate) fn convolve(
        &mut self,
        operation: Conv3d,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<()> {
        let mut parameters = vec![weight.contiguous()?];
        if let Some(bias) = bias {
            parameters.push(bias.contiguous()?);
        }
        let result = operation.apply(self.last(), &parameters[0], parameters.get(1))?;
        self.push(Operation::Conv3d(operation), parameters, result);
        Ok(())
    }

    /// Appends a layer normalisation with LeakyReLU(`slope`).
    pub(crate) fn normalise(&mut self, weight: &Tensor, bias: &Tensor, slope: f64) -> Result<()> {
        let (weight, bias) = (weight.contiguous()?, bias.contiguous()?);
        let result = layer_norm::layer_norm(self.last(), &weight, &bias, Some(slope))?;
        self.push(Operation::LayerNorm(LayerNorm { slope: Some(slope) }), vec![weight, bias], result);
        Ok(())
    }

    /// Appends LeakyReLU.
    pub(crate) fn leaky_relu(&mut self, slope: f64) -> Result<()> {
        let result = leaky_relu(self.last(), slope)?;
        self.push(Operation::LeakyRelu(LeakyRelu { slope }), Vec::new(), result);
        Ok(())
    }

    fn push(&mut self, operation: Operation, parameters: Vec<Tensor>, result: Tensor) {
        let operand = self.last().clone();
        if !result.track_op() {
            // Nobody will ask for a gradient: the operand may go.
            self.x = result;
            self.links.clear();
            return;
        }
        self.links.push(Link { operation, operand, parameters, result });
    }

    /// The last result, as a node of the first operand and the parameters.
    pub(crate) fn finish(self) -> Result<Tensor> {
        let last = self.last().clone();
        if self.links.is_empty() || !last.device().is_cpu() {
            return Ok(last);
        }
        let parameters: Vec<Tensor> = self
            .links
            .iter()
            .flat_map(|link| &link.parameters)
            .map(Tensor::flatten_all)
            .collect::<candle_core::Result<_>>()?;
        if parameters.is_empty() {
            return Ok(last);
        }
        let parameters = Tensor::cat(&parameters, 0)?;
        let x = self.x.clone();
        Ok(x.apply_op2(&parameters, self)?)
    }
}

impl Link {
    /// Gradients for the operand and the parameters, given `g` for the result.
    fn gradients(&self, g: &Tensor) -> candle_core::Result<(Option<Tensor>, Vec<Option<Tensor>>)> {
        let Self { operation, operand: x, parameters, result } = self;
        match (operation, &parameters[..]) {
            (Operation::Conv3d(operation), [weight]) => {
                let (dx, dweight) = CustomOp2::bwd(operation, x, weight, result, g)?;
                Ok((dx, vec![dweight]))
            }
            (Operation::Conv3d(operation), [weight, bias]) => {
                let (dx, dweight, dbias) = CustomOp3::bwd(operation, x, weight, bias, result, g)?;
                Ok((dx, vec![dweight, dbias]))
            }
            (Operation::LayerNorm(operation), [weight, bias]) => {
                let (dx, dweight, dbias) = CustomOp3::bwd(operation, x, weight, bias, result, g)?;
                Ok((dx, vec![dweight, dbias]))
            }
            (Operation::LeakyRelu(operation), []) => {
                Ok((CustomOp1::bwd(operation, x, result, g)?, Vec::new()))
            }
            _ => candle_core::bail!("{NAME}: {} parameters of {operation:?}", parameters.len()),
        }
    }
}

impl CustomOp2 for Chain {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        _x: &CpuStorage,
        _x_layout: &Layout,
        _parameters: &CpuStorage,
        _parameters_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (storage, layout) = self.last().storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            return Err(Error::operand(NAME, "device of the result", self.last().device(), "the CPU").into());
        };
        let out = by_dtype!(NAME, storage, T => {
            let values = elements::<T>(NAME, storage, layout)?.to_vec();
            Ok(<T as candle_core::WithDType>::to_cpu_storage_owned(values))
        })?;
        Ok((out, layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        packed: &Tensor,
        _result: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let pass = Backward::now();
        let mut g = Some(pass.keep(g));
        let mut of_parameters = Vec::new();
        for link in self.links.iter().rev() {
            let (before, gradients) = match g.take() {
                Some(g) => link.gradients(&g)?,
                // The operands before depend on nothing that wants a gradient.
                None => (None, vec![None; link.parameters.len()]),
            };
            for (parameter, gradient) in link.parameters.iter().zip(gradients).rev() {
                // Zeros for weights that this pass leaves out: the packed tensor has one gradient.
                let flat = match gradient {
                    Some(gradient) => gradient.flatten_all()?,
                    None => Tensor::zeros(parameter.elem_count(), parameter.dtype(), parameter.device())?,
                };
                of_parameters.push(flat);
            }
            g = before;
        }
        of_parameters.reverse();
        let of_packed = if packed.track_op() { Some(Tensor::cat(&of_parameters, 0)?) } else { None };
        Ok((g.filter(|_| pass.wants(x)), of_packed))
    }
}

#[cfg(test)]
mod tests;
