//! `calo simulate`: showers from the embedded Monte Carlo, block by block, through the same projection as real data.

mod blocks;
mod request;
mod stored;
mod target;

use std::path::PathBuf;

use anyhow::Context;
use calo_core::{AtomicFile, Detector, Error};
use calo_data::CellHits;
use calo_sim::{Kind, Simulator};

use crate::args::EnergyRange;
use crate::files::StorageOptions;
use crate::journal::Journal;
use crate::progress::Progress;
use crate::{UsageError, output};
use request::Request;
use stored::StoredShowers;
use target::Target;

/// Simulate showers of photons, electrons or pions in a detector
///
/// Shower i depends on the detector, the particle, the energies, the seed and i alone: not on the number of threads, nor
/// on the part of a sample that is asked for. Interrupted and run again it goes on from the last whole block of 256
/// showers, which stand in FILE.partial until FILE is complete.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Detector: `ild-ecal`, `ild-ecal-staggered`, `ild-ecal-pooled`, `ild-ahcal` or the path of a TOML file
    #[arg(long, value_name = "NAME|PATH")]
    detector: String,
    /// Incident particle: gamma, e-, e+, pi+, pi-, mu+, mu-, proton or neutron
    #[arg(long, value_name = "NAME")]
    particle: Kind,
    /// Kinetic energy, uniform in LOW..HIGH or a single value, GeV
    #[arg(long, value_name = "LOW..HIGH", value_parser = energies, allow_hyphen_values = true)]
    energy: EnergyRange,
    /// Number of showers
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    n_showers: u64,
    /// Another seed makes other showers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the first shower: parts of one sample can be made apart, on any machine
    #[arg(long, value_name = "I", default_value_t = 0)]
    first: u64,
    /// Drop what an unfinished run left in FILE.partial instead of going on from it
    #[arg(long)]
    restart: bool,
    /// File to write, whole or not at all: NAME.hdf5 for showers on the detector's grid, NAME.root for raw hits
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    storage: StorageOptions,
}

/// A range that the simulator's models cover.
fn energies(text: &str) -> Result<EnergyRange, String> {
    let range: EnergyRange = text.parse()?;
    calo_sim::check_energies([range.low_gev, range.high_gev]).map_err(|e| e.to_string())?;
    Ok(range)
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // Shower numbers are stored in 64 bits with a sign.
    if args.first.checked_add(args.n_showers).is_none_or(|end| i64::try_from(end).is_err()) {
        let problem =
            format!("--first {} and -n {} go beyond the last shower number", args.first, args.n_showers);
        return Err(UsageError(problem).into());
    }
    let detector = Detector::load(&args.detector)?;
    let request = Request::new(args, &detector)?;
    let target = Target::new(args, &request, &detector)?;
    let simulator = Simulator::new(&detector, args.particle)?;
    let cells = CellHits::of(&detector);
    // A place that cannot be written shall not be found out after hours.
    drop(AtomicFile::create(&args.out)?);

    let mut partial = args.out.clone().into_os_string();
    partial.push(".partial");
    let mut journal = Journal::open(partial.as_ref(), &request.words(), args.restart)?;
    let result = simulate(&request, &simulator, &cells, &mut journal).and_then(|()| {
        let showers = StoredShowers::new(&journal, cells, &request)?;
        target.write(&detector, showers)
    });
    match result {
        Ok(report) => {
            journal.remove()?;
            output::print(&report)
        }
        // Nothing is kept where somebody removed it.
        Err(error) if !journal.is_kept() => Err(error),
        Err(error) => {
            let done = request.n_done(journal.n_blocks());
            let kept = format!(
                "{done} of {} showers are kept in {}; the same command goes on from there",
                request.n_showers,
                journal.path().display()
            );
            if matches!(error.downcast_ref(), Some(Error::Interrupted)) {
                output::note(format_args!("calo: {kept}"));
                return Err(error);
            }
            Err(error).context(kept)
        }
    }
}

/// Makes the blocks that the journal does not hold yet.
fn simulate(
    request: &Request,
    simulator: &Simulator,
    cells: &CellHits,
    journal: &mut Journal,
) -> anyhow::Result<()> {
    let done = request.n_done(journal.n_blocks());
    if done > 0 {
        let (n, path) = (request.n_showers, journal.path().display());
        output::note(format_args!("calo: going on after {done} of {n} showers in {path}"));
    }
    let mut progress = Progress::going_on("simulating", Some(request.n_showers), done);
    let mut workers = blocks::Workers::new(simulator);
    while let Some(showers) = request.block(journal.n_blocks()) {
        let n = showers.end - showers.start;
        journal.append(&workers.block(showers, request, cells)?)?;
        progress.advance(n as usize);
    }
    Ok(())
}
