//! Networks applied to showers in memory: arrays in, arrays out.

use calo_core::ShowerBatch;
use calo_core::random::Purpose;
use calo_latent::gaussian_divergence;
use calo_nn::candle::{Device, Tensor};
use calo_nn::engine::{Encode, Posterior, RandomRows, ShowerModel, standard_normal};
use ndarray::{Array2, Array4, ArrayView2, ArrayView4, Axis};

use crate::Result;
use crate::error::{Context as _, ensure};
use crate::model::LoadedModel;

/// Showers that go through the networks together. Fixed, so that results do not depend on it.
pub const BATCH: usize = 64;

/// Noise of sampled z.
const NOISE: Purpose = Purpose::new("encoder noise");

/// Latent variables of some showers.
pub struct Encoded {
    /// `[shower, variable]`.
    pub mean: Array2<f32>,
    /// `[shower, variable]`.
    pub log_variance: Array2<f32>,
    /// Drawn from these, `[shower, variable]`.
    pub z: Array2<f32>,
}

/// Encodes at most [`BATCH`] showers, each with noise that depends on the seed and its number alone.
///
/// # Shapes
/// `cells_mev` `[n, layer, x, y]`.
///
/// # Errors
/// Candle's.
pub fn encode(
    model: &LoadedModel,
    cells_mev: ArrayView4<'_, f32>,
    energies_gev: &[f64],
    numbers: &[u64],
    seed: u64,
) -> Result<Encoded> {
    let (encoder, device) = (model.encoder()?, model.networks.device());
    let row = |&number| {
        let row = RandomRows { seed, purpose: NOISE, first: number, n: 1 };
        standard_normal(row, encoder.n_encoded(), device)
    };
    let rows = numbers.iter().map(row).collect::<calo_nn::Result<Vec<_>>>()?;
    let noise = Tensor::cat(&rows, 0)?;
    let posterior = posterior(encoder, device, cells_mev, energies_gev)?;
    let z = posterior.sample(&noise)?;
    Ok(Encoded {
        mean: matrix(&posterior.mean)?,
        log_variance: matrix(&posterior.log_variance)?,
        z: matrix(&z)?,
    })
}

/// Mean divergence of each encoded variable from N(0, 1) over `showers`, nats.
///
/// # Errors
/// Candle's; an encoder that gives no numbers.
pub fn divergences(
    model: &ShowerModel,
    encoder: &dyn Encode,
    showers: &ShowerBatch<f32>,
) -> Result<Vec<f64>> {
    let mut sums = vec![0.0; encoder.n_encoded()];
    let chunks = showers.cells_mev.axis_chunks_iter(Axis(0), BATCH);
    for (cells_mev, energies_gev) in chunks.zip(showers.energies_gev.chunks(BATCH)) {
        let posterior = posterior(encoder, model.device(), cells_mev, energies_gev)?;
        let (mean, log_variance) = (matrix(&posterior.mean)?, matrix(&posterior.log_variance)?);
        for (mean, log_variance) in mean.rows().into_iter().zip(log_variance.rows()) {
            for ((sum, mean), log_variance) in sums.iter_mut().zip(mean).zip(log_variance) {
                *sum += gaussian_divergence(f64::from(*mean), f64::from(*log_variance));
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 showers")]
    let n = showers.len() as f64;
    Ok(sums.into_iter().map(|sum| sum / n).collect())
}

/// Distributions of the latent variables of at most [`BATCH`] showers.
///
/// # Shapes
/// `cells_mev` `[n, layer, x, y]`.
fn posterior(
    encoder: &dyn Encode,
    device: &Device,
    cells_mev: ArrayView4<'_, f32>,
    energies_gev: &[f64],
) -> Result<Posterior> {
    let cells: Vec<f32> = cells_mev.iter().copied().collect();
    let cells = Tensor::from_vec(cells, cells_mev.dim(), device)?;
    Ok(encoder.encode(&cells, &energy_tensor(energies_gev, device)?)?)
}

/// Showers of latent variables behind the first `n_stages` stages, cells never negative.
///
/// # Shapes
/// `z` `[n, latent]` to `[n, layer, x, y]`, MeV.
///
/// # Errors
/// Candle's; cells that are not finite.
pub fn decode(
    model: &ShowerModel,
    z: ArrayView2<'_, f32>,
    energies_gev: &[f64],
    n_stages: usize,
) -> Result<Array4<f32>> {
    let values: Vec<f32> = z.iter().copied().collect();
    let z = Tensor::from_vec(values, z.dim(), model.device())?;
    let stages = model.sample(&z, &energy_tensor(energies_gev, model.device())?, n_stages)?;
    cells_of(stages.last().context("the model makes no showers")?)
}

/// What networks make as files have it: they may produce any number, files hold energies.
///
/// # Shapes
/// `[n, 1, layer, x, y]` to `[n, layer, x, y]`, MeV, none negative.
pub(crate) fn cells_of(showers: &Tensor) -> Result<Array4<f32>> {
    let (n, _, layers, nx, ny) = showers.dims5()?;
    let mut cells: Vec<f32> = showers.flatten_all()?.to_vec1()?;
    for cell in &mut cells {
        ensure!(cell.is_finite(), "the model makes a cell of {cell} MeV; expected finite energies");
        *cell = cell.max(0.0);
    }
    Ok(Array4::from_shape_vec((n, layers, nx, ny), cells)?)
}

/// Incident energies for the networks.
///
/// # Shapes
/// `[n]` to `[n, 1]`.
#[expect(clippy::cast_possible_truncation, reason = "networks compute in 32 bits")]
pub(crate) fn energy_tensor(energies_gev: &[f64], device: &Device) -> Result<Tensor> {
    let energies: Vec<f32> = energies_gev.iter().map(|&energy| energy as f32).collect();
    let n = energies.len();
    Ok(Tensor::from_vec(energies, (n, 1), device)?)
}

/// A tensor of two axes as an array.
pub(crate) fn matrix(tensor: &Tensor) -> Result<Array2<f32>> {
    let (n, m) = tensor.dims2()?;
    Ok(Array2::from_shape_vec((n, m), tensor.flatten_all()?.to_vec1()?)?)
}
