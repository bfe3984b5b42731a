//! A trained model applied to showers in memory: arrays in, arrays out.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use calo_core::Detector;
use calo_latent::Kde;
use calo_metrics::results::DetectorInfo;
use calo_nn::candle::{Device, Tensor};
use calo_nn::models::bibae::Posterior;
use calo_nn::training::ShowerModel;
use ndarray::{Array2, Array4, ArrayView2, ArrayView4};

use crate::args::DeviceOptions;
use crate::provenance::Input;
use crate::run_folder::{EpochChoice, RunDescription, RunFolder};
use crate::{built_in, density};

/// Showers that go through the networks together. Fixed, so that results do not depend on it.
pub(crate) const BATCH: usize = 64;

/// Which weights to use, and where.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ModelOptions {
    /// Folder of a training or of a released model, instead of the built-in model of photons in `ild-ecal`
    #[arg(long, value_name = "FOLDER")]
    run: Option<PathBuf>,
    /// Epoch: best, or a number
    #[arg(long, default_value = "best", value_name = "best|N", requires = "run")]
    epoch: EpochChoice,
    #[command(flatten)]
    compute: DeviceOptions,
}

/// One epoch of a training, and its networks.
pub(crate) struct LoadedModel {
    pub(crate) place: Place,
    pub(crate) description: RunDescription,
    pub(crate) detector: Detector,
    pub(crate) epoch: u32,
    /// The weights.
    pub(crate) weights: Input,
    /// Their BLAKE3 hash.
    pub(crate) weights_blake3: String,
    pub(crate) networks: ShowerModel,
}

/// Where a model comes from.
pub(crate) enum Place {
    /// The folder of a run.
    Folder(RunFolder),
    /// This program.
    BuiltIn,
}

impl ModelOptions {
    /// Opens the run and loads the weights.
    ///
    /// # Errors
    /// No run folder, an epoch that was not kept, weights that are damaged, foreign or of another grid.
    pub(crate) fn load(&self) -> anyhow::Result<LoadedModel> {
        let (device, dtype) = self.compute.select()?;
        let Some(run) = &self.run else { return built_in::load(&device, dtype) };
        let run = RunFolder::new(run);
        let (description, detector) = (run.describe()?, run.detector()?);
        let (weights, epoch) = run.weights_of(self.epoch)?;
        let networks = ShowerModel::load(&weights, &device, dtype)?;
        let (found, expected) = (networks.grid(), detector.grid.shape());
        ensure!(
            found == expected,
            "{}: networks on a grid {found:?}; expected {expected:?}, that of {}",
            weights.display(),
            run.detector_file().display()
        );
        let weights_blake3 = calo_core::hash_file(&weights)?;
        let (place, weights) = (Place::Folder(run), Input::File(weights));
        Ok(LoadedModel { place, description, detector, epoch, weights, weights_blake3, networks })
    }
}

impl LoadedModel {
    /// What to call it.
    pub(crate) fn shown(&self) -> String {
        match &self.place {
            Place::Folder(run) => run.path().display().to_string(),
            Place::BuiltIn => built_in::NAME.to_owned(),
        }
    }

    /// Name or file of its detector.
    pub(crate) fn detector_source(&self) -> String {
        match &self.place {
            Place::Folder(run) => run.detector_file().display().to_string(),
            Place::BuiltIn => self.detector.name.clone(),
        }
    }

    /// The density of its latent variables in `path`, or the one that it came with, and where that is.
    ///
    /// # Errors
    /// As [`density::load`].
    pub(crate) fn density(&self, path: Option<&Path>) -> anyhow::Result<Option<(Kde, Input)>> {
        let own = match &self.place {
            Place::Folder(run) => Some(run.density()).filter(|path| path.is_file()),
            Place::BuiltIn => None,
        };
        match (path.map(Path::to_owned).or(own), &self.place) {
            (Some(path), _) => {
                let kde = density::load(&path, self.networks.encoded(), &self.weights_blake3)?;
                Ok(Some((kde, Input::File(path))))
            }
            (None, Place::BuiltIn) => built_in::density(self).map(Some),
            (None, Place::Folder(_)) => Ok(None),
        }
    }
}

/// What results say of the detector.
pub(crate) fn detector_info(detector: &Detector) -> DetectorInfo {
    DetectorInfo {
        name: detector.name.clone(),
        grid: detector.grid.shape(),
        cell_size_mm: detector.readout.cell_size_mm,
        mip_mev: detector.readout.mip_mev,
        cell_cut_mev: detector.readout.cell_cut_mev,
    }
}

/// Latent variables of some showers.
pub(crate) struct Encoded {
    /// `[shower, variable]`.
    pub(crate) mean: Array2<f32>,
    /// `[shower, variable]`.
    pub(crate) log_variance: Array2<f32>,
    /// Drawn from these, `[shower, variable]`.
    pub(crate) z: Array2<f32>,
}

/// Encodes at most [`BATCH`] showers, shower i with row i of `noise`.
///
/// # Shapes
/// `cells_mev` `[n, layer, x, y]`, `noise` `[n, encoded]`.
pub(crate) fn encode(
    model: &ShowerModel,
    cells_mev: ArrayView4<'_, f32>,
    energies_gev: &[f64],
    noise: &Tensor,
) -> anyhow::Result<Encoded> {
    let posterior = posterior(model, cells_mev, energies_gev)?;
    let z = posterior.sample(noise)?;
    Ok(Encoded {
        mean: matrix(&posterior.mean)?,
        log_variance: matrix(&posterior.log_variance)?,
        z: matrix(&z)?,
    })
}

/// Distributions of the latent variables of at most [`BATCH`] showers.
///
/// # Shapes
/// `cells_mev` `[n, layer, x, y]`.
pub(crate) fn posterior(
    model: &ShowerModel,
    cells_mev: ArrayView4<'_, f32>,
    energies_gev: &[f64],
) -> anyhow::Result<Posterior> {
    let cells: Vec<f32> = cells_mev.iter().copied().collect();
    let cells = Tensor::from_vec(cells, cells_mev.dim(), model.device())?;
    Ok(model.encode(&cells, &energy_tensor(energies_gev, model.device())?)?)
}

/// Showers of latent variables, cells never negative; through the post-processor if that is wanted.
///
/// # Shapes
/// `z` `[n, latent]` to `[n, layer, x, y]`, MeV.
pub(crate) fn decode(
    model: &ShowerModel,
    z: ArrayView2<'_, f32>,
    energies_gev: &[f64],
    post_process: bool,
) -> anyhow::Result<Array4<f32>> {
    let values: Vec<f32> = z.iter().copied().collect();
    let z = Tensor::from_vec(values, z.dim(), model.device())?;
    let energies = energy_tensor(energies_gev, model.device())?;
    let mut decoded = model.decode(&z, &energies)?;
    if post_process {
        decoded = model.post_process(&decoded, &energies)?;
    }
    cells_of(&decoded)
}

/// What networks make as files have it: they may produce any number, files hold energies.
///
/// # Shapes
/// `[n, 1, layer, x, y]` to `[n, layer, x, y]`, MeV, none negative.
pub(crate) fn cells_of(showers: &Tensor) -> anyhow::Result<Array4<f32>> {
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
pub(crate) fn energy_tensor(energies_gev: &[f64], device: &Device) -> anyhow::Result<Tensor> {
    let energies: Vec<f32> = energies_gev.iter().map(|&energy| energy as f32).collect();
    let n = energies.len();
    Ok(Tensor::from_vec(energies, (n, 1), device)?)
}

/// A tensor of two axes as an array.
pub(crate) fn matrix(tensor: &Tensor) -> anyhow::Result<Array2<f32>> {
    let (n, m) = tensor.dims2()?;
    Ok(Array2::from_shape_vec((n, m), tensor.flatten_all()?.to_vec1()?)?)
}
