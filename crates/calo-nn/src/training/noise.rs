//! Random tensors from streams keyed by (seed, purpose, index): the same on every machine and device.

use calo_core::random::{Purpose, stream};
use candle_core::{Device, Tensor};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::Result;

/// Independent draws from N(0, 1), one stream a row: row i is the same however many rows are drawn.
///
/// # Shapes
/// `[n, columns]` for the `n` rows from `first` on
///
/// # Errors
/// Candle's, when memory runs out.
pub fn standard_normal(
    (seed, purpose): (u64, Purpose),
    first: u64,
    (n, columns): (usize, usize),
    device: &Device,
) -> Result<Tensor> {
    let mut values = Vec::with_capacity(n * columns);
    for row in 0..n as u64 {
        let random = stream(seed, purpose, first + row);
        values.extend(random.sample_iter::<f32, _>(StandardNormal).take(columns));
    }
    Ok(Tensor::from_vec(values, (n, columns), device)?)
}

/// The random numbers of one step of training, in the order in which they are asked for.
pub(super) struct Noise {
    random: ChaCha8Rng,
    device: Device,
}

impl Noise {
    pub(super) fn new(seed: u64, purpose: Purpose, index: u64, device: &Device) -> Self {
        Self { random: stream(seed, purpose, index), device: device.clone() }
    }

    /// `[n, columns]` from N(0, 1).
    pub(super) fn normal(&mut self, n: usize, columns: usize) -> Result<Tensor> {
        let values = (0..n * columns).map(|_| self.random.sample::<f32, _>(StandardNormal)).collect();
        Ok(Tensor::from_vec(values, (n, columns), &self.device)?)
    }

    /// `[n, 1]` from 0 to 1.
    pub(super) fn fractions(&mut self, n: usize) -> Result<Tensor> {
        let values: Vec<f32> = (0..n).map(|_| self.random.random()).collect();
        Ok(Tensor::from_vec(values, (n, 1), &self.device)?)
    }
}
