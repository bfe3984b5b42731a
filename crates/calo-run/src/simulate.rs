//! Showers from the embedded Monte Carlo, block by block, through the same projection as real data.

mod asked;
mod blocks;
mod finished;
mod request;
mod stored;
mod target;

use calo_core::{AtomicFile, Detector};
use calo_data::CellHits;
use calo_sim::Simulator;

use crate::error::Context as _;
use crate::monitor::{Caller, Pass};
use crate::{EnergyRange, Error, Result};
use asked::Asked;
use finished::FinishedBlocks;
use stored::StoredShowers;
use target::Target;

pub use request::SimulateRequest;
pub use target::Simulated;

/// Simulates showers.
///
/// Shower i depends on the detector, the particle, the energies, the seed and i alone: not on the number of threads, nor
/// on the part of a sample that is asked for. Interrupted and asked again, it resumes at the last whole block of 256
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
    let asked = &Asked::new(request, &detector)?;
    let target = Target::new(request, asked.attributes(), &detector)?;
    let fine = detector.fine();
    let simulator = Simulator::new(&fine, request.particle)?;
    let cells = CellHits::of(&fine);
    // A place that cannot be written shall not be found out after hours.
    drop(AtomicFile::create(target.path())?);

    let mut partial = target.path().to_owned().into_os_string();
    partial.push(".partial");
    let mut finished = FinishedBlocks::open(partial.as_ref(), &asked.words(), request.restart)?;
    let result = make_blocks(asked, &simulator, &cells, &mut finished, caller).and_then(|()| {
        let showers = StoredShowers::new(&finished, cells, asked);
        target.write(&detector, &fine, showers, caller)
    });
    match result {
        Ok(simulated) => {
            finished.remove()?;
            Ok(simulated)
        }
        // Nothing is kept where somebody removed it.
        Err(error) if !finished.is_kept() => Err(error),
        Err(error) => {
            let done = asked.n_done(finished.n_blocks());
            let kept = format!(
                "{done} of {} showers are kept in {}; the same command resumes from there",
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
    asked: &Asked,
    simulator: &Simulator,
    cells: &CellHits,
    finished: &mut FinishedBlocks,
    caller: Caller<'_>,
) -> Result<()> {
    let done = asked.n_done(finished.n_blocks());
    if done > 0 {
        let (n, path) = (asked.n_showers, finished.folder().display());
        caller.monitor.message(&format!("going on after {done} of {n} showers in {path}"));
    }
    let pass = Pass { n_done: done, ..Pass::showers("simulating", Some(asked.n_showers)) };
    let mut progress = caller.begin(&pass);
    let mut workers = blocks::Workers::new(simulator);
    while let Some(showers) = asked.block(finished.n_blocks()) {
        let n = showers.end - showers.start;
        finished.append(&workers.block(showers, asked, cells, caller)?)?;
        progress.advance(n as usize);
    }
    Ok(())
}
