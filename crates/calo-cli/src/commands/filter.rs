//! `calo filter`: drop punch-through showers and energies out of range, zero cells below a cut.

use std::path::PathBuf;

use calo_data::PunchThrough;
use calo_run::EnergyRange;
use calo_run::monitor::Caller;
use calo_run::prepare::{self, FilterRequest, PunchThroughRule};

use crate::args::non_negative;
use crate::options::{InputOptions, Out, StorageOptions};
use crate::output;

/// Keep the showers that pass a filter
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file
    input: PathBuf,
    #[command(flatten)]
    out: Out,
    /// Drop showers that punch through, by the detector's rule
    #[arg(long, requires = "detector")]
    punch_through: bool,
    /// Keep showers with more hits than this (a hit is a cell above --hit-threshold-mev)
    #[arg(long, value_name = "N", conflicts_with = "punch_through", requires = "hit_threshold_mev")]
    more_hits_than: Option<usize>,
    /// Cells above this are hits for --more-hits-than, MeV
    #[arg(long, value_name = "MEV", value_parser = non_negative, requires = "more_hits_than")]
    hit_threshold_mev: Option<f64>,
    /// Keep incident energies within LOW..HIGH, ends included, GeV
    #[arg(long, value_name = "LOW..HIGH")]
    energy: Option<EnergyRange>,
    /// Set cells at or below this to zero, MeV
    #[arg(long, value_name = "MEV", value_parser = non_negative)]
    cell_cut_mev: Option<f64>,
    #[command(flatten)]
    from: InputOptions,
    #[command(flatten)]
    storage: StorageOptions,
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let punch_through = match (args.more_hits_than, args.hit_threshold_mev) {
        (Some(more_than_hits), Some(above_mev)) => {
            Some(PunchThroughRule::Hits(PunchThrough { more_than_hits, above_mev }))
        }
        _ => args.punch_through.then_some(PunchThroughRule::OfDetector),
    };
    let request = FilterRequest {
        input: args.input.clone(),
        out: args.out.path()?,
        punch_through,
        energies: args.energy,
        cell_cut_mev: args.cell_cut_mev,
        from: args.from.options(),
        storage: args.storage.options(),
    };
    let filtered = prepare::filter(&request, caller)?;
    // The report says why nothing was left, too.
    output::print(&format!("{}\n", filtered.report))?;
    filtered.written?;
    Ok(())
}
