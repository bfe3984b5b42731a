//! Divisors of S_JSD from another evaluation or from a selection of epochs.

use std::path::Path;

use calo_core::Detector;
use calo_metrics::results::{DetectorInfo, Divisors, SCHEMA_VERSION, version1};
use calo_report::selection;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Result;
use crate::error::{Context as _, ensure};
use crate::measures::detector_info;

/// What the results of an evaluation and a selection of epochs both say of their divisors.
#[derive(Debug, Deserialize)]
struct DivisorsFile {
    schema_version: u32,
    detector: DetectorInfo,
    divisors: Option<Divisors>,
    /// What only a selection has.
    runs: Option<IgnoredAny>,
}

/// The divisors in another evaluation's `results.json`, or in a `selection.json`.
pub(super) fn read(path: &Path, detector: &Detector) -> Result<Divisors> {
    let place = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{place}: cannot read the divisors"))?;
    let file: DivisorsFile = serde_json::from_str(&text).with_context(|| {
        format!("{place}: not the results.json of an evaluation or the selection.json of calo select")
    })?;
    let results_versions = version1::VERSION..=SCHEMA_VERSION;
    let versions = if file.runs.is_some() { selection::READ_VERSIONS } else { results_versions };
    ensure!(
        versions.contains(&file.schema_version),
        "{place}: schema version {}; expected {} to {}",
        file.schema_version,
        versions.start(),
        versions.end()
    );
    let (theirs, ours) = (&file.detector, detector_info(detector));
    ensure!(
        *theirs == ours,
        "{place}: divisors of detector {} with other readout settings; expected those of {}",
        theirs.name,
        ours.name
    );
    let mut divisors = file
        .divisors
        .with_context(|| format!("{place}: holds no divisors; expected an evaluation of several"))?;
    divisors.n_comparisons = 0;
    Ok(divisors)
}
