//! Adam as one of Candle's optimisers.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};
use candle_nn::Optimizer;

use super::{Adam, AdamConfig};
use crate::autograd::backward;

/// One group whose parameters are named `0`, `1`, .. in the order given.
impl Optimizer for Adam {
    type Config = AdamConfig;

    fn new(vars: Vec<Var>, config: AdamConfig) -> Result<Self> {
        let named = vars.into_iter().enumerate().map(|(i, var)| (i.to_string(), var)).collect();
        Ok(Self::new(vec![(named, config)])?)
    }

    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        Ok(Self::step(self, gradients)?)
    }

    /// That of the first group; 0 where there is none.
    fn learning_rate(&self) -> f64 {
        self.rate(0).unwrap_or_default()
    }

    /// Sets that of all groups. One that is negative or not finite is refused by the next step.
    fn set_learning_rate(&mut self, rate: f64) {
        self.set_all_rates(rate);
    }

    /// With [`backward`], which lets go of the graph as it walks.
    fn backward_step(&mut self, loss: &Tensor) -> Result<()> {
        Ok(Self::step(self, &backward(loss)?)?)
    }
}
