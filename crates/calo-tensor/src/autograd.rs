//! Gradients, and gradients of gradients, through Candle's graph.
//!
//! Candle decides by the environment variable `CANDLE_GRAD_DO_NOT_DETACH`, read once per thread, whether a backward
//! pass can be differentiated itself. With it set, every backward pass would keep its whole graph alive. So our own
//! operations cut the graph of an ordinary [`backward`] pass as they go, with `Backward::keep`, and leave it whole in
//! [`input_gradient`], whose result is differentiated again. There gradients of weights, which nobody asks for, are
//! not computed either.

use std::cell::{Cell, RefCell};

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

use crate::{Error, Result};

/// What the backward pass that runs on this thread is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pass {
    /// Gradients for an optimiser step: never differentiated again.
    #[default]
    Ordinary,
    /// Gradients of inputs, to be differentiated again; weights get none.
    Inputs,
}

thread_local! {
    static PASS: Cell<Pass> = const { Cell::new(Pass::Ordinary) };
    static KEEPS_GRAPH: Cell<Option<bool>> = const { Cell::new(None) };
    static DEPOSITS: RefCell<Option<Deposits>> = const { RefCell::new(None) };
}

/// Variables and parts of their gradients.
type Deposits = Vec<(Tensor, Tensor)>;

/// While it lives, operations on this thread may leave gradients of variables here; see [`Backward::leave`].
struct Collecting(Option<Deposits>);

impl Collecting {
    fn start() -> Self {
        Self(DEPOSITS.replace(Some(Vec::new())))
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        DEPOSITS.set(self.0.take());
    }
}

/// Sets the pass of this thread until dropped, also when an operation fails.
struct During(Pass);

impl During {
    fn new(pass: Pass) -> Self {
        Self(PASS.replace(pass))
    }
}

impl Drop for During {
    fn drop(&mut self) {
        PASS.set(self.0);
    }
}

/// What an operation's `bwd` asks before it computes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backward(Pass);

impl Backward {
    /// The pass that runs on this thread.
    pub(crate) fn now() -> Self {
        Self(PASS.get())
    }

    /// `tensor` as the gradient is to see it: cut from the graph unless the gradient is differentiated again.
    pub(crate) fn keep(self, tensor: &Tensor) -> Tensor {
        match self.0 {
            Pass::Ordinary => tensor.detach(),
            Pass::Inputs => tensor.clone(),
        }
    }

    /// Whether what this pass computes is differentiated again.
    pub(crate) fn is_differentiated(self) -> bool {
        self.0 == Pass::Inputs
    }

    /// Whether an activation wants a gradient.
    #[expect(clippy::unused_self, reason = "the same question as `wants_weight`, which depends on the pass")]
    pub(crate) fn wants(self, activation: &Tensor) -> bool {
        activation.track_op()
    }

    /// Whether a weight (a bias, an affine) wants a gradient.
    pub(crate) fn wants_weight(self, weight: &Tensor) -> bool {
        // What is computed from others must answer, or Candle's walk misses a node.
        weight.track_op() && !(self.0 == Pass::Inputs && weight.is_variable())
    }

    /// What `bwd` is to return for `weight`, with `gradient` its gradient: nothing where [`backward`] takes it directly.
    ///
    /// Candle adds every gradient to zeros, which for a large weight costs more than the gradient. A variable is the
    /// end of Candle's walk, so its gradient may go round it; where Candle was called directly it does not.
    pub(crate) fn leave(self, weight: &Tensor, gradient: Tensor) -> Option<Tensor> {
        if self.0 != Pass::Ordinary || !weight.is_variable() {
            return Some(gradient);
        }
        DEPOSITS.with_borrow_mut(|deposits| match deposits {
            Some(deposits) => {
                deposits.push((weight.clone(), gradient));
                None
            }
            None => Some(gradient),
        })
    }
}

/// Gradients of a scalar for an optimiser step.
///
/// # Errors
/// When an operation of the graph has no gradient.
pub fn backward(loss: &Tensor) -> Result<GradStore> {
    let _during = During::new(Pass::Ordinary);
    let _collecting = Collecting::start();
    let mut gradients = loss.backward()?;
    for (weight, gradient) in DEPOSITS.take().unwrap_or_default() {
        let sum = match gradients.remove(&weight) {
            Some(others) => others.add(&gradient)?,
            None => gradient,
        };
        gradients.insert(&weight, sum);
    }
    Ok(gradients)
}

/// Gradient of `sum(scores)` for `input`, to be differentiated again: what a gradient penalty is made of.
///
/// `input` has to be a variable ([`Var`]) that `scores` was computed from; gradients of weights are not computed.
///
/// # Shapes
/// Any `scores`; the result has the shape of `input`.
///
/// # Errors
/// [`Error::FirstOrderOnly`] where Candle would cut the second derivative; [`Error::Operand`] when `scores` does not
/// depend on `input`.
pub fn input_gradient(scores: &Tensor, input: &Var) -> Result<Tensor> {
    if !keeps_graph()? {
        return Err(Error::FirstOrderOnly);
    }
    let _during = During::new(Pass::Inputs);
    let gradients = scores.sum_all()?.backward()?;
    gradients.get(input.as_tensor()).cloned().ok_or_else(|| {
        Error::operand("input_gradient", "scores", "independent of the input", "scores computed from it")
    })
}

/// Whether Candle leaves the gradients of this thread differentiable: found out by differentiating x^4 twice.
///
/// Candle cuts what comes into each node, not what a node adds itself: a cut gradient still has a graph, and another
/// value.
///
/// # Errors
/// None that can be thought of: Candle's on a graph of two squares.
pub fn keeps_graph() -> Result<bool> {
    if let Some(known) = KEEPS_GRAPH.get() {
        return Ok(known);
    }
    let x = Var::from_tensor(&Tensor::ones((), DType::F64, &Device::Cpu)?)?;
    let derivative = |y: &Tensor| Ok::<_, Error>(y.backward()?.get(x.as_tensor()).cloned());
    let second = match derivative(&x.as_tensor().sqr()?.sqr()?)? {
        Some(first) => derivative(&first)?.map(|second| second.to_scalar::<f64>()).transpose()?,
        None => None,
    };
    // 12 x^2 is right, 4 x^2 is what is left when the inner square is taken for a constant.
    let keeps = second.is_some_and(|second| (second - 12.0).abs() < 1e-9);
    KEEPS_GRAPH.set(Some(keeps));
    Ok(keeps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Run by the test below in a process of its own, without the variable.
    #[test]
    #[ignore = "needs an environment of its own"]
    fn child_without_the_variable() {
        let x = Var::from_tensor(&Tensor::ones(3, DType::F32, &Device::Cpu).unwrap()).unwrap();
        let y = x.as_tensor().sqr().unwrap().sqr().unwrap();
        assert!(matches!(input_gradient(&y, &x), Err(Error::FirstOrderOnly)));
        assert_eq!(backward(&y.sum_all().unwrap()).unwrap().get(x.as_tensor()).unwrap().dims(), [3]);
    }

    #[test]
    fn second_derivatives_are_right_or_refused() {
        let x = Var::from_tensor(&Tensor::new(&[1.0, 2.0], &Device::Cpu).unwrap()).unwrap();
        let first = input_gradient(&x.as_tensor().sqr().unwrap().sqr().unwrap(), &x).unwrap();
        let second = backward(&first.sum_all().unwrap()).unwrap();
        assert_eq!(second.get(x.as_tensor()).unwrap().to_vec1::<f64>().unwrap(), [12.0, 48.0]);

        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "autograd::tests::child_without_the_variable", "--ignored"])
            .env_remove("CANDLE_GRAD_DO_NOT_DETACH")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && text.contains("1 passed"), "{text}");
    }
}
