//! `calo pool`: showers on a coarser grid.

use std::path::PathBuf;

use calo_core::Grid;
use calo_run::monitor::Caller;
use calo_run::prepare::{self, PoolRequest};

use crate::options::{InputOptions, Out, StorageOptions};
use crate::{args, output};

/// Add neighbouring cells up to larger ones
///
/// Pooled by 1x3x3, showers of `ild-ecal` are showers of `ild-ecal-pooled`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file
    input: PathBuf,
    /// Cells that become one, as LAYERSxNXxNY; the grid must be a multiple
    #[arg(long, value_name = "BLOCK", value_parser = args::grid)]
    by: Grid,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    from: InputOptions,
    #[command(flatten)]
    storage: StorageOptions,
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = PoolRequest {
        input: args.input.clone(),
        by: args.by,
        out: args.out.path()?,
        from: args.from.options(),
        storage: args.storage.options(),
    };
    let pooled = prepare::pool(&request, caller)?;
    output::print(&format!(
        "{} showers of {} cells, pooled from {}, written to {}\n",
        pooled.n_showers,
        pooled.coarse,
        pooled.fine,
        args.out.out.display()
    ))
}
