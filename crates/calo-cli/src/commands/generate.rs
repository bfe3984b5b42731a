//! `calo generate`: showers of a trained model.

use std::path::PathBuf;

use calo_core::Dtype;
use calo_data::ShowerWriter;
use calo_latent::Kde;
use clap::ValueEnum;

use crate::args::EnergyRange;
use crate::files::{Out, StorageOptions};
use crate::generation::{Generator, LatentSource};
use crate::model::{LoadedModel, ModelOptions};
use crate::progress::Progress;
use crate::provenance::Input;
use crate::{UsageError, output, provenance};

/// Generate showers with a trained model
///
/// Without a run, the built-in model makes photon showers of 10 to 100 GeV in `ild-ecal`. Shower i depends on the weights, the
/// density, the seed and i alone: not on the number of threads, nor on the part of a sample that is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelOptions,
    /// Where the encoded latent variables come from; kde where there is a density, normal otherwise, unless told
    #[arg(long, value_enum)]
    latent: Option<Latent>,
    /// Density of the latent variables, instead of the model's own
    #[arg(long, value_name = "FILE")]
    density: Option<PathBuf>,
    /// Kinetic energy, uniform in LOW..HIGH or a single value, GeV
    #[arg(long, value_name = "LOW..HIGH")]
    energy: EnergyRange,
    /// Number of showers
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    n_showers: u64,
    /// Another seed makes other showers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the first shower: parts of one sample can be made apart
    #[arg(long, value_name = "I", default_value_t = 0)]
    first: u64,
    /// Leave the showers as the decoder makes them
    #[arg(long)]
    no_post_processor: bool,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    storage: StorageOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Latent {
    /// N(0, 1)
    Normal,
    /// A kernel density of `calo density`, at the shower's energy
    Kde,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let model = args.model.load()?;
    let mut inputs = vec![model.weights.clone()];
    let latent = match latent_source(args, &model)? {
        None => LatentSource::Normal,
        Some((kde, input)) => {
            inputs.push(input);
            LatentSource::Kde(Box::new(kde))
        }
    };
    let place = model.shown();
    let LoadedModel { detector, epoch, networks: model, .. } = model;
    let mut attributes = provenance::attributes_of(&inputs)?;
    attributes.push(("epoch".to_owned(), epoch.to_string()));
    let mut options = args.storage.with_attributes(detector.grid, Dtype::F32, attributes);
    if options.group.is_none() {
        options.group = Some(detector.hdf5.group);
    }
    let mut writer = ShowerWriter::create(&args.out.out, &options)?;
    let generator = Generator::new(&model, latent, args.seed)?;
    let post_processes = model.has_post_processor() && !args.no_post_processor;
    let mut progress = Progress::new("generating", Some(args.n_showers));
    let range = args.first..args.first.saturating_add(args.n_showers);
    generator.for_each_block(
        range,
        |i| generator.energy_gev(args.energy, i),
        |decoded| {
            let batch = if post_processes { generator.post_processed(decoded)? } else { decoded.raw()? };
            writer.write(&batch)?;
            progress.advance(batch.len());
            Ok(())
        },
    )?;
    drop(progress);
    writer.finish()?;
    let out = args.out.out.display();
    output::print(&format!("{} showers of epoch {epoch} of {place} written to {out}\n", args.n_showers))
}

/// The density to sample from, and where it is; none for N(0, 1).
fn latent_source(args: &Args, model: &LoadedModel) -> anyhow::Result<Option<(Kde, Input)>> {
    match (args.latent, &args.density) {
        (Some(Latent::Normal), None) => Ok(None),
        (Some(Latent::Normal), Some(_)) => Err(UsageError("--density is for --latent kde".to_owned()).into()),
        (wanted, path) => {
            let density = model.density(path.as_deref())?;
            if density.is_none() && wanted.is_some() {
                let problem = format!("--latent kde needs --density FILE: {} holds none", model.shown());
                return Err(UsageError(problem).into());
            }
            Ok(density)
        }
    }
}
