//! `calo latent`: what a trained model's latent variables say, as numbers and figures.

use std::path::PathBuf;

use calo_report::ReportFiles;
use calo_report::latent::LatentResults;
use calo_run::latent::{LatentRequest, latent};
use calo_run::monitor::Caller;
use calo_run::parts::PartChoice;
use calo_run::positive;

use crate::options::{InputOptions, ModelOptions};
use crate::output;

/// What a model encodes: divergence of each latent variable, its correlations, showers along it, and what new showers
/// are sampled from; latent.json, a page and figures
///
/// Showers that the model was not trained on are encoded. The density is estimated from those it was trained on, unless one
/// is given: never from those it is compared with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelOptions,
    /// Shower file
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Part of it that is looked at: train, validation, test (of the file that the run was trained on) or all; by
    /// default test for the run's own file, all for another
    #[arg(long, value_name = "PART")]
    part: Option<PartChoice>,
    /// Folder for latent.json, latent.html and figures/
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Density of `calo density` to sample from, instead of the model's own or one made for the occasion
    #[arg(long, value_name = "FILE")]
    density: Option<PathBuf>,
    /// Training showers that the latter is estimated from, where --data is not the file of the run
    #[arg(long, value_name = "FILE", conflicts_with = "density")]
    train: Option<PathBuf>,
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

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = LatentRequest {
        model: args.model.choice(),
        data: args.data.clone(),
        part: args.part,
        out: args.out.clone(),
        density: args.density.clone(),
        train: args.train.clone(),
        n_generated: args.n_generated,
        energy_gev: args.energy,
        no_post_processor: args.no_post_processor,
        seed: args.seed,
        from: args.from.options(),
    };
    let (results, files) = latent(&request, caller)?;
    output::print(&summary(&results, &files))
}

/// The numbers that answer the first questions, and where the rest is.
fn summary(results: &LatentResults, files: &ReportFiles) -> String {
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
