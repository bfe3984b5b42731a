//! Observables of showers in a file of their own, which is much smaller than the showers.

use std::path::PathBuf;

use calo_metrics::Column;
use serde::Serialize;

use super::file::DETECTOR;
use super::observed::ObservedShowers;
use crate::error::{Context as _, ensure};
use crate::files::{self, InputOptions};
use crate::monitor::Caller;
use crate::{Error, Result, provenance};

/// Observables that are written unless others are asked for: those of the paper, and the hits.
pub const OBSERVED: [Column; 5] =
    [Column::VisibleEnergyMev, Column::PeakEnergyMev, Column::NHits, Column::M1x, Column::M1y];

/// Whose observables are written, and which.
#[derive(Debug, Clone, Serialize)]
pub struct ObserveRequest {
    /// Shower files, one after another.
    pub inputs: Vec<PathBuf>,
    /// Observables; the cells above 5 MeV come with them.
    pub columns: Vec<Column>,
    /// Number of the first shower that is written.
    pub first: usize,
    /// How many showers from there on; all unless told.
    pub n_showers: Option<usize>,
    /// Whether cells are stored in rising order, all showers together.
    pub sorted: bool,
    /// How the showers are found, with their detector.
    pub from: InputOptions,
    /// File to write.
    pub out: PathBuf,
}

/// Writes the observables of showers; their number.
///
/// # Errors
/// No detector, no observables, a range beyond the showers of the input, files that cannot be read, a full disk, an interruption.
pub fn observe(request: &ObserveRequest, caller: Caller<'_>) -> Result<usize> {
    let Some(detector) = request.from.detector()? else {
        return Err(Error::Usage("observe: no detector; expected --detector NAME or PATH".to_owned()));
    };
    ensure!(!request.columns.is_empty(), "observe: no observables; expected at least one");
    let columns = &request.columns;
    let twice = columns.iter().enumerate().find(|(i, column)| columns[..*i].contains(column));
    if let Some((_, column)) = twice {
        return Err(Error::Usage(format!(
            "--observables: `{}` twice; expected names that differ",
            column.id()
        )));
    }
    files::refuse_input(&request.out, &request.inputs)?;
    let mut showers = ObservedShowers::default();
    for input in &request.inputs {
        let mut of_file = ObservedShowers::default();
        of_file.read(input, &request.from, &detector, caller)?;
        let missing = columns.iter().find(|column| of_file.column(**column).is_empty());
        if let Some(column) = missing {
            return Err(Error::Invalid(format!(
                "{}: does not hold {}; expected a file with it, or showers",
                input.display(),
                column.id()
            )));
        }
        showers.append(of_file).with_context(|| input.display().to_string())?;
    }
    let place = request.inputs.iter().map(|input| input.display().to_string()).collect::<Vec<_>>().join(", ");
    let inputs: Vec<&std::path::Path> = request.inputs.iter().map(PathBuf::as_path).collect();
    let mut attributes = provenance::attributes(&inputs, caller)?;
    // Of an input of observables, which hands its attributes on.
    attributes.retain(|(name, _)| name != DETECTOR);
    attributes.push((DETECTOR.to_owned(), detector.to_toml()?));
    if request.first > 0 || request.n_showers.is_some() {
        let rest = showers.len().saturating_sub(request.first);
        let n = request.n_showers.unwrap_or(rest);
        ensure!(
            n > 0,
            "{place}: {n} showers from number {} on, of {} in all; expected at least one",
            request.first,
            showers.len()
        );
        showers = showers.part(request.first, request.first.saturating_add(n)).context(place)?;
    }
    let n = showers.len();
    let showers = if request.sorted { showers.sorted() } else { showers };
    showers.write(&request.out, &request.columns, &attributes)?;
    Ok(n)
}
