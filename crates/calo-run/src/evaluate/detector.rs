//! Which detector an evaluation is about.

use calo_core::detector::{AnyDetector, built_in_with_voxels};
use calo_data::{Layout, ReadOptions};

use super::request::EvaluateRequest;
use crate::files;
use crate::monitor::Caller;
use crate::{Error, Result};

/// The detector that is named, else the one that the number of voxels of a CaloChallenge file tells.
pub(super) fn of(request: &EvaluateRequest, caller: Caller<'_>) -> Result<AnyDetector> {
    if let Some(detector) = request.from.any_detector()? {
        return Ok(detector);
    }
    let path = &request.reference.full;
    let options = ReadOptions { inspect: true, ..request.from.read_options()? };
    let reader = files::open(path, &options, caller).map_err(|error| {
        error.context("evaluate: no detector (expected --detector NAME or PATH), and it cannot be told")
    })?;
    let n_voxels = reader.grid().n_cells();
    let is_row = reader.info().layout == Layout::CaloChallenge && request.from.grid.is_none();
    if let Some(detector) = AnyDetector::with_voxels(n_voxels)?.filter(|_| is_row) {
        return Ok(detector);
    }
    let fit = built_in_with_voxels(n_voxels)?;
    let fit = match fit.len() {
        0 => format!("; no built-in detector has the {n_voxels} cells of {}", path.display()),
        _ => format!("; for the {n_voxels} cells of {}, {} would fit", path.display(), fit.join(" or ")),
    };
    Err(Error::Usage(format!("evaluate: no detector; expected --detector NAME or PATH{fit}")))
}
