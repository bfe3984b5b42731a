//! `calo inspect`: what a file holds, in numbers and as an event display.

use std::path::PathBuf;

use anyhow::ensure;
use calo_run::inspect::{self, InspectRequest};
use calo_run::monitor::Caller;

use crate::args::non_negative;
use crate::options::InputOptions;
use crate::{output, tables};

/// Show what a shower file holds, and single showers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file (HDF5), or raw hits (ROOT)
    input: PathBuf,
    /// Cells above this are hits, MeV; by default the detector's cut, or 0
    #[arg(long, value_name = "MEV", value_parser = non_negative)]
    hits_above_mev: Option<f64>,
    /// Draw this shower (counted from 0) in the terminal
    #[arg(long, value_name = "INDEX")]
    shower: Option<u64>,
    /// Draw it into this SVG file instead
    #[arg(long, value_name = "FILE", requires = "shower")]
    svg: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long, conflicts_with = "shower")]
    json: bool,
    #[command(flatten)]
    from: InputOptions,
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = InspectRequest {
        input: args.input.clone(),
        hits_above_mev: args.hits_above_mev,
        from: args.from.options(),
    };
    if inspect::is_root(&args.input) {
        let place = args.input.display();
        ensure!(args.shower.is_none(), "{place}: raw hits; expected showers to draw (calo project)");
        ensure!(!args.json, "{place}: raw hits; expected showers for --json");
        let hits = inspect::inspect_hits(&request, caller)?;
        return output::print(&format!("{}\n", tables::hit_inspection(&hits)));
    }
    if let Some(shower) = args.shower {
        return draw(args, &request, shower, caller);
    }
    let inspection = inspect::inspect(&request, caller)?;
    if args.json {
        return output::print(&format!("{}\n", serde_json::to_string_pretty(&inspection)?));
    }
    output::print(&format!("{}\n", tables::inspection(&inspection)))
}

/// Draws one shower.
fn draw(args: &Args, request: &InspectRequest, shower: u64, caller: Caller<'_>) -> anyhow::Result<()> {
    let batch = inspect::shower(request, shower, caller)?;
    let cut_mev = request.hit_cut_mev(batch.grid())?;
    let layered = request.from.layered_detector(batch.grid())?;
    match &args.svg {
        Some(path) => {
            let svg = match &layered {
                Some(detector) => tables::layers::svg(&batch, cut_mev, &args.input, detector)?,
                None => tables::display::svg(&batch, cut_mev, &args.input)?,
            };
            calo_core::write_atomically(path, svg.as_bytes())?;
            output::print(&format!("shower {shower} drawn into {}\n", path.display()))
        }
        None => output::print(&match &layered {
            Some(detector) => tables::layers::text(&batch, cut_mev, detector),
            None => tables::display::text(&batch, cut_mev),
        }),
    }
}
