//! What a trained model's latent variables say, as numbers and figures.

mod decoded;
mod encoded;
mod sampled;

use std::path::{Path, PathBuf};

use calo_data::Part;
use calo_latent::{Kde, KdeSettings, KernelCovariance};
use calo_metrics::results::Gap;
use calo_report::ReportFiles;
use calo_report::latent::{DataInfo, DensityInfo, LatentResults, ModelInfo, SCHEMA_VERSION};
use serde::Serialize;

use crate::files::{InputOptions, create_folder, write_json};
use crate::measures::detector_info;
use crate::model::{LoadedModel, ModelChoice};
use crate::monitor::Caller;
use crate::parts::{self, DataFile, PartChoice};
use crate::provenance::{VERSION, hash_file};
use crate::{Result, density};
use decoded::Generation;
use encoded::EncodedShowers;

/// Variables whose correlations are tabled, drawn against observables, and traversed.
const N_TABLED: usize = 5;
const N_DRAWN: usize = 2;

/// Which model and which showers are looked at.
#[derive(Debug, Clone, Serialize)]
pub struct LatentRequest {
    /// The model.
    pub model: ModelChoice,
    /// Shower file.
    pub data: PathBuf,
    /// Part of it; the test part of the run's own file, all of another, unless told.
    pub part: Option<PartChoice>,
    /// Folder for latent.json, latent.html and figures/.
    pub out: PathBuf,
    /// Density to sample from, instead of the model's own or one made for the occasion.
    pub density: Option<PathBuf>,
    /// Training showers that the latter is estimated from; the training part of the run's own file unless told.
    pub train: Option<PathBuf>,
    /// Showers generated of each kind, at most as many as are encoded.
    pub n_generated: usize,
    /// Incident energy of the showers along a variable, GeV.
    pub energy_gev: f64,
    /// Decode without post-processor.
    pub no_post_processor: bool,
    /// Seed of all noise.
    pub seed: u64,
    /// How the showers are found.
    pub from: InputOptions,
}

/// Divergence of each latent variable, its correlations, showers along it, and what new showers are sampled from:
/// latent.json, a page and figures.
///
/// Showers that the model was not trained on are encoded. The density is estimated from those it was trained on, unless
/// one is given: never from those it is compared with.
///
/// # Errors
/// No model, showers that cannot be read or encoded, a density of other weights, a full disk, an interruption.
pub fn latent(request: &LatentRequest, caller: Caller<'_>) -> Result<(LatentResults, ReportFiles)> {
    let model = request.model.load()?;
    model.encoder()?;
    let n_stages = if request.no_post_processor { 1 } else { model.networks.stages().len() };
    let blake3 = hash_file(&request.data)?;
    let own = parts::is_own(&model, &blake3);
    let part = request.part.unwrap_or(if own { PartChoice::Part(Part::Test) } else { PartChoice::All });
    create_folder(&request.out)?;
    let file = DataFile { path: &request.data, blake3: &blake3, from: &request.from };
    let read = |part| -> Result<EncodedShowers> {
        let mut showers = parts::open(&model, file, part, caller)?;
        EncodedShowers::read(&model, &mut showers, request.seed, caller)
    };
    let showers = read(part)?;
    let mut gaps = Vec::new();
    let divergence = encoded::divergence(&showers)?;
    let variables = &divergence.variables[..divergence.variables.len().min(N_TABLED)];
    let drawn = &variables[..variables.len().min(N_DRAWN)];
    let correlations = encoded::correlations(&showers, variables, &mut gaps)?;
    let joints = encoded::joints(&showers, drawn, &mut gaps)?;
    let traversals = decoded::traversals(&model, drawn, request.energy_gev, n_stages)?;
    let (density, density_path) = match model.density(request.density.as_deref())? {
        Some((kde, input)) => (Some(kde), Some(input.shown())),
        None => {
            let trained = match &request.train {
                Some(path) => Some(training_showers(&model, path, request, caller)?),
                None if own => Some(read(PartChoice::Part(Part::Train))?),
                None => None,
            };
            let without = || "no training showers; expected --train or --density".to_owned();
            let fitted = trained
                .ok_or_else(without)
                .and_then(|trained| fit(&trained, request.seed).map_err(|error| error.to_string()));
            (fitted.map_err(|why| gaps.push(Gap::new("kernel density of z and energy", why))).ok(), None)
        }
    };
    let generated = Generation { n: request.n_generated, seed: request.seed, n_stages };
    let results = LatentResults {
        schema_version: SCHEMA_VERSION,
        calo_version: VERSION.trim_start_matches("calo ").to_owned(),
        seed: request.seed,
        detector: detector_info(&model.detector),
        model: model_info(&model, n_stages > 1)?,
        density: density.as_ref().map(|kde| density_info(kde, density_path)),
        marginals: sampled::marginals(&showers, drawn, density.as_ref())?,
        cog_z: decoded::cog_z(&model, &showers, density.as_ref(), generated, &mut gaps, caller)?,
        data: DataInfo {
            path: request.data.display().to_string(),
            blake3,
            part: part.to_string(),
            n_showers: showers.energies_gev.len() as u64,
            energy_range_gev: showers.energy_range_gev(),
        },
        divergence,
        correlations,
        joints,
        traversals,
        gaps,
    };
    write_json(&request.out.join("latent.json"), &results)?;
    let files = calo_report::render_latent(&request.out)?;
    Ok((results, files))
}

/// The showers of a file that the model was trained on.
fn training_showers(
    model: &LoadedModel,
    path: &Path,
    request: &LatentRequest,
    caller: Caller<'_>,
) -> Result<EncodedShowers> {
    let blake3 = hash_file(path)?;
    let own = parts::is_own(model, &blake3);
    let part = if own { PartChoice::Part(Part::Train) } else { PartChoice::All };
    let file = DataFile { path, blake3: &blake3, from: &request.from };
    let mut showers = parts::open(model, file, part, caller)?;
    EncodedShowers::read(model, &mut showers, request.seed, caller)
}

/// Density of showers of some energies; energies that are all the same have none.
fn fit(showers: &EncodedShowers, seed: u64) -> calo_latent::Result<Kde> {
    let settings = KdeSettings {
        bandwidth: density::each_variable(density::SEARCH_POINTS, None, seed),
        covariance: KernelCovariance::Regressed,
        ..KdeSettings::default()
    };
    density::fit(showers.z.view(), &showers.energies_gev, settings)
}

fn model_info(model: &LoadedModel, post_processed: bool) -> Result<ModelInfo> {
    Ok(ModelInfo {
        name: model.description.name.clone(),
        epoch: u64::from(model.epoch),
        weights_blake3: model.weights_blake3.clone(),
        encoded: model.encoder()?.n_encoded(),
        latent: model.networks.prior().dim(),
        beta_kld: model.beta_kld(),
        post_processed,
    })
}

fn density_info(kde: &Kde, path: Option<String>) -> DensityInfo {
    DensityInfo {
        path,
        n_centres: kde.n_centres() as u64,
        bandwidths: kde.bandwidths().to_vec(),
        condition_bandwidth: kde.condition_bandwidth().unwrap_or_default(),
    }
}
