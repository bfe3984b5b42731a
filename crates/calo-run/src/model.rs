//! A trained model applied to showers in memory: arrays in, arrays out.

use std::path::{Path, PathBuf};

use calo_core::random::Purpose;
use calo_core::{Detector, ShowerBatch};
use calo_latent::{Kde, gaussian_divergence};
use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::device;
use calo_nn::engine::{Encode, Posterior, RandomRows, ShowerModel, standard_normal};
use calo_nn::families;
use ndarray::{Array2, Array4, ArrayView2, ArrayView4, Axis};
use serde::Serialize;

use crate::error::{Context as _, ensure};
use crate::provenance::{Input, hash_file};
use crate::run_folder::{EpochChoice, RunDescription, RunFolder};
use crate::{Result, density};

mod built_in;

pub use built_in::NAME as BUILT_IN;
pub use calo_nn::device::Precision;

/// Showers that go through the networks together. Fixed, so that results do not depend on it.
pub const BATCH: usize = 64;

/// Noise of sampled z.
const NOISE: Purpose = Purpose::new("encoder noise");

/// Where networks compute, and how precisely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compute {
    /// `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// What convolutions and products compute with.
    pub precision: Precision,
}

impl Default for Compute {
    fn default() -> Self {
        Self { device: "cpu".to_owned(), precision: Precision::default() }
    }
}

impl Compute {
    /// The device, set up, and the element type of networks there.
    ///
    /// # Errors
    /// A device that is not there, or that has no such precision.
    pub fn select(&self) -> Result<(Device, DType)> {
        let device = device::select(&self.device)?;
        let dtype = self.precision.prepare(&device)?;
        Ok((device, dtype))
    }
}

/// Which weights to use, and where.
#[derive(Debug, Clone, Serialize)]
pub struct ModelChoice {
    /// Folder of a run or of an exported model, instead of the built-in model of photons in `ild-ecal`.
    pub run: Option<PathBuf>,
    /// Which epoch of it.
    pub epoch: EpochChoice,
    /// Where to compute.
    pub compute: Compute,
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self { run: None, epoch: EpochChoice::Best, compute: Compute::default() }
    }
}

/// One epoch of a run, and its networks.
pub struct LoadedModel {
    /// Where it comes from.
    pub place: Place,
    /// What was trained, on what.
    pub description: RunDescription,
    /// The detector of its showers.
    pub detector: Detector,
    /// The epoch.
    pub epoch: u32,
    /// The weights.
    pub weights: Input,
    /// Their BLAKE3 hash.
    pub weights_blake3: String,
    /// The networks.
    pub networks: ShowerModel,
}

/// Where a model comes from.
pub enum Place {
    /// The folder of a run.
    Folder(RunFolder),
    /// This program.
    BuiltIn,
}

impl ModelChoice {
    /// Opens the run and loads the weights.
    ///
    /// # Errors
    /// No run folder, an epoch that was not kept, weights that are damaged, foreign or of another grid.
    pub fn load(&self) -> Result<LoadedModel> {
        let (device, dtype) = self.compute.select()?;
        let Some(run) = &self.run else { return built_in::load(&device, dtype) };
        let run = RunFolder::new(run);
        let (description, detector) = (run.describe()?, run.detector()?);
        let (weights, epoch) = run.weights_of(self.epoch)?;
        let networks = ShowerModel::load(&weights, families::ALL, &device, dtype)?;
        let (found, expected) = (networks.grid(), detector.grid.shape());
        ensure!(
            found == expected,
            "{}: networks on a grid {found:?}; expected {expected:?}, that of {}",
            weights.display(),
            run.detector_file().display()
        );
        let weights_blake3 = hash_file(&weights)?;
        let (place, weights) = (Place::Folder(run), Input::File(weights));
        Ok(LoadedModel { place, description, detector, epoch, weights, weights_blake3, networks })
    }
}

impl LoadedModel {
    /// What to call it.
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Folder(run) => run.path().display().to_string(),
            Place::BuiltIn => built_in::NAME.to_owned(),
        }
    }

    /// Name or file of its detector.
    pub fn detector_source(&self) -> String {
        match &self.place {
            Place::Folder(run) => run.detector_file().display().to_string(),
            Place::BuiltIn => self.detector.name.clone(),
        }
    }

    /// The weight of the divergence that it was trained with, where its family has one.
    pub fn beta_kld(&self) -> Option<f64> {
        self.networks.family().tables().ok()?.losses.get("kld")?.as_float()
    }

    /// The encoder.
    ///
    /// # Errors
    /// A model of a family that encodes no showers.
    pub fn encoder(&self) -> Result<&dyn Encode> {
        self.networks.encoder().with_context(|| {
            format!(
                "{}: a model of family {}, which has no encoder; expected one that encodes showers",
                self.shown(),
                self.networks.family().family()
            )
        })
    }

    /// The density of its latent variables in `path`, or the one that it came with, and where that is.
    ///
    /// # Errors
    /// A file that is no density, or one of another number of variables or of other weights; a model without encoder.
    pub fn density(&self, path: Option<&Path>) -> Result<Option<(Kde, Input)>> {
        let own = match &self.place {
            Place::Folder(run) => Some(run.density()).filter(|path| path.is_file()),
            Place::BuiltIn => None,
        };
        match (path.map(Path::to_owned).or(own), &self.place) {
            (Some(path), _) => {
                let kde = density::load(&path, self.encoder()?.n_encoded(), &self.weights_blake3)?;
                Ok(Some((kde, Input::File(path))))
            }
            (None, Place::BuiltIn) => built_in::density(self).map(Some),
            (None, Place::Folder(_)) => Ok(None),
        }
    }
}

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
fn matrix(tensor: &Tensor) -> Result<Array2<f32>> {
    let (n, m) = tensor.dims2()?;
    Ok(Array2::from_shape_vec((n, m), tensor.flatten_all()?.to_vec1()?)?)
}
