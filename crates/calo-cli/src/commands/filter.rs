//! `calo filter`: drop punch-through showers and energies out of range, zero cells below a cut.

use std::path::PathBuf;

use calo_core::Real;
use calo_data::{Filter, FilterSource, PunchThrough, ShowerReader, WriteOptions};

use crate::args::{EnergyRange, non_negative};
use crate::files::{InputOptions, Out, StorageOptions, is_f64, write_all};
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

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let filter = filter(args)?;
    let reader = args.from.open(&args.input)?;
    let options = args.storage.like(&reader, &args.input)?;
    if is_f64(reader.info().cells.dtype, options.dtype) {
        filter_file::<f64>(args, reader, filter, &options)
    } else {
        filter_file::<f32>(args, reader, filter, &options)
    }
}

fn filter_file<T: Real>(
    args: &Args,
    reader: ShowerReader,
    filter: Filter,
    options: &WriteOptions,
) -> anyhow::Result<()> {
    let mut source: FilterSource<_, T> = FilterSource::new(reader, filter)?;
    let written = write_all(&mut source, &args.out.out, options);
    // The report says why nothing was left, too.
    output::print(&format!("{}\n", source.report()))?;
    written.map(|_| ())
}

fn filter(args: &Args) -> anyhow::Result<Filter> {
    let punch_through = match (args.more_hits_than, args.hit_threshold_mev) {
        (Some(more_than_hits), Some(above_mev)) => Some(PunchThrough { more_than_hits, above_mev }),
        _ if args.punch_through => {
            let detector = args.from.detector()?;
            let rule = detector.as_ref().and_then(PunchThrough::of);
            let name = detector.map(|d| d.name).unwrap_or_default();
            anyhow::ensure!(
                rule.is_some(),
                "detector {name}: no `readout.punch_through_hits`; expected one, or --more-hits-than"
            );
            rule
        }
        _ => None,
    };
    let energy_gev = args.energy.map(|range| [range.low_gev, range.high_gev]);
    Ok(Filter { energy_gev, punch_through, cell_cut_mev: args.cell_cut_mev })
}
