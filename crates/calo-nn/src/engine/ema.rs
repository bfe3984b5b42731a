//! The exponential moving average (EMA) of the weights.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::optim::Group;
use crate::Result;
use crate::parameters::{Parameters, check_names, check_shape};

/// What the average of a weight is called in a checkpoint.
const PREFIX: &str = "average.";

/// Exponential moving average of the exported weights over the steps.
///
/// Weights that are trained against critics oscillate, however small the steps: the mean visible energy of showers then
/// changes by some percent from one epoch to the next. The average of the weights is stable.
///
/// # Reference
/// Yazici et al., arXiv 1806.04498, eq. 1.
#[derive(Debug)]
pub(super) struct Average {
    /// Share of the average that stays in each step.
    decay: f64,
    /// The groups it runs over.
    groups: Vec<&'static str>,
    means: Vec<(String, Tensor)>,
}

impl Average {
    /// The weights as they are now.
    pub(super) fn new(decay: f64, groups: &[&'static str], parameters: &Parameters) -> Result<Self> {
        let means = exported(parameters, groups).map(|(name, weight)| Ok((name, weight.copy()?.detach())));
        Ok(Self { decay, groups: groups.to_vec(), means: means.collect::<Result<_>>()? })
    }

    /// Adds the weights after step number `step`, counted from 1, to the mean.
    pub(super) fn update(&mut self, parameters: &Parameters, step: u64) -> Result<()> {
        // Early weights are soon outdated: at first the average covers about the last tenth of the steps.
        let step = step as f64;
        let decay = self.decay.min(step / (step + 10.0));
        for ((_, mean), (_, weight)) in self.means.iter_mut().zip(exported(parameters, &self.groups)) {
            *mean = ((&*mean * decay)? + (weight.detach() * (1.0 - decay))?)?;
        }
        Ok(())
    }

    /// The means, by the names of the weights.
    pub(super) fn weights(&self) -> Vec<(String, Tensor)> {
        self.means.clone()
    }

    /// The means, by the names that they have in a checkpoint.
    pub(super) fn state(&self) -> impl Iterator<Item = (String, Tensor)> {
        self.means.iter().map(|(name, mean)| (format!("{PREFIX}{name}"), mean.clone()))
    }

    /// Restores the means from what [`Average::state`] returned.
    pub(super) fn restore(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        let own: Vec<String> = self.state().map(|(name, _)| name).collect();
        let missing = own.iter().filter(|name| !tensors.contains_key(*name)).collect();
        let unexpected = tensors.keys().filter(|name| !own.contains(name)).collect();
        check_names("Average::restore", missing, unexpected)?;
        for ((_, mean), name) in self.means.iter_mut().zip(&own) {
            let found = &tensors[name];
            check_shape(name, found.dims(), mean.dims())?;
            *mean = found.to_dtype(mean.dtype())?;
        }
        Ok(())
    }
}

/// Whether a tensor of a checkpoint is a running mean.
pub(super) fn is_average(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Values of these groups, by name in order of creation.
pub(super) fn exported(parameters: &Parameters, groups: &[&str]) -> impl Iterator<Item = (String, Tensor)> {
    let state = parameters.state().into_iter();
    state.filter(|(name, _)| groups.iter().any(|group| Group::holds(group, name)))
}
