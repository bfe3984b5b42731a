//! Normalisation of each channel over a batch.

use candle_core::{Tensor, Var};

use crate::Result;
use crate::ops::{batch_norm, batch_statistics};
use crate::parameters::{Init, Path};

/// Weight of a batch in the running statistics, as in PyTorch.
const MOMENTUM: f64 = 0.1;

/// Which statistics a batch normalisation uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// Those of the batch, which also move the running ones.
    Batch,
    /// The running ones.
    Running,
}

/// PyTorch's `BatchNorm3d`: parameters `weight` and `bias` of `[channels]`, running statistics `running_mean` and
/// `running_var`, and `num_batches_tracked`.
#[derive(Debug, Clone)]
pub struct BatchNorm3d {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_var: Var,
    n_batches: Var,
}

impl BatchNorm3d {
    /// A layer of `channels`.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn new(path: &Path<'_>, channels: usize) -> Result<Self> {
        Ok(Self {
            weight: path.parameter("weight", &[channels], Init::Constant(1.0))?,
            bias: path.parameter("bias", &[channels], Init::Constant(0.0))?,
            running_mean: path.buffer("running_mean", &[channels], 0.0)?,
            running_var: path.buffer("running_var", &[channels], 1.0)?,
            n_batches: path.buffer("num_batches_tracked", &[], 0.0)?,
        })
    }

    /// # Shapes
    /// `[n, channels, ..]` -> the same
    ///
    /// # Errors
    /// When `x` has other channels, or a single value per channel to take statistics of.
    pub fn forward(&self, x: &Tensor, statistics: Statistics) -> Result<Tensor> {
        let (mean, variance) = match statistics {
            Statistics::Batch => {
                let (mean, variance) = batch_statistics(x)?;
                self.track(&mean.detach(), &variance.detach(), x.elem_count() / mean.elem_count())?;
                (mean, variance)
            }
            Statistics::Running => {
                (self.running_mean.as_detached_tensor(), self.running_var.as_detached_tensor())
            }
        };
        batch_norm(x, &self.weight, &self.bias, &mean, &variance)
    }

    /// Moves the running statistics; that of the variance is the unbiased one, as in PyTorch.
    fn track(&self, mean: &Tensor, variance: &Tensor, n: usize) -> Result<()> {
        let unbiased = (variance * (n as f64 / (n as f64 - 1.0)))?;
        for (running, batch) in [(&self.running_mean, mean), (&self.running_var, &unbiased)] {
            let moved = ((running.as_detached_tensor() * (1.0 - MOMENTUM))? + (batch * MOMENTUM)?)?;
            running.set(&moved)?;
        }
        Ok(self.n_batches.set(&(self.n_batches.as_detached_tensor() + 1.0)?)?)
    }
}
