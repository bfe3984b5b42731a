//! Random tensors from streams keyed by (seed, purpose, index): the same on every machine and device.

use calo_core::random::{Purpose, stream};
use candle_core::{Device, Tensor};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::Result;

/// Rows of random numbers, each from a stream of its own: row i is the same however many rows are drawn.
#[derive(Debug, Clone, Copy)]
pub struct RandomRows {
    /// Seed of the request.
    pub seed: u64,
    /// What the numbers are for.
    pub purpose: Purpose,
    /// Number of the first row.
    pub first: u64,
    /// How many rows there are.
    pub n: usize,
}

/// Independent draws from N(0, 1).
///
/// # Shapes
/// `[rows.n, columns]`
///
/// # Errors
/// Candle's, when memory runs out.
pub fn standard_normal(rows: RandomRows, columns: usize, device: &Device) -> Result<Tensor> {
    rows_from(rows, columns, StandardNormal, device)
}

/// Independent draws, uniform from -1 to 1.
///
/// # Shapes
/// `[rows.n, columns]`
///
/// # Errors
/// Candle's, when memory runs out.
pub fn uniform(rows: RandomRows, columns: usize, device: &Device) -> Result<Tensor> {
    rows_from(rows, columns, Symmetric, device)
}

/// The uniform distribution from -1 to 1.
#[derive(Debug, Clone, Copy)]
struct Symmetric;

impl Distribution<f32> for Symmetric {
    fn sample<R: Rng + ?Sized>(&self, random: &mut R) -> f32 {
        2.0 * random.random::<f32>() - 1.0
    }
}

fn rows_from<D: Distribution<f32> + Copy>(
    RandomRows { seed, purpose, first, n }: RandomRows,
    columns: usize,
    distribution: D,
    device: &Device,
) -> Result<Tensor> {
    let mut values = Vec::with_capacity(n * columns);
    for row in 0..n as u64 {
        let random = stream(seed, purpose, first + row);
        values.extend(random.sample_iter::<f32, _>(distribution).take(columns));
    }
    Ok(Tensor::from_vec(values, (n, columns), device)?)
}

/// The random numbers of one step of training, in the order in which they are asked for.
#[derive(Debug)]
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

    /// `[n, columns]`, uniform from -1 to 1.
    pub(super) fn uniform(&mut self, n: usize, columns: usize) -> Result<Tensor> {
        let values = (0..n * columns).map(|_| self.random.sample::<f32, _>(Symmetric)).collect();
        Ok(Tensor::from_vec(values, (n, columns), &self.device)?)
    }

    /// `[n, 1]` from 0 to 1.
    pub(super) fn fractions(&mut self, n: usize) -> Result<Tensor> {
        let values: Vec<f32> = (0..n).map(|_| self.random.random()).collect();
        Ok(Tensor::from_vec(values, (n, 1), &self.device)?)
    }
}
