//! `calo export`: one epoch of a run, small enough to give to others.

use std::path::PathBuf;

use calo_run::export::{ExportRequest, export};
use calo_run::run_folder::EpochChoice;

use crate::output;

/// Copy what a trained model needs to be used by others: weights of one epoch in 16 bits, density, configuration, losses
///
/// The folder is read as any run's: `calo generate --run FOLDER` samples from its density. What only training
/// needs is left out, and so are the folders of the paths in command lines.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a run
    #[arg(long, value_name = "FOLDER")]
    run: PathBuf,
    /// Epoch: best, or a number
    #[arg(long, default_value = "best", value_name = "best|N")]
    epoch: EpochChoice,
    /// Density of `calo density`, of the latent variables of that epoch
    #[arg(long, value_name = "FILE")]
    density: Option<PathBuf>,
    /// Keep at most this many points of the density as kernels, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    max_centres: u64,
    /// Seed of the points that are drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// New folder
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let request = ExportRequest {
        run: args.run.clone(),
        epoch: args.epoch,
        density: args.density.clone(),
        max_centres: usize::try_from(args.max_centres).unwrap_or(usize::MAX),
        seed: args.seed,
        out: args.out.clone(),
    };
    let exported = export(&request)?;
    output::print(&format!(
        "epoch {} of {} in 16 bits written to {}, {:.1} MB in all\n",
        exported.epoch,
        args.run.display(),
        args.out.display(),
        exported.n_bytes as f64 / 1e6
    ))
}
