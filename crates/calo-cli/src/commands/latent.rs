//! `calo latent`: what a trained model's latent variables say, as numbers and figures.

mod decoded;
mod encoded;
mod sampled;

use std::path::PathBuf;

use anyhow::Context;
use calo_core::hash_file;
use calo_data::Part;
use calo_latent::Kde;
use calo_metrics::results::Gap;
use calo_nn::training::TrainingConfig;
use calo_report::latent::{DataInfo, DensityInfo, LatentResults, ModelInfo, SCHEMA_VERSION};

use crate::args::positive;
use crate::files::{InputOptions, write_json};
use crate::model::{LoadedModel, ModelOptions, detector_info};
use crate::parts::{self, PartChoice};
use crate::provenance::VERSION;
use crate::{density, output};
use encoded::EncodedShowers;

/// Variables whose correlations are tabled, drawn against observables, and traversed.
const N_TABLED: usize = 5;
const N_DRAWN: usize = 2;

/// What a model encodes: divergence of each latent variable, its correlations, showers along it, and what new showers
/// are sampled from; latent.json, a page and figures
///
/// Showers that the model was not trained on are encoded; the density is estimated from those it was trained on, unless
/// one is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelOptions,
    /// Shower file
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Part of it that is looked at: train, validation, test (of the file that the run was trained on) or all; test of
    /// the run's own file, all of another, unless told
    #[arg(long, value_name = "PART")]
    part: Option<PartChoice>,
    /// Folder for latent.json, latent.html and figures/
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Density of `calo density` to sample from, instead of the model's own or one made for the occasion
    #[arg(long, value_name = "FILE")]
    density: Option<PathBuf>,
    /// Showers generated of each kind, at most as many as are encoded
    #[arg(long, value_name = "N", default_value_t = 1000)]
    n_generated: usize,
    /// Incident energy of the showers along a variable, GeV
    #[arg(long, value_name = "GEV", default_value_t = 50.0, value_parser = positive)]
    energy: f64,
    /// Decode without post-processor
    #[arg(long)]
    no_post_processor: bool,
    /// Seed of all noise
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    from: InputOptions,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let model = args.model.load()?;
    let post_process = model.networks.has_post_processor() && !args.no_post_processor;
    let blake3 = hash_file(&args.data)?;
    let own = parts::is_own(&model, &blake3);
    let part = args.part.unwrap_or(if own { PartChoice::Part(Part::Test) } else { PartChoice::All });
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot create the folder", args.out.display()))?;
    let read = |part| -> anyhow::Result<EncodedShowers> {
        let mut showers = parts::open(&model, &args.data, &blake3, &args.from, part)?;
        EncodedShowers::read(&model, &mut showers, args.seed)
    };
    let showers = read(part)?;
    let mut gaps = Vec::new();
    let divergence = encoded::divergence(&showers)?;
    let variables = &divergence.variables[..divergence.variables.len().min(N_TABLED)];
    let drawn = &variables[..variables.len().min(N_DRAWN)];
    let correlations = encoded::correlations(&showers, variables, &mut gaps)?;
    let joints = encoded::joints(&showers, drawn, &mut gaps)?;
    let traversals = decoded::traversals(&model, drawn, args.energy, post_process)?;
    let (density, density_path) = match model.density(args.density.as_deref())? {
        Some((kde, input)) => (Some(kde), Some(input.shown())),
        None => {
            let trained = if own { Some(read(PartChoice::Part(Part::Train))?) } else { None };
            let fitted = fit(trained.as_ref().unwrap_or(&showers), args.seed);
            let fitted =
                fitted.map_err(|error| gaps.push(gap("kernel density of z and energy", error.to_string())));
            (fitted.ok(), None)
        }
    };
    let results = LatentResults {
        schema_version: SCHEMA_VERSION,
        calo_version: VERSION.trim_start_matches("calo ").to_owned(),
        seed: args.seed,
        detector: detector_info(&model.detector),
        model: model_info(&model, post_process),
        data: DataInfo {
            path: args.data.display().to_string(),
            blake3,
            part: part.to_string(),
            n_showers: showers.energies_gev.len() as u64,
            energy_range_gev: showers.energy_range_gev(),
        },
        density: density.as_ref().map(|kde| density_info(kde, density_path)),
        marginals: sampled::marginals(&showers, drawn, density.as_ref())?,
        cog_z: decoded::cog_z(&model, &showers, density.as_ref(), args, post_process, &mut gaps)?,
        divergence,
        correlations,
        joints,
        traversals,
        gaps,
    };
    write_json(&args.out.join("latent.json"), &results)?;
    let files = calo_report::render_latent(&args.out)?;
    output::print(&summary(&results, &files))
}

/// Density of showers of some energies; energies that are all the same have none.
fn fit(showers: &EncodedShowers, seed: u64) -> calo_latent::Result<Kde> {
    let bandwidth = density::each_variable(density::SEARCH_POINTS, None, seed);
    density::fit(showers.z.view(), &showers.energies_gev, bandwidth, calo_latent::Scaling::Regressed)
}

fn gap(what: &str, why: String) -> Gap {
    Gap { what: what.to_owned(), why }
}

fn model_info(model: &LoadedModel, post_processed: bool) -> ModelInfo {
    let training = model.networks.metadata().get("calo.training");
    let training = training.and_then(|json| serde_json::from_str::<TrainingConfig>(json).ok());
    ModelInfo {
        name: model.description.name.clone(),
        epoch: u64::from(model.epoch),
        weights_blake3: model.weights_blake3.clone(),
        encoded: model.networks.encoded(),
        latent: model.networks.latent(),
        beta_kld: training.map(|training| training.losses.kld),
        post_processed,
    }
}

fn density_info(kde: &Kde, path: Option<String>) -> DensityInfo {
    DensityInfo {
        path,
        n_centres: kde.n_centres() as u64,
        bandwidths: kde.bandwidths().to_vec(),
        condition_bandwidth: kde.condition_bandwidth().unwrap_or_default(),
    }
}

/// The numbers that answer the first questions, and where the rest is.
fn summary(results: &LatentResults, files: &calo_report::ReportFiles) -> String {
    let divergence = &results.divergence;
    let total = divergence.cumulative_nats.last().copied().unwrap_or_default();
    let mut text =
        format!("{total:.2} nats in {} variables (epoch {})\n", divergence.nats.len(), results.model.epoch);
    let cog_z = results.correlations.observables.iter().position(|name| name == "m1z");
    for (rank, variable) in results.correlations.variables.iter().enumerate() {
        let rho = cog_z.and_then(|row| results.correlations.coefficients[row][rank]);
        let rho = rho.map_or_else(|| "-".to_owned(), |rho| format!("{rho:.2}"));
        text += &format!(
            "z_{rank} (variable {variable}): {:.2} nats, correlation with CoG-z {rho}\n",
            divergence.nats[rank]
        );
    }
    for joint in &results.cog_z {
        if let Some(rho) = joint.correlation {
            text += &format!("CoG-z with incident energy, {}: {:.2}\n", joint.sample, rho.value);
        }
    }
    for gap in &results.gaps {
        text += &format!("missing: {}: {}\n", gap.what, gap.why);
    }
    text += &format!(
        "{}\n{} files in figures/, an SVG and a PNG of each figure\n",
        files.html.display(),
        files.figures.len()
    );
    text
}
