//! `calo simulate`: showers from the embedded Monte Carlo, through the same projection as real data.

use std::path::PathBuf;

use calo_run::EnergyRange;
use calo_run::monitor::Caller;
use calo_run::simulate::{SimulateRequest, Simulated, simulate};
use calo_sim::Kind;

use crate::options::StorageOptions;
use crate::{output, tables};

/// Simulate showers of photons, electrons, muons, pions, protons or neutrons in a detector
///
/// Shower i depends on the detector, the particle, the energies, the seed and i alone: not on the number of threads, nor
/// on the part of a sample that is asked for. Interrupted and run again, it resumes at the last whole block of 256
/// showers, which are kept in FILE.partial until FILE is complete.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Detector: `ild-ecal`, `ild-ecal-staggered`, `ild-ecal-pooled`, `ild-ecal-image`, `ild-ahcal` or the path of
    /// a TOML file
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
    /// Drop what an unfinished run left in FILE.partial instead of resuming it
    #[arg(long)]
    restart: bool,
    /// File to write, completely or not at all: NAME.hdf5 for showers on the detector's grid, NAME.root for raw hits
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

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = SimulateRequest {
        detector: args.detector.clone(),
        particle: args.particle,
        energies: args.energy,
        n_showers: args.n_showers,
        seed: args.seed,
        first: args.first,
        restart: args.restart,
        out: args.out.clone(),
        storage: args.storage.options(),
    };
    let out = args.out.display();
    output::print(&match simulate(&request, caller)? {
        Simulated::Showers { n_showers, grid, projection, staggering } => {
            let staggering = tables::staggering(staggering.as_deref());
            format!("{n_showers} showers of {grid} cells written to {out}\n{projection}\n{staggering}")
        }
        Simulated::RawHits { n_events, n_hits } => {
            format!("{n_events} events with {n_hits} hits written to {out}\n")
        }
    })
}
