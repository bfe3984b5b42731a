//! `calo generate`: showers of a trained model.

use std::path::PathBuf;

use calo_run::EnergyRange;
use calo_run::generate::{GenerateRequest, IncidentEnergies, LatentChoice, generate};
use calo_run::monitor::Caller;
use clap::ValueEnum;

use crate::options::{ModelOptions, Out, StorageOptions};
use crate::output;

/// Generate showers with a trained model
///
/// Without a run, a model that comes with calo makes photon showers of 10 to 100 GeV in `ild-ecal`. Shower i depends on the weights, the
/// density, the seed and i alone: not on the number of threads, nor on the part of a sample that is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelOptions,
    /// Where the encoded latent variables come from; by default kde where there is a density, normal otherwise
    #[arg(long, value_enum)]
    latent: Option<Latent>,
    /// Density of the latent variables, instead of the model's own
    #[arg(long, value_name = "FILE")]
    density: Option<PathBuf>,
    /// Kinetic energy, uniform in LOW..HIGH or a single value, GeV
    #[arg(long, value_name = "LOW..HIGH", required_unless_present = "energies_of")]
    energy: Option<EnergyRange>,
    /// Give shower i the incident energy of shower i in this file, instead of --energy
    #[arg(long, value_name = "FILE", conflicts_with = "energy")]
    energies_of: Option<PathBuf>,
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
    /// Write the observables of the showers, as `calo observe` does, instead of the showers
    #[arg(long)]
    observables: bool,
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
    /// The prior, moved to where the critic of a WGAN scores it higher
    Optimised,
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let storage = args.storage.options();
    if args.observables && (storage.dtype.is_some() || storage.group.is_some()) {
        let problem = "--dtype and --to-group are for showers; expected neither with --observables";
        return Err(calo_run::Error::Usage(problem.to_owned()).into());
    }
    let latent = args.latent.map(|latent| match latent {
        Latent::Normal => LatentChoice::Normal,
        Latent::Kde => LatentChoice::Kde,
        Latent::Optimised => LatentChoice::Optimised,
    });
    let energies = args.energy.map(IncidentEnergies::Uniform);
    let energies = energies.or_else(|| args.energies_of.clone().map(IncidentEnergies::Of));
    let Some(energies) = energies else {
        let problem = "no incident energies; expected --energy or --energies-of";
        return Err(calo_run::Error::Usage(problem.to_owned()).into());
    };
    let request = GenerateRequest {
        model: args.model.choice(),
        latent,
        density: args.density.clone(),
        energies,
        n_showers: args.n_showers,
        seed: args.seed,
        first: args.first,
        no_post_processor: args.no_post_processor,
        observables: args.observables,
        out: args.out.path()?,
        storage,
    };
    let generated = generate(&request, caller)?;
    output::print(&format!(
        "{} showers of epoch {} of {} written to {}\n",
        args.n_showers,
        generated.epoch,
        generated.model,
        args.out.out.display()
    ))
}
