//! Showers of a trained model in a file.

mod incident;

use std::path::{Path, PathBuf};

use calo_core::{AtomicFile, Detector, Dtype, ShowerBatch};
use calo_data::ShowerWriter;
use calo_latent::Kde;
use serde::Serialize;

use crate::amplification::{DETECTOR, OBSERVED, ObservedShowers};
use crate::energies::is_same_energy;
use crate::files::{StorageOptions, refuse_input};
use crate::model::{LoadedModel, ModelChoice};
use crate::monitor::{Caller, Pass};
use crate::provenance::{self, Input};
use crate::sampling::{Generator, LatentSource};
use crate::{EnergyRange, Error, Result};

pub use incident::IncidentEnergies;

/// Which showers are generated, by which model.
#[derive(Debug, Clone, Serialize)]
pub struct GenerateRequest {
    /// The model.
    pub model: ModelChoice,
    /// Where the encoded latent variables come from; a density where there is one, N(0, 1) otherwise, unless told.
    pub latent: Option<LatentChoice>,
    /// Density of the latent variables, instead of the model's own.
    pub density: Option<PathBuf>,
    /// Incident energies.
    pub energies: IncidentEnergies,
    /// Number of showers.
    pub n_showers: u64,
    /// Another seed makes other showers.
    pub seed: u64,
    /// Number of the first shower: parts of one sample can be made apart.
    pub first: u64,
    /// Leave the showers as the decoder makes them.
    pub no_post_processor: bool,
    /// Write the observables of the showers instead, as `calo observe` does.
    pub observables: bool,
    /// File to write.
    pub out: PathBuf,
    /// How it is stored.
    pub storage: StorageOptions,
}

/// Where the encoded latent variables come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LatentChoice {
    /// N(0, 1).
    Normal,
    /// A kernel density, at the shower's energy.
    Kde,
    /// The prior, moved to better scores of the model's critic.
    Optimised,
}

/// What generated the showers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Epoch of the weights.
    pub epoch: u32,
    /// What the model is called.
    pub model: String,
}

/// Writes showers of a trained model. Shower i depends on the weights, the density, the seed and i alone: not on the
/// number of threads, nor on the part of a sample that is asked for.
///
/// # Errors
/// No model, no density where one is wanted, a full disk, an interruption.
pub fn generate(request: &GenerateRequest, caller: Caller<'_>) -> Result<Generated> {
    let model = request.model.load()?;
    let mut inputs = vec![model.weights.clone()];
    let latent = match density(request, &model)? {
        None if request.latent == Some(LatentChoice::Optimised) => LatentSource::Optimised,
        None => LatentSource::Prior,
        Some((kde, input)) => {
            inputs.push(input);
            LatentSource::Kde(Box::new(kde))
        }
    };
    let range = request.first..request.first.saturating_add(request.n_showers);
    let energies = request.energies.read(range.end.saturating_sub(1), caller)?;
    check_energies(energies.range(), request, &model)?;
    refuse_input(&request.out, &request.energies.file().into_iter().collect::<Vec<_>>())?;
    let shown = model.shown();
    let LoadedModel { detector, epoch, networks, .. } = model;
    let mut attributes = provenance::attributes_of(&inputs, caller)?;
    attributes.extend(request.energies.attributes()?);
    attributes.push(("epoch".to_owned(), epoch.to_string()));
    let n_stages = networks.stages().len();
    if request.no_post_processor && n_stages == 1 {
        return Err(Error::Usage(format!("--no-post-processor: {shown} has none; expected no such option")));
    }
    let n_stages = if request.no_post_processor { 1 } else { n_stages };
    let mut target = Target::create(request, &detector, attributes)?;
    let generator = Generator::new(&networks, latent, request.seed, n_stages)?;
    let mut progress = caller.begin(&Pass::showers("generating", Some(request.n_showers)));
    let energy_gev = |i| energies.gev(&generator, i);
    generator.for_each_block(range, energy_gev, caller, |block| {
        let batch = block.last()?;
        target.write(&batch, &detector)?;
        progress.advance(batch.len());
        Ok(())
    })?;
    drop(progress);
    target.finish(&request.out)?;
    Ok(Generated { epoch, model: shown })
}

/// That the model makes showers of these energies.
///
/// # Errors
/// A model that learned showers of another, single energy.
fn check_energies(wanted: EnergyRange, request: &GenerateRequest, model: &LoadedModel) -> Result<()> {
    if model.networks.family().takes_energy() {
        return Ok(());
    }
    let Some(only) = model.description.data.as_ref().and_then(|data| data.only_energy_gev) else {
        return Ok(());
    };
    if is_same_energy(wanted.low_gev, only) && is_same_energy(wanted.high_gev, only) {
        return Ok(());
    }
    let problem = format!(
        "{}: {} makes showers of {only} GeV alone, which it was trained on; expected --energy {only}",
        request.energies,
        model.shown()
    );
    Err(Error::Usage(problem))
}

/// Where showers go.
enum Target {
    /// A file of showers.
    Showers(Box<ShowerWriter>),
    /// Observables, kept until all are there, and the attributes of their file.
    Observables(Box<ObservedShowers>, Vec<(String, String)>),
}

impl Target {
    fn create(
        request: &GenerateRequest,
        detector: &Detector,
        mut attributes: Vec<(String, String)>,
    ) -> Result<Self> {
        if request.observables {
            attributes.push((DETECTOR.to_owned(), detector.to_toml()?));
            // A place that cannot be written shall not be found out after hours.
            drop(AtomicFile::create(&request.out)?);
            return Ok(Self::Observables(Box::default(), attributes));
        }
        let mut options = request.storage.with_attributes(detector.grid, Dtype::F32, attributes);
        options.group.get_or_insert_with(|| detector.hdf5.group.clone());
        Ok(Self::Showers(Box::new(ShowerWriter::create(&request.out, &options)?)))
    }

    fn write(&mut self, batch: &ShowerBatch<f32>, detector: &Detector) -> Result<()> {
        match self {
            Self::Showers(writer) => Ok(writer.write(batch)?),
            Self::Observables(observed, _) => observed.push(batch, detector),
        }
    }

    fn finish(self, out: &Path) -> Result<()> {
        match self {
            Self::Showers(writer) => Ok(writer.finish()?),
            Self::Observables(observed, attributes) => observed.write(out, &OBSERVED, &attributes),
        }
    }
}

/// The density to sample from, and where it is; none for the prior.
fn density(request: &GenerateRequest, model: &LoadedModel) -> Result<Option<(Kde, Input)>> {
    match (request.latent, &request.density) {
        (Some(LatentChoice::Normal | LatentChoice::Optimised), None) => Ok(None),
        (Some(LatentChoice::Normal | LatentChoice::Optimised), Some(_)) => {
            Err(Error::Usage("--density is for --latent kde".to_owned()))
        }
        (wanted, path) => {
            if wanted.is_some() {
                model.encoder()?;
            }
            let density = model.density(path.as_deref())?;
            if density.is_none() && wanted.is_some() {
                let problem = format!("--latent kde needs --density FILE: {} holds none", model.shown());
                return Err(Error::Usage(problem));
            }
            Ok(density)
        }
    }
}
