//! `calo compare`: evaluations of several models side by side.

use std::path::PathBuf;

use calo_run::compare::{CompareRequest, compare};
use calo_run::positive;

use crate::{output, tables};

/// Set the results of several evaluations side by side
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files results.json of `calo evaluate`, or folders that hold them
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,
    /// Milliseconds that a candidate takes for a shower; may be given again
    #[arg(long, value_name = "NAME=MS", value_parser = timing)]
    timing: Vec<(String, f64)>,
    /// Set published numbers for the same detector beside, marked as quoted
    #[arg(long)]
    published: bool,
    /// Folder for compare.json
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

fn timing(text: &str) -> Result<(String, f64), String> {
    let (name, milliseconds) =
        text.rsplit_once('=').ok_or("expected NAME=MILLISECONDS, for example flow=12.5")?;
    Ok((name.to_owned(), positive(milliseconds)?))
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let request = CompareRequest {
        results: args.results.clone(),
        timings: args.timing.clone(),
        published: args.published,
        out: args.out.clone(),
    };
    output::print(&tables::joined(&compare(&request)?))
}
