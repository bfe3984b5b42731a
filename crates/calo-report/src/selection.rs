//! Which epoch of which run is best, as written to `selection.json` (schema in `docs/results-schema.md`).
//!
//! Plain data: `calo select` fills it, [`render_selection`](crate::render_selection) draws it, `calo evaluate` takes its
//! divisors.

use std::path::Path;

use calo_metrics::results::{ById, DetectorInfo, Divisors};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::input::{Place, read};

/// Version of the schema below; raised when a field changes its meaning or goes. Version 1 had a list of six numbers
/// for each of the divisors, which [`ById`] reads too.
pub const SCHEMA_VERSION: u32 = 2;

/// All versions that are read.
pub const READ_VERSIONS: std::ops::RangeInclusive<u32> = 1..=SCHEMA_VERSION;

/// Runs that are compared, epoch by epoch.
///
/// # Reference
/// arXiv:2102.12491, appendix A and figure 9.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Version of the software.
    pub calo_version: String,
    /// The detector.
    pub detector: DetectorInfo,
    /// Validation showers of the full spectrum that every epoch was compared with, and as many of the model; not in files of
    /// earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_showers: Option<u64>,
    /// Mean JSD of each histogram over every validated epoch of every run, with and without post-processor.
    pub divisors: Divisors,
    /// The runs, in the order given.
    pub runs: Vec<SelectedRun>,
}

/// One run and its best epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelectedRun {
    /// Name among the others.
    pub name: String,
    /// Folder of the run, as given.
    pub path: String,
    /// Seed of the run.
    pub seed: u64,
    /// Weight of the Kullback-Leibler divergence in the run.
    pub beta_kld: Option<f64>,
    /// Epoch of the lowest S_JSD among those whose weights were kept, after the post-processor where there is one.
    pub best_epoch: u32,
    /// Its S_JSD.
    pub best_s_jsd: f64,
    /// Every validated epoch, in order.
    pub epochs: Vec<SelectedEpoch>,
}

/// One validated epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelectedEpoch {
    /// Counted from 1.
    pub epoch: u32,
    /// Training steps until its end.
    pub step: u64,
    /// Whether its weights were kept, so that it can be the best.
    pub kept: bool,
    /// S_JSD of the decoder's showers.
    pub s_jsd_raw: f64,
    /// S_JSD after the post-processor, where there is one.
    pub s_jsd_post_processed: Option<f64>,
    /// Divergence of the encoded variables from N(0, 1), summed over them, nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kld_nats: Option<f64>,
}

impl SelectedEpoch {
    /// S_JSD of the final showers: after the post-processor where there is one.
    pub fn s_jsd(&self) -> f64 {
        self.s_jsd_post_processed.unwrap_or(self.s_jsd_raw)
    }
}

/// Reads and checks a `selection.json`.
///
/// # Errors
/// [`Error::File`](crate::Error::File) where it cannot be read or is not ours, [`Error::Field`](crate::Error::Field)
/// where it contradicts itself.
pub fn read_selection(path: &Path) -> Result<Selection> {
    let selection = read(path, READ_VERSIONS, "a result of `calo select`")?;
    check(&selection, &Place(path))?;
    Ok(selection)
}

fn check(selection: &Selection, place: &Place<'_>) -> Result<()> {
    let Divisors { jsd, area_difference, .. } = &selection.divisors;
    place.not_negative(
        || "divisors".into(),
        jsd.values().chain(area_difference.iter().flat_map(ById::values)),
    )?;
    place.demand(!selection.runs.is_empty(), || "runs".into(), || "none".into(), "at least one")?;
    for (index, run) in selection.runs.iter().enumerate() {
        let field = |what: &'static str| move || format!("runs[{index}].{what}");
        place.numbers(field("beta_kld"), run.beta_kld.as_ref())?;
        place.not_negative(field("best_s_jsd"), [&run.best_s_jsd])?;
        let has_best = run.epochs.iter().any(|epoch| epoch.epoch == run.best_epoch);
        place.demand(has_best, field("best_epoch"), || run.best_epoch.to_string(), "one of its epochs")?;
        for epoch in &run.epochs {
            let values =
                [&epoch.s_jsd_raw].into_iter().chain(&epoch.kld_nats).chain(&epoch.s_jsd_post_processed);
            place.not_negative(field("epochs"), values)?;
        }
    }
    Ok(())
}
