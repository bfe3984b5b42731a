//! `calo select`: which epoch of which run is best, all judged by the same divisors.

use std::path::PathBuf;

use calo_run::select::{NamedRun, SelectRequest, select};

use crate::args::NamedFile;
use crate::{output, tables};

/// Choose the best epoch of each run by the fidelity score S_JSD
///
/// The six distances of every validated epoch are divided by their means over all epochs of all runs given, with and
/// without post-processor. selection.json holds these divisors, and those of area differences, for `calo evaluate
/// --divisors`, the scores and the best epochs; a page and figures show them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a run; may be given again
    #[arg(long = "run", value_name = "[NAME=]FOLDER", required = true)]
    runs: Vec<NamedFile>,
    /// Folder for selection.json, selection.html and figures/
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let named = |run: &NamedFile| NamedRun { name: run.name.clone(), folder: run.path.clone() };
    let request = SelectRequest { runs: args.runs.iter().map(named).collect(), out: args.out.clone() };
    let (selection, files) = select(&request)?;
    output::print(&format!("{}\n{}\n", tables::selection(&selection), files.html.display()))
}
