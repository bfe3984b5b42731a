//! Showers from the embedded Monte Carlo, block by block, through the same projection as real data.

mod blocks;
mod finished;
mod request;
mod stored;
mod target;

use std::path::PathBuf;

use calo_core::{AtomicFile, Detector};
use calo_data::CellHits;
use calo_sim::{Kind, Simulator};
use serde::{Serialize, Serializer};

use crate::error::Context as _;
use crate::files::StorageOptions;
use crate::monitor::{Caller, Pass};
use crate::{EnergyRange, Error, Result};
use finished::FinishedBlocks;
use request::Request;
use stored::StoredShowers;
use target::Target;

pub use target::Simulated;

/// Which showers are simulated.
#[derive(Debug, Clone, Serialize)]
pub struct SimulateRequest {
    /// Name or path of the detector.
    pub detector: String,
    /// Incident particle.
    #[serde(serialize_with = "as_text")]
    pub particle: Kind,
    /// Kinetic energies, as far as the simulator's models cover them.
    pub energies: EnergyRange,
    /// Number of showers.
    pub n_showers: u64,
    /// Another seed makes other showers.
    pub seed: u64,
    /// Number of the first shower: parts of one sample can be made apart, on any machine.
    pub first: u64,
    /// Drop what an unfinished run left instead of going on from it.
    pub restart: bool,
    /// File to write: NAME.hdf5 for showers on the detector's grid, NAME.root for raw hits.
    pub out: PathBuf,
    /// How it is stored.
    pub storage: StorageOptions,
}

fn as_text<S: Serializer>(particle: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(particle)
}

/// Simulates showers.
///
/// Shower i depends on the detector, the particle, the energies, the seed and i alone: not on the number of threads, nor
/// on the part of a sample that is asked for. Interrupted and asked again it goes on from the last whole block of 256
/// showers, which stand in a folder beside the output until that is complete.
///
/// # Errors
/// Energies or numbers that cannot be, a detector that cannot be simulated, unfinished work of another request, a full
/// disk, an interruption.
pub fn simulate(request: &SimulateRequest, caller: Caller<'_>) -> Result<Simulated> {
    // Shower numbers are stored in 64 bits with a sign.
    let (first, n_showers) = (request.first, request.n_showers);
    if first.checked_add(n_showers).is_none_or(|end| i64::try_from(end).is_err()) {
        let problem = format!("--first {first} and -n {n_showers} go beyond the last shower number");
        return Err(Error::Usage(problem));
    }
    let EnergyRange { low_gev, high_gev } = request.energies;
    calo_sim::check_energies([low_gev, high_gev])?;
    let detector = Detector::load(&request.detector)?;
    let (asked, request) = (request, &Request::new(request, &detector)?);
    let target = Target::new(asked, request.attributes(), &detector)?;
    let simulator = Simulator::new(&detector, request.particle)?;
    let cells = CellHits::of(&detector);
    // A place that cannot be written shall not be found out after hours.
    drop(AtomicFile::create(target.path())?);

    let mut partial = target.path().to_owned().into_os_string();
    partial.push(".partial");
    let mut finished = FinishedBlocks::open(partial.as_ref(), &request.words(), asked.restart)?;
    let result = make_blocks(request, &simulator, &cells, &mut finished, caller).and_then(|()| {
        let showers = StoredShowers::new(&finished, cells, request);
        target.write(&detector, showers, caller)
    });
    match result {
        Ok(simulated) => {
            finished.remove()?;
            Ok(simulated)
        }
        // Nothing is kept where somebody removed it.
        Err(error) if !finished.is_kept() => Err(error),
        Err(error) => {
            let done = request.n_done(finished.n_blocks());
            let kept = format!(
                "{done} of {} showers are kept in {}; the same command goes on from there",
                request.n_showers,
                finished.folder().display()
            );
            if error.is_interruption() {
                caller.monitor.message(&kept);
                return Err(error);
            }
            Err(error).context(kept)
        }
    }
}

/// Makes the blocks that are not finished yet.
fn make_blocks(
    request: &Request,
    simulator: &Simulator,
    cells: &CellHits,
    finished: &mut FinishedBlocks,
    caller: Caller<'_>,
) -> Result<()> {
    let done = request.n_done(finished.n_blocks());
    if done > 0 {
        let (n, path) = (request.n_showers, finished.folder().display());
        caller.monitor.message(&format!("going on after {done} of {n} showers in {path}"));
    }
    let pass = Pass { n_done: done, ..Pass::showers("simulating", Some(request.n_showers)) };
    let mut progress = caller.begin(&pass);
    let mut workers = blocks::Workers::new(simulator);
    while let Some(showers) = request.block(finished.n_blocks()) {
        let n = showers.end - showers.start;
        finished.append(&workers.block(showers, request, cells, caller)?)?;
        progress.advance(n as usize);
    }
    Ok(())
}
