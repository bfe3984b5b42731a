//! `calo encode`: latent variables of showers, with their observables.

use std::path::PathBuf;

use calo_run::encode::{EncodeRequest, encode};
use calo_run::monitor::Caller;
use calo_run::parts::PartChoice;

use crate::options::{InputOptions, ModelOptions, Out};
use crate::output;

/// Encode showers with a trained model: means, variances and samples of their latent variables
///
/// Shower i of the file is sampled with noise that depends on the seed and i alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelOptions,
    /// Shower file
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Part of it: train, validation, test (of the file that the run was trained on) or all; by default train
    /// for the run's own file, all for another
    #[arg(long, value_name = "PART")]
    part: Option<PartChoice>,
    /// Another seed draws other z
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    from: InputOptions,
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = EncodeRequest {
        model: args.model.choice(),
        data: args.data.clone(),
        part: args.part,
        seed: args.seed,
        out: args.out.path()?,
        from: args.from.options(),
    };
    let encoded = encode(&request, caller)?;
    output::print(&format!(
        "{} showers ({}) encoded in {} variables by epoch {} written to {}\n",
        encoded.n_showers,
        encoded.part,
        encoded.n_variables,
        encoded.epoch,
        args.out.out.display()
    ))
}
