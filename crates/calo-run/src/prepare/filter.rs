//! Punch-through showers and energies out of range dropped, cells below a cut zeroed.

use std::path::PathBuf;

use calo_core::Real;
use calo_data::{Filter, FilterReport, FilterSource, PunchThrough, ShowerReader, WriteOptions};
use serde::Serialize;

use crate::error::ensure;
use crate::files::{InputOptions, StorageOptions, is_f64, refuse_input, write_all};
use crate::monitor::Caller;
use crate::{EnergyRange, Result};

/// Which showers pass.
#[derive(Debug, Clone, Serialize)]
pub struct FilterRequest {
    /// Shower file.
    pub input: PathBuf,
    /// File to write.
    pub out: PathBuf,
    /// Which showers punch through, where these are dropped.
    pub punch_through: Option<PunchThroughRule>,
    /// Incident energies that are kept, ends included.
    pub energies: Option<EnergyRange>,
    /// Cells at or below this are set to zero, MeV.
    pub cell_cut_mev: Option<f64>,
    /// How the showers are found.
    pub from: InputOptions,
    /// How they are stored.
    pub storage: StorageOptions,
}

/// Which showers punch through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum PunchThroughRule {
    /// The rule of the detector.
    OfDetector,
    /// Those with at most so many hits.
    Hits(PunchThrough),
}

/// What became of the showers.
#[derive(Debug)]
pub struct Filtered {
    /// How many went, and why.
    pub report: FilterReport,
    /// The number of showers written, or why they could not be: the report says why nothing was left, too.
    pub written: Result<u64>,
}

/// Keeps the showers that pass a filter.
///
/// # Errors
/// A file that cannot be read, a detector without a rule. What fails in writing is part of the result.
pub fn filter(request: &FilterRequest, caller: Caller<'_>) -> Result<Filtered> {
    let filter = cuts(request)?;
    refuse_input(&request.out, &[&request.input])?;
    let reader = request.from.open(&request.input, caller)?;
    let options = request.storage.like(&reader, &request.input, caller)?;
    request.storage.check_effect(options.layout)?;
    if is_f64(reader.info().cells.dtype, options.dtype) {
        filter_file::<f64>(request, reader, filter, &options, caller)
    } else {
        filter_file::<f32>(request, reader, filter, &options, caller)
    }
}

fn filter_file<T: Real>(
    request: &FilterRequest,
    reader: ShowerReader,
    filter: Filter,
    options: &WriteOptions,
    caller: Caller<'_>,
) -> Result<Filtered> {
    let mut source: FilterSource<_, T> = FilterSource::new(reader, filter)?;
    let written = write_all(&mut source, &request.out, options, caller);
    Ok(Filtered { report: *source.report(), written })
}

fn cuts(request: &FilterRequest) -> Result<Filter> {
    let punch_through = match request.punch_through {
        Some(PunchThroughRule::Hits(rule)) => Some(rule),
        Some(PunchThroughRule::OfDetector) => {
            let detector = request.from.detector()?;
            let rule = detector.as_ref().and_then(PunchThrough::of);
            let name = detector.map(|d| d.name).unwrap_or_default();
            ensure!(
                rule.is_some(),
                "detector {name}: no `readout.punch_through_hits`; expected one, or --more-hits-than"
            );
            rule
        }
        None => None,
    };
    let energy_gev = request.energies.map(|range| [range.low_gev, range.high_gev]);
    Ok(Filter { energy_gev, punch_through, cell_cut_mev: request.cell_cut_mev })
}
