//! `calo project`: raw hits of a ROOT file to showers on a detector's grid.

use std::path::PathBuf;

use calo_data::StaggerFrom;
use calo_run::monitor::Caller;
use calo_run::prepare::{self, ProjectRequest};

use crate::options::{Out, StorageOptions};
use crate::{output, tables};

/// Turn raw hits (ROOT) into showers on a detector's grid
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// ROOT file with a tree of hits
    input: PathBuf,
    /// Detector: `ild-ecal`, `ild-ecal-staggered`, `ild-ecal-pooled`, `ild-ecal-image`, `ild-ahcal` or the path of
    /// a TOML file
    #[arg(long, value_name = "NAME|PATH")]
    detector: String,
    /// Name of the tree, instead of the detector's
    #[arg(long)]
    tree: Option<String>,
    /// Where the staggering correction takes the empty rows from: the average of all `showers`, or the `geometry` of
    /// the detector's cells
    #[arg(long, value_name = "FROM", default_value = "showers", value_parser = staggering)]
    staggering: StaggerFrom,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    storage: StorageOptions,
}

fn staggering(text: &str) -> Result<StaggerFrom, String> {
    match text {
        "showers" => Ok(StaggerFrom::Showers),
        "geometry" => Ok(StaggerFrom::Geometry),
        _ => Err("expected showers or geometry".to_owned()),
    }
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = ProjectRequest {
        input: args.input.clone(),
        detector: args.detector.clone(),
        tree: args.tree.clone(),
        staggering: args.staggering,
        out: args.out.path()?,
        storage: args.storage.options(),
    };
    let projected = prepare::project(&request, caller)?;
    let staggering = tables::staggering(projected.staggering.as_deref());
    // The report says why nothing was left, too.
    output::print(&format!("{}\n{staggering}", projected.report))?;
    projected.written?;
    Ok(())
}
