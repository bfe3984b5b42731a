//! `calo project`: raw hits of a ROOT file to showers on a detector's grid.

use std::path::PathBuf;

use calo_core::{Detector, Dtype, ShowerSource};
use calo_data::{ProjectedShowers, StaggerFrom};

use crate::files::{Out, StorageOptions, write_all};
use crate::{crash, output};

/// Turn raw hits (ROOT) into showers on a detector's grid
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// ROOT file with a tree of hits
    input: PathBuf,
    /// Detector: `ild-ecal`, `ild-ecal-staggered`, `ild-ecal-pooled`, `ild-ahcal` or the path of a TOML file
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

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let detector = Detector::load(&args.detector)?;
    crash::blame(&args.input);
    let mut showers = ProjectedShowers::open(&args.input, &detector, args.tree.as_deref(), args.staggering)?;
    let mut options = args.storage.write_options(showers.grid(), Dtype::F32, &[&args.input])?;
    options.group.get_or_insert_with(|| detector.hdf5.group.clone());
    let written = write_all(&mut showers, &args.out.out, &options);
    let staggering = match detector.projection.staggering {
        Some(_) => format!("staggering: {}\n", showers.stagger_map()),
        None => String::new(),
    };
    output::print(&format!("{}\n{staggering}", showers.report()))?;
    written.map(|_| ())
}
