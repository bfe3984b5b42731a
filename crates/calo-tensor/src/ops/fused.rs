//! Several operations as one node of the graph.
//!
//! Candle adds the gradient of every operand of every node to zeros of its own, and keeps it until the walk gets there:
//! for a network of large activations that is more traffic than the gradients themselves. A [`FusedOps`] runs its
//! operations as usual, so each result has its usual graph, and then becomes one node whose operands are the first operand
//! and all parameters. Its gradient calls those of its operations from the last to the first, and Candle never handles
//! the gradients between them.
//!
//! * forward: the last result;
//! * gradient: that of each operation, from the last to the first;
//! * gradient of that: where it was asked for, the gradient is a [`GradientChain`] itself, a node of the chain's operands
//!   and of the gradient that came in. Its gradient goes through the operations twice: from the first to the last, where
//!   the gradient of each gradient gives one for what had come into it and one for the operation's operand; then
//!   from the last to the first with the latter.
//!
//! Third derivatives are refused.

use candle_core::{CpuStorage, Shape, Storage, Tensor};

use crate::autograd::Backward;
use crate::cpu::{Operand, by_dtype, elements};
use crate::ops::activation::{LeakyRelu, LeakyReluGradient};
use crate::ops::conv3d::Conv3d;
use crate::ops::layer_norm::{self, Gate, LayerNorm};
use crate::ops::leaky_relu;
use crate::ops::operation::{Node, Operation};
use crate::{Error, Result};

const NAME: &str = "chain";

/// One operation on the result before it.
#[derive(Debug, Clone)]
enum Step {
    /// With a weight and perhaps a bias.
    Conv3d(Conv3d),
    /// With a weight and a bias.
    LayerNorm(LayerNorm),
    LeakyRelu(LeakyRelu),
}

/// An operation as it ran.
#[derive(Debug, Clone)]
struct Link {
    operation: Step,
    operand: Tensor,
    parameters: Vec<Tensor>,
    result: Tensor,
}

/// Operations one after another, as one node of the graph: this makes the backward pass through large activations
/// cheaper. The results, and the first two derivatives, are those of the operations one by one; third ones are refused.
///
/// ```
/// # use calo_tensor::{candle::{DType, Device, Tensor}, ops::{FusedOps, leaky_relu, layer_norm}};
/// let x = Tensor::new(&[[1_f32, 2.0, 4.0]], &Device::Cpu)?;
/// let (weight, bias) = (Tensor::ones(3, DType::F32, &Device::Cpu)?, Tensor::zeros(3, DType::F32, &Device::Cpu)?);
/// let mut chain = FusedOps::new(&x)?;
/// chain.normalise(&weight, &bias, 0.2)?;
/// chain.leaky_relu(0.2)?;
/// let one_by_one = leaky_relu(&layer_norm(&x, &weight, &bias, Some(0.2))?, 0.2)?;
/// assert_eq!(chain.finish()?.to_vec2::<f32>()?, one_by_one.to_vec2::<f32>()?);
/// # Ok::<(), calo_tensor::Error>(())
/// ```
#[derive(Debug)]
pub struct FusedOps {
    x: Tensor,
    links: Vec<Link>,
}

impl FusedOps {
    /// Fused operations on `x`, none so far.
    ///
    /// # Errors
    /// Candle's, when memory runs out.
    pub fn new(x: &Tensor) -> Result<Self> {
        Ok(Self { x: x.contiguous()?, links: Vec::new() })
    }

    /// The result so far.
    pub fn last(&self) -> &Tensor {
        self.links.last().map_or(&self.x, |link| &link.result)
    }

    /// Appends a convolution, or a transposed one, made for [`FusedOps::last`].
    ///
    /// # Errors
    /// [`Error::Operand`] where weight or bias do not fit what has come out so far.
    pub fn convolve(&mut self, operation: Conv3d, weight: &Tensor, bias: Option<&Tensor>) -> Result<()> {
        let mut parameters = vec![weight.contiguous()?];
        if let Some(bias) = bias {
            parameters.push(bias.contiguous()?);
        }
        let result = operation.apply(self.last(), &parameters[0], parameters.get(1))?;
        self.push(Step::Conv3d(operation), parameters, result);
        Ok(())
    }

    /// Appends a layer normalisation with LeakyReLU(`slope`).
    ///
    /// # Errors
    /// [`Error::Operand`] where the trailing axes are others, or for an impossible slope.
    pub fn normalise(&mut self, weight: &Tensor, bias: &Tensor, slope: f64) -> Result<()> {
        let (weight, bias) = (weight.contiguous()?, bias.contiguous()?);
        let result = layer_norm::layer_norm(self.last(), &weight, &bias, Some(slope))?;
        self.push(Step::LayerNorm(LayerNorm { slope: Some(slope) }), vec![weight, bias], result);
        Ok(())
    }

    /// Appends LeakyReLU(`slope`).
    ///
    /// # Errors
    /// [`Error::Operand`] for an impossible slope.
    pub fn leaky_relu(&mut self, slope: f64) -> Result<()> {
        let result = leaky_relu(self.last(), slope)?;
        self.push(Step::LeakyRelu(LeakyRelu { slope }), Vec::new(), result);
        Ok(())
    }

    fn push(&mut self, operation: Step, parameters: Vec<Tensor>, result: Tensor) {
        let operand = self.last().clone();
        if !result.track_op() {
            // No gradient is needed: the operand can be dropped.
            self.x = result;
            self.links.clear();
            return;
        }
        self.links.push(Link { operation, operand, parameters, result });
    }

    /// The last result, as a node of the first operand and the parameters.
    ///
    /// # Errors
    /// Candle's, when memory runs out.
    pub fn finish(self) -> Result<Tensor> {
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
        Ok(x.apply_op2(&parameters, Node(self))?)
    }
}

impl Link {
    /// Gradients for the operand and the parameters, given `g` for the result.
    fn gradients(&self, g: &Tensor) -> candle_core::Result<(Option<Tensor>, Vec<Option<Tensor>>)> {
        let Self { operation, operand: x, parameters, result } = self;
        match (operation, &parameters[..]) {
            (Step::Conv3d(operation), [weight]) => {
                let [dx, dweight] = operation.gradients([x, weight], result, g)?;
                Ok((dx, vec![dweight]))
            }
            (Step::Conv3d(operation), [weight, bias]) => {
                let [dx, dweight, dbias] = operation.gradients([x, weight, bias], result, g)?;
                Ok((dx, vec![dweight, dbias]))
            }
            (Step::LayerNorm(operation), [weight, bias]) => {
                let [dx, dweight, dbias] = operation.gradients([x, weight, bias], result, g)?;
                Ok((dx, vec![dweight, dbias]))
            }
            (Step::LeakyRelu(operation), []) => {
                let [dx] = operation.gradients([x], result, g)?;
                Ok((dx, Vec::new()))
            }
            _ => candle_core::bail!("{NAME}: {} parameters of {operation:?}", parameters.len()),
        }
    }

    /// Gradients of the operand's gradient, for which `v` came in; it was computed from `g` for the result.
    fn second_gradients(&self, g: &Tensor, v: &Tensor) -> candle_core::Result<Second> {
        let Self { operation, operand: x, parameters, result } = self;
        let mut of_parameters = vec![None; parameters.len()];
        let (of_operand, of_g) = match (operation, &parameters[..]) {
            (Step::Conv3d(operation), [weight, ..]) => {
                let [of_g, of_weight] = operation.of_first_factor().factor_gradients(g, weight, v)?;
                of_parameters[0] = of_weight;
                (None, of_g)
            }
            (Step::LayerNorm(operation), [weight, _]) => {
                let gate = operation.slope.map(|slope| Gate { result: result.detach(), slope });
                let gradient = layer_norm::InputGradient { gate };
                // The gradient itself is not needed.
                let [of_x, of_weight, of_g] = gradient.gradients([x, weight, g], v, v)?;
                of_parameters[0] = of_weight;
                (of_x, of_g)
            }
            (Step::LeakyRelu(LeakyRelu { slope }), []) => {
                let gradient = LeakyReluGradient { result: result.detach(), slope: *slope };
                let [of_g] = gradient.gradients([g], v, v)?;
                (None, of_g.filter(|_| g.track_op()))
            }
            _ => candle_core::bail!("{NAME}: {} parameters of {operation:?}", parameters.len()),
        };
        Ok(Second { of_operand, of_parameters, of_g })
    }
}

/// See [`Link::second_gradients`].
struct Second {
    of_operand: Option<Tensor>,
    of_parameters: Vec<Option<Tensor>>,
    /// For the gradient that had come in.
    of_g: Option<Tensor>,
}

/// What a walk from the last link to the first has met.
struct Walk {
    /// Gradient for the result of each link, where it is differentiated again.
    of_results: Vec<Option<Tensor>>,
    /// Gradient for the first operand.
    of_first: Option<Tensor>,
    /// Gradients for the parameters of each link.
    of_parameters: Vec<Vec<Option<Tensor>>>,
}

impl Walk {
    /// Through `links`, with gradients for the results of some of them.
    fn new(links: &[Link], mut of_results: Vec<Option<Tensor>>) -> candle_core::Result<Self> {
        let mut of_parameters = vec![Vec::new(); links.len()];
        let mut of_first = None;
        let is_kept = Backward::now().is_differentiated();
        for (i, link) in links.iter().enumerate().rev() {
            let g = if is_kept { of_results[i].clone() } else { of_results[i].take() };
            let (before, gradients) = match g {
                Some(g) => link.gradients(&g)?,
                // The links behind depend on nothing that wants a gradient, or have none to give.
                None => (None, vec![None; link.parameters.len()]),
            };
            of_parameters[i] = gradients;
            let of_operand = if i == 0 { &mut of_first } else { &mut of_results[i - 1] };
            *of_operand = sum(of_operand.take(), before)?;
        }
        Ok(Self { of_results, of_first, of_parameters })
    }

    /// The gradient for the packed parameters: zeros for those that this pass leaves out, since it is one.
    fn of_packed(self, links: &[Link]) -> candle_core::Result<Tensor> {
        let parameters = links.iter().flat_map(|link| &link.parameters);
        let flat: Vec<Tensor> = parameters
            .zip(self.of_parameters.into_iter().flatten())
            .map(|(parameter, gradient)| match gradient {
                Some(gradient) => gradient.flatten_all(),
                None => Tensor::zeros(parameter.elem_count(), parameter.dtype(), parameter.device()),
            })
            .collect::<candle_core::Result<_>>()?;
        Tensor::cat(&flat, 0)
    }
}

fn sum(a: Option<Tensor>, b: Option<Tensor>) -> candle_core::Result<Option<Tensor>> {
    match (a, b) {
        (Some(a), Some(b)) => (a + b).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

/// The values of `tensor`, which is on the CPU, as the result of an operation.
fn copied(tensor: &Tensor) -> candle_core::Result<(CpuStorage, Shape)> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        return Err(Error::operand(NAME, "device of the result", tensor.device(), "the CPU").into());
    };
    let out = by_dtype!(NAME, storage, T => {
        let values = elements::<T>(NAME, storage, layout)?.to_vec();
        Ok(<T as candle_core::WithDType>::to_cpu_storage_owned(values))
    })?;
    Ok((out, layout.shape().clone()))
}

impl Operation<2> for FusedOps {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu(&self, _operands: [Operand<'_>; 2]) -> candle_core::Result<(CpuStorage, Shape)> {
        copied(self.last())
    }

    fn gradients(
        &self,
        [x, packed]: [&Tensor; 2],
        _result: &Tensor,
        g: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 2]> {
        let pass = Backward::now();
        let mut of_results = vec![None; self.links.len()];
        if let Some(last) = of_results.last_mut() {
            *last = Some(pass.keep(g));
        }
        let mut walk = Walk::new(&self.links, of_results)?;
        let mut of_first = walk.of_first.take().filter(|_| pass.wants(x));
        let of_some_parameter = walk.of_parameters.iter().flatten().any(Option::is_some);
        if pass.is_differentiated() && !of_some_parameter {
            let incoming: Option<Vec<Tensor>> = walk.of_results.iter().cloned().collect();
            if let (Some(first), Some(incoming)) = (&of_first, incoming) {
                let chain = GradientChain { links: self.links.clone(), incoming, first: first.contiguous()? };
                of_first = Some(x.apply_op3(packed, &g.contiguous()?, Node(chain))?);
            }
        }
        let of_packed = if packed.track_op() { Some(walk.of_packed(&self.links)?) } else { None };
        Ok([of_first, of_packed])
    }
}

/// The gradient of a [`FusedOps`] for its first operand, to be differentiated again. Operands: that one, all parameters, the
/// gradient of the chain's result.
#[derive(Debug)]
struct GradientChain {
    links: Vec<Link>,
    /// The gradient for the result of each link.
    incoming: Vec<Tensor>,
    /// The gradient for the first operand.
    first: Tensor,
}

impl Operation<3> for GradientChain {
    fn name(&self) -> &'static str {
        "gradient_of_chain"
    }

    fn cpu(&self, _operands: [Operand<'_>; 3]) -> candle_core::Result<(CpuStorage, Shape)> {
        copied(&self.first)
    }

    fn gradients(
        &self,
        [x, packed, _g]: [&Tensor; 3],
        _result: &Tensor,
        v: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let pass = Backward::now();
        if pass.is_differentiated() {
            return Err(Error::operand(NAME, "order of the derivative", 3, "first or second").into());
        }
        let mut v = Some(v.detach().contiguous()?);
        let mut of_operands = vec![None; self.links.len() + 1];
        let mut of_parameters = Vec::with_capacity(self.links.len());
        for ((link, g), of_operand) in self.links.iter().zip(&self.incoming).zip(&mut of_operands) {
            // Without it, what came into the gradients from here on depends on nothing that wants a gradient.
            let Some(of_gradient) = v else {
                of_parameters.push(vec![None; link.parameters.len()]);
                continue;
            };
            let second = link.second_gradients(g, &of_gradient)?;
            *of_operand = second.of_operand;
            of_parameters.push(second.of_parameters);
            v = second.of_g;
        }
        // The operand of each link but the first is the result of the one before; nothing comes into the last.
        let of_results = of_operands.split_off(1);
        let mut walk = Walk::new(&self.links, of_results)?;
        for (walked, direct) in
            walk.of_parameters.iter_mut().flatten().zip(of_parameters.into_iter().flatten())
        {
            *walked = sum(walked.take(), direct)?;
        }
        let of_first = sum(of_operands.pop().flatten(), walk.of_first.take())?;
        // Nothing, where all links are linear but for their kinks. What is computed from others must answer, or Candle's walk
        // misses a node.
        let of_first = if pass.wants(x) { Some(of_first.map_or_else(|| x.zeros_like(), Ok)?) } else { None };
        let of_packed = if packed.track_op() { Some(walk.of_packed(&self.links)?) } else { None };
        Ok([of_first, of_packed, v])
    }
}

#[cfg(test)]
mod tests;
