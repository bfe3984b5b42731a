//! Mean and standard deviation of training values, as buffers that are saved with the weights.

use candle_core::{Tensor, Var};

use crate::Result;
use crate::parameters::Path;

/// Added to variances: cells that never vary stay finite.
const LEAST_VARIANCE: f64 = 1e-6;

/// Mean and standard deviation over the showers of the first steps of a run.
#[derive(Debug, Clone)]
pub(super) struct Standardisation {
    mean: Var,
    mean_square: Var,
    n_steps: Var,
    /// Power of the deviation that values are divided by: 1 makes all vary alike, 0 keeps how they vary.
    power: f64,
}

impl Standardisation {
    /// Of values of this shape for each shower; nothing is changed before the first [`update`](Self::update).
    pub(super) fn new(path: &Path<'_>, shape: &[usize], power: f64) -> Result<Self> {
        let shape: Vec<usize> = [1].iter().chain(shape).copied().collect();
        Ok(Self {
            mean: path.buffer("mean", &shape, 0.0)?,
            mean_square: path.buffer("mean_square", &shape, 1.0)?,
            n_steps: path.buffer("n_steps", &[], 0.0)?,
            power,
        })
    }

    /// Adds a batch to the averages.
    ///
    /// # Shapes
    /// `[n, ..]`
    pub(super) fn update(&self, batch: &Tensor) -> Result<()> {
        let batch = batch.detach();
        let n_steps = (self.n_steps.as_detached_tensor() + 1.0)?;
        let share = n_steps.recip()?;
        for (average, value) in
            [(&self.mean, batch.mean_keepdim(0)?), (&self.mean_square, batch.sqr()?.mean_keepdim(0)?)]
        {
            let old = average.as_detached_tensor();
            average.set(&(&old + (value - &old)?.broadcast_mul(&share)?)?)?;
        }
        Ok(self.n_steps.set(&n_steps)?)
    }

    /// What values are divided by.
    fn deviation(&self) -> Result<Tensor> {
        let mean = self.mean.as_detached_tensor();
        let variance = (self.mean_square.as_detached_tensor() - mean.sqr()?)?;
        Ok((variance.relu()? + LEAST_VARIANCE)?.powf(0.5 * self.power)?)
    }

    /// In standard deviations from the mean, where the power is 1.
    pub(super) fn standardised(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.broadcast_sub(&self.mean.as_detached_tensor())?;
        Ok(x.broadcast_div(&self.deviation()?)?)
    }

    /// Back from standard deviations.
    pub(super) fn restored(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.broadcast_mul(&self.deviation()?)?;
        Ok(x.broadcast_add(&self.mean.as_detached_tensor())?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::parameters::Parameters;

    #[test]
    fn all_batches_count_alike() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let cells = Standardisation::new(&parameters.path().join("cells"), &[2], 1.0).unwrap();
        for batch in [[[1.0, 5.0], [3.0, 5.0]], [[5.0, 5.0], [7.0, 5.0]]] {
            cells.update(&Tensor::new(&batch, &Device::Cpu).unwrap()).unwrap();
        }
        // 1, 3, 5, 7: mean 4, variance 5; the other cell does not vary.
        let x = Tensor::new(&[[4.0 + 2.0 * 5.0_f64.sqrt(), 5.0]], &Device::Cpu).unwrap();
        let standardised = cells.standardised(&x).unwrap();
        let values: Vec<Vec<f64>> = standardised.to_vec2().unwrap();
        assert!((values[0][0] - 2.0).abs() < 1e-6 && values[0][1].abs() < 1e-12, "{values:?}");
        let restored: Vec<Vec<f64>> = cells.restored(&standardised).unwrap().to_vec2().unwrap();
        assert!((restored[0][0] - 4.0 - 2.0 * 5.0_f64.sqrt()).abs() < 1e-12, "{restored:?}");
        assert_eq!(parameters.trainable().len(), 0);
    }
}
