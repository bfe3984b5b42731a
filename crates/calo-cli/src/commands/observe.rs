//! `calo observe`: observables of showers in a file of their own.

use std::path::PathBuf;

use calo_metrics::Column;
use calo_run::amplification::{OBSERVED, ObserveRequest, observe};
use calo_run::monitor::Caller;

use crate::options::{InputOptions, Out};
use crate::output;

/// Write observables of showers into a file that `calo amplification` takes for showers
///
/// It is much smaller than the showers: one 32-bit number for each observable, and the cells above 5 MeV.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower files, one after another
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Observables: incident_energy, visible_energy, peak_energy, n_hits, cog_x, cog_y, cog_z, m2_x, m2_y, m2_z,
    /// first_third, second_third, last_third, shower_start; by default visible_energy, peak_energy, n_hits, cog_x, cog_y
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = column)]
    observables: Vec<Column>,
    /// Number of the first shower
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: usize,
    /// Number of showers from there on; all unless given
    #[arg(short = 'n', long = "showers", value_name = "N")]
    n_showers: Option<usize>,
    /// Store the cells of all showers in rising order: smaller still, but such a file can only be a reference
    #[arg(long)]
    sorted: bool,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    from: InputOptions,
}

fn column(text: &str) -> Result<Column, String> {
    let known = || Column::ALL.map(Column::id).join(", ");
    let found = Column::ALL.into_iter().find(|column| column.id() == text);
    found.ok_or_else(|| format!("no observable `{text}`; expected one of {}", known()))
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = ObserveRequest {
        inputs: args.inputs.clone(),
        columns: if args.observables.is_empty() { OBSERVED.to_vec() } else { args.observables.clone() },
        first: args.first,
        n_showers: args.n_showers,
        sorted: args.sorted,
        from: args.from.options(),
        out: args.out.path()?,
    };
    let n = observe(&request, caller)?;
    output::print(&format!("observables of {n} showers written to {}\n", args.out.out.display()))
}
