//! A trained model: which one, and its weights, loaded.

use std::path::{Path, PathBuf};

use calo_core::Detector;
use calo_latent::Kde;
use calo_nn::candle::{DType, Device};
use calo_nn::device;
use calo_nn::engine::{Encode, ShowerModel};
use calo_nn::families;
use serde::Serialize;

use crate::error::{Context as _, ensure};
use crate::provenance::{Input, hash_bytes, hash_file};
use crate::run_folder::{EpochChoice, RunDescription, RunFolder};
use crate::{Result, density_file};

mod built_in;

pub use built_in::{BuiltInModel, MODELS};
pub use calo_nn::device::Precision;

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
    /// Where they come from.
    pub source: ModelSource,
    /// Which epoch of a run.
    pub epoch: EpochChoice,
    /// Where to compute.
    pub compute: Compute,
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum ModelSource {
    /// Folder of a run or of an exported model.
    Run(PathBuf),
    /// A model that comes with the program, by its name.
    BuiltIn(String),
    /// The one for this incident particle.
    Particle(String),
}

impl Default for ModelChoice {
    fn default() -> Self {
        let source = ModelSource::Particle("gamma".to_owned());
        Self { source, epoch: EpochChoice::Best, compute: Compute::default() }
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
    BuiltIn(&'static BuiltInModel),
}

impl ModelChoice {
    /// Opens the run and loads the weights.
    ///
    /// # Errors
    /// No run folder, an epoch that was not kept, weights that are damaged, foreign or of another grid.
    pub fn load(&self) -> Result<LoadedModel> {
        let (device, dtype) = self.compute.select()?;
        let run = match &self.source {
            ModelSource::Run(run) => RunFolder::new(run),
            ModelSource::BuiltIn(name) => {
                return LoadedModel::built_in(built_in::called(name)?, &device, dtype);
            }
            ModelSource::Particle(particle) => {
                return LoadedModel::built_in(built_in::of(particle)?, &device, dtype);
            }
        };
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
    /// A model that comes with the program, on `device`.
    ///
    /// # Errors
    /// Candle's.
    fn built_in(model: &'static BuiltInModel, device: &Device, dtype: DType) -> Result<Self> {
        let name = model.shown();
        let description: RunDescription =
            serde_json::from_str(model.description).with_context(|| format!("{name}: run.json"))?;
        let epoch = description.exported.as_ref().map(|exported| exported.epoch);
        let epoch = epoch.with_context(|| format!("{name}: run.json: is not of an exported model"))?;
        let weights_blake3 = hash_bytes(model.weights);
        Ok(Self {
            place: Place::BuiltIn(model),
            description,
            detector: Detector::parse(model.detector, &name)?,
            epoch,
            networks: ShowerModel::from_bytes(Path::new(&name), model.weights, families::ALL, device, dtype)?,
            weights: Input::BuiltIn { name, blake3: weights_blake3.clone() },
            weights_blake3,
        })
    }

    /// What to call it.
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Folder(run) => run.path().display().to_string(),
            Place::BuiltIn(model) => model.shown(),
        }
    }

    /// Name or file of its detector.
    pub fn detector_source(&self) -> String {
        match &self.place {
            Place::Folder(run) => run.detector_file().display().to_string(),
            Place::BuiltIn(_) => self.detector.name.clone(),
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
            Place::BuiltIn(_) => None,
        };
        match (path.map(Path::to_owned).or(own), &self.place) {
            (Some(path), _) => {
                let kde = density_file::load(&path, self.encoder()?.n_encoded(), &self.weights_blake3)?;
                Ok(Some((kde, Input::File(path))))
            }
            (None, Place::BuiltIn(model)) => {
                let name = format!("{}, density", model.shown());
                let place = Path::new(&name);
                let kde = Kde::from_bytes(place, model.density)?;
                let n_encoded = self.encoder()?.n_encoded();
                let kde = density_file::checked(kde, place, n_encoded, &self.weights_blake3)?;
                let blake3 = hash_bytes(model.density);
                Ok(Some((kde, Input::BuiltIn { name, blake3 })))
            }
            (None, Place::Folder(_)) => Ok(None),
        }
    }
}
