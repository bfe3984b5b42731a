//! What the engine gives a family's training step: optimisers, noise, the place in the schedule, a log.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};

use super::noise::Noise;
use crate::autograd::backward;
use crate::optimiser::Adam;
use crate::parameters::Path;
use crate::{Error, Result};

/// Values of the losses by name, in the order in which they were logged first.
pub type Losses = Vec<(&'static str, f64)>;

/// Showers of a batch on the device.
#[derive(Debug, Clone)]
pub struct Showers {
    /// `[n, 1, layer, x, y]`
    pub cells_mev: Tensor,
    /// `[n, 1]`
    pub energies_gev: Tensor,
}

impl Showers {
    /// Showers in the batch.
    ///
    /// # Errors
    /// Cells without axes.
    pub fn n(&self) -> Result<usize> {
        Ok(self.cells_mev.dim(0)?)
    }
}

/// A place within a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) phase: &'static str,
    /// Finished epochs of the phase.
    pub(super) epoch: u32,
    /// Total number of training steps.
    pub(super) step: u64,
}

/// One training step of a family.
#[derive(Debug)]
pub struct Step<'a> {
    optimisers: &'a mut Optimisers,
    noise: Noise,
    place: Place,
    /// Averages of the exported weights, where these are kept.
    averages: Option<Vec<(String, Tensor)>>,
    logged: Vec<(&'static str, Tensor)>,
}

impl<'a> Step<'a> {
    pub(super) fn new(
        optimisers: &'a mut Optimisers,
        noise: Noise,
        place: Place,
        averages: Option<Vec<(String, Tensor)>>,
    ) -> Self {
        Self { optimisers, noise, place, averages, logged: Vec::new() }
    }

    /// The root of the names of the averaged weights before this step, for the groups that an epoch's file holds; none where
    /// no average is kept.
    pub fn averaged(&self) -> Option<Path<'static>> {
        let averages = self.averages.as_ref()?;
        let (_, first) = averages.first()?;
        Some(Path::of_tensors(averages.iter().cloned(), first.dtype(), first.device()))
    }

    /// Name of the phase.
    pub fn phase(&self) -> &'static str {
        self.place.phase
    }

    /// Finished epochs of the phase.
    pub fn epoch(&self) -> u32 {
        self.place.epoch
    }

    /// Training steps before this one, of all phases.
    pub fn step(&self) -> u64 {
        self.place.step
    }

    /// Moves the parameters of `group` down the gradient of `loss`, a scalar.
    ///
    /// # Errors
    /// [`Error::Gradient`] for a gradient that is not finite; nothing is changed then. [`Error::Operand`] for a group
    /// that the family does not have.
    pub fn minimise(&mut self, group: &str, loss: &Tensor) -> Result<()> {
        self.minimise_at(group, loss, 1.0)
    }

    /// As [`Step::minimise`], with `factor` times the learning rate.
    ///
    /// # Errors
    /// As [`Step::minimise`].
    pub fn minimise_at(&mut self, group: &str, loss: &Tensor, factor: f64) -> Result<()> {
        self.optimisers.get(group)?.step_at(&backward(loss)?, factor)
    }

    /// Records the scalar `name` for the log; the last value in a step counts.
    pub fn log(&mut self, name: &'static str, value: &Tensor) {
        let value = value.detach();
        match self.logged.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.logged.push((name, value)),
        }
    }

    /// `[n, columns]` from N(0, 1).
    ///
    /// # Errors
    /// Candle's, when memory runs out.
    pub fn normal(&mut self, n: usize, columns: usize) -> Result<Tensor> {
        self.noise.normal(n, columns)
    }

    /// `[n, columns]`, uniform from -1 to 1.
    ///
    /// # Errors
    /// Candle's, when memory runs out.
    pub fn uniform(&mut self, n: usize, columns: usize) -> Result<Tensor> {
        self.noise.uniform(n, columns)
    }

    /// `[n, 1]`, uniform from 0 to 1.
    ///
    /// # Errors
    /// Candle's, when memory runs out.
    pub fn fractions(&mut self, n: usize) -> Result<Tensor> {
        self.noise.fractions(n)
    }

    /// The logged values. They are read together, because each read waits for the device.
    pub(super) fn finish(self) -> Result<Losses> {
        if self.logged.is_empty() {
            return Ok(Losses::new());
        }
        let values: Vec<&Tensor> = self.logged.iter().map(|(_, value)| value).collect();
        let values: Vec<f64> = Tensor::stack(&values, 0)?.to_dtype(DType::F64)?.to_vec1()?;
        Ok(self.logged.iter().map(|(name, _)| *name).zip(values).collect())
    }
}

/// An optimiser for each group of parameters.
#[derive(Debug)]
pub(super) struct Optimisers(pub(super) Vec<(&'static str, Adam)>);

impl Optimisers {
    fn get(&mut self, group: &str) -> Result<&mut Adam> {
        let names = self.0.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let found = self.0.iter_mut().find(|(name, _)| *name == group);
        found.map(|(_, adam)| adam).ok_or_else(|| Error::operand("Step::minimise", "group", group, names))
    }

    /// Multiplies the learning rates of these groups.
    pub(super) fn decay(&mut self, groups: &[&str], factor: f64) -> Result<()> {
        self.0
            .iter_mut()
            .filter(|(name, _)| groups.contains(name))
            .try_for_each(|(_, adam)| adam.decay_rate(factor))
    }

    /// Moments, counters and learning rates.
    pub(super) fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut all = Vec::new();
        for (group, adam) in &self.0 {
            all.extend(adam.state()?.into_iter().map(|(key, tensor)| (prefix(group) + &key, tensor)));
        }
        Ok(all)
    }

    /// Restores what [`Optimisers::state`] returned.
    pub(super) fn restore(&mut self, state: BTreeMap<String, Tensor>) -> Result<()> {
        let mut parts: Vec<BTreeMap<String, Tensor>> = self.0.iter().map(|_| BTreeMap::new()).collect();
        for (name, tensor) in state {
            let of = |(group, _): &(&str, Adam)| name.strip_prefix(&prefix(group)).map(str::to_owned);
            let Some((place, key)) = self.0.iter().enumerate().find_map(|(i, part)| Some((i, of(part)?)))
            else {
                return Err(Error::operand(
                    "restore",
                    "state of the optimisers",
                    name,
                    "that of this family",
                ));
            };
            parts[place].insert(key, tensor);
        }
        self.0.iter_mut().zip(&parts).try_for_each(|((_, adam), part)| adam.restore(part))
    }
}

/// Whether a tensor of a checkpoint belongs to an optimiser.
pub(super) fn is_of_optimiser(name: &str) -> bool {
    name.starts_with("adam.")
}

fn prefix(group: &str) -> String {
    format!("adam.{group}.")
}
