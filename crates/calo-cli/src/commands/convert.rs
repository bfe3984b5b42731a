//! `calo convert`: the same showers in another layout.

use std::path::PathBuf;

use calo_data::Layout;
use calo_run::monitor::Caller;
use calo_run::prepare::{self, ConvertRequest, Converted};

use crate::options::{InputOptions, Out, StorageOptions};
use crate::output;

/// Write the same showers in another layout
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file
    input: PathBuf,
    /// Layout of the output: grid, calo-challenge or shower-data
    #[arg(long, value_name = "LAYOUT")]
    to: Layout,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    from: InputOptions,
    #[command(flatten)]
    storage: StorageOptions,
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = ConvertRequest {
        input: args.input.clone(),
        to: args.to,
        out: args.out.path()?,
        from: args.from.options(),
        storage: args.storage.options(),
    };
    let out = args.out.out.display();
    output::print(&match prepare::convert(&request, caller)? {
        Converted::PointClouds { n_showers } => format!("{n_showers} point clouds written to {out}\n"),
        Converted::Showers { n_showers, grid, full_grid, n_points_outside } => {
            let outside = match n_points_outside {
                0 => String::new(),
                n => format!("; {n} points outside the grid were dropped"),
            };
            let cut = full_grid.map(|full| format!(" (the core of {full})")).unwrap_or_default();
            format!("{n_showers} showers of {grid} cells{cut} written to {out}{outside}\n")
        }
    })
}
