//! How networks are optimised, whatever the family.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::field::{Allowed, check, error, within};
use crate::optimiser::AdamConfig;

/// Parameters that share an optimiser: those whose names begin with the group's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// Its name in files, and its key among the learning rates.
    pub name: &'static str,
    /// The published learning rate.
    pub learning_rate: f64,
}

impl Group {
    /// Whether a parameter is one of group `group`.
    pub(crate) fn holds(group: &str, parameter: &str) -> bool {
        parameter.strip_prefix(group).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// The table `optim` of a configuration. A family's published settings are its defaults
/// ([`FamilyConfig::default_optim`](super::FamilyConfig::default_optim)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimConfig {
    /// Passes over the training showers.
    pub epochs: u32,
    /// Showers in a batch.
    pub batch_showers: usize,
    /// Adam's learning rate of each group of parameters in its first epoch.
    pub learning_rate: BTreeMap<String, f64>,
    /// Factor of all learning rates from one epoch to the next.
    pub lr_decay: f64,
    /// Adam's decay of the mean gradient and of the mean squared gradient.
    pub betas: [f64; 2],
    /// Decay per step of the exponential moving average of the exported weights. If it is above 0, the averaged weights
    /// are used for validation and generation; 0, as published, means the weights themselves.
    pub ema_decay: f64,
}

impl OptimConfig {
    /// Published settings: `groups` at their learning rates, without a moving average.
    pub fn published(epochs: u32, batch_showers: usize, betas: [f64; 2], groups: &[Group]) -> Self {
        let learning_rate = groups.iter().map(|group| (group.name.to_owned(), group.learning_rate)).collect();
        Self { epochs, batch_showers, learning_rate, lr_decay: 1.0, betas, ema_decay: 0.0 }
    }

    /// Checks every field, for these groups of parameters.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) naming the first field that cannot be, its value and what is allowed.
    pub fn validate(&self, groups: &[Group]) -> Result<()> {
        let counts = [("epochs", u64::from(self.epochs)), ("batch_showers", self.batch_showers as u64)];
        if let Some((field, value)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err(error(field, value, "at least 1"));
        }
        check("lr_decay", self.lr_decay, Allowed::AboveZero)?;
        if !(0.0..1.0).contains(&self.ema_decay) {
            return Err(error("ema_decay", self.ema_decay, "at least 0 and less than 1"));
        }
        let names = || groups.iter().map(|group| group.name).collect::<Vec<_>>().join(", ");
        for (name, rate) in &self.learning_rate {
            if !groups.iter().any(|group| group.name == name) {
                let expected = format!("a group of parameters of this family: {}", names());
                return Err(error(&format!("learning_rate.{name}"), rate, &expected));
            }
        }
        for group in groups {
            let Some(rate) = self.learning_rate.get(group.name) else {
                return Err(error(&format!("learning_rate.{}", group.name), "none", "a number above 0"));
            };
            if !(*rate > 0.0 && rate.is_finite()) {
                return Err(error(&format!("learning_rate.{}", group.name), rate, "a number above 0"));
            }
            within("betas", self.adam(*rate).validate())?;
        }
        Ok(())
    }

    /// Settings of Adam at `rate`.
    pub(crate) fn adam(&self, rate: f64) -> AdamConfig {
        let [beta1, beta2] = self.betas;
        AdamConfig { rate, beta1, beta2, ..AdamConfig::default() }
    }
}
