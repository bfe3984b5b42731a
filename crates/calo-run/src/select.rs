//! Which epoch of which run is best, all judged by the same divisors.

use std::path::{Path, PathBuf};

use calo_metrics::results::{ById, DetectorInfo, Divisors};
use calo_report::ReportFiles;
use calo_report::selection::{SCHEMA_VERSION, SelectedEpoch, SelectedRun, Selection};
use serde::Serialize;

use crate::Result;
use crate::config::RunConfig;
use crate::error::{Context as _, ensure};
use crate::files::{create_folder, write_json};
use crate::measures::detector_info;
use crate::provenance::VERSION;
use crate::run_folder::{RunFolder, Validated, area_divisors, best_of, divisors, score};

/// A distance that is nearer to zero in all epochs says nothing of them, and would blow up every score.
const LEAST_DIVISOR: f64 = 1e-9;

/// Which runs are compared.
#[derive(Debug, Clone, Serialize)]
pub struct SelectRequest {
    /// The runs; one at least.
    pub runs: Vec<NamedRun>,
    /// Folder for selection.json, selection.html and figures/.
    pub out: PathBuf,
}

/// A run and what it is called in tables and legends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedRun {
    /// What to call it.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// Chooses the best epoch of each run by the fidelity score S_JSD, and draws scores by epoch.
///
/// The distances of every validated epoch are divided by their means over all epochs of all runs, with and without
/// post-processor.
///
/// # Errors
/// Runs without validated epochs, of several detectors, or validated with other numbers of showers; a full disk.
pub fn select(request: &SelectRequest) -> Result<(Selection, ReportFiles)> {
    let runs = request.runs.iter().map(Run::read).collect::<Result<Vec<_>>>()?;
    let selection = selection(&runs)?;
    create_folder(&request.out)?;
    write_json(&request.out.join("selection.json"), &selection)?;
    let files = calo_report::render_selection(&request.out)?;
    Ok((selection, files))
}

/// What a run folder says of its epochs.
struct Run {
    name: String,
    folder: RunFolder,
    seed: u64,
    beta_kld: Option<f64>,
    detector: DetectorInfo,
    validated: Vec<Validated>,
}

impl Run {
    fn read(named: &NamedRun) -> Result<Self> {
        let folder = RunFolder::new(&named.folder);
        let description = folder.describe()?;
        let validated = folder.validated()?;
        ensure!(
            !validated.is_empty(),
            "{}: no epoch was validated; expected at least one",
            folder.validation().display()
        );
        Ok(Self {
            name: named.name.clone(),
            seed: description.seed,
            beta_kld: beta_kld(&folder.config())?,
            detector: detector_info(&folder.detector()?),
            validated,
            folder,
        })
    }

    /// Scores of all epochs, and the best of those that were kept.
    fn selected(&self, divisors: &ById) -> Result<SelectedRun> {
        let is_kept = |epoch: &&Validated| self.folder.weights(epoch.epoch).is_file();
        // Where a post-processor has a stage of its own, epochs before that are no candidates.
        let has_post_processor = self.validated.iter().any(|epoch| epoch.jsd.post_processed.is_some());
        let is_candidate = |epoch: &&Validated| epoch.jsd.post_processed.is_some() == has_post_processor;
        let candidates = self.validated.iter().filter(is_kept).filter(is_candidate);
        let best = best_of(candidates, divisors).with_context(|| {
            format!("{}: no weights of a validated epoch; expected some kept", self.folder.path().display())
        })?;
        let epoch = |validated: &Validated| SelectedEpoch {
            epoch: validated.epoch,
            step: validated.step,
            kept: is_kept(&validated),
            s_jsd_raw: score(&validated.jsd.raw, divisors),
            s_jsd_post_processed: validated.jsd.post_processed.as_ref().map(|jsd| score(jsd, divisors)),
            kld_nats: (!validated.kld_nats.is_empty()).then(|| validated.kld_nats.iter().sum()),
        };
        Ok(SelectedRun {
            name: self.name.clone(),
            path: self.folder.path().display().to_string(),
            seed: self.seed,
            beta_kld: self.beta_kld,
            best_epoch: best.epoch,
            best_s_jsd: score(best.jsd.last(), divisors),
            epochs: self.validated.iter().map(epoch).collect(),
        })
    }
}

/// The weight of the divergence in the configuration of a run; absent where its family has none.
fn beta_kld(config: &Path) -> Result<Option<f64>> {
    let table = RunConfig::read_table(config)?;
    Ok(table.get("losses").and_then(|losses| losses.get("kld")).and_then(toml::Value::as_float))
}

fn selection(runs: &[Run]) -> Result<Selection> {
    let first = runs.first().context("no run; expected --run")?;
    let n_showers = first.validated[0].n_showers;
    for run in runs {
        let place = run.folder.path().display();
        let other = first.folder.path().display();
        ensure!(
            run.detector == first.detector,
            "{place}: trained for detector {}; expected {}, as {other}",
            run.detector.name,
            first.detector.name
        );
        let differing = run.validated.iter().find(|epoch| epoch.n_showers != n_showers);
        ensure!(
            differing.is_none(),
            "{place}: validated with {} showers; expected {n_showers}, as {other}: distances fall with their number",
            differing.map_or(n_showers, |epoch| epoch.n_showers)
        );
    }
    let validated = || runs.iter().flat_map(|run| &run.validated);
    let (jsd, area_difference) = (divisors(validated()), area_divisors(validated()));
    ensure!(
        !jsd.is_empty(),
        "{}: no distance that all epochs of all runs have; expected those of at least one observable",
        first.folder.validation().display()
    );
    let all = jsd.iter().chain(area_difference.iter().flat_map(ById::iter));
    for (id, mean) in all {
        ensure!(
            mean.is_finite() && mean > LEAST_DIVISOR,
            "{}: distances of {id} with a mean of {mean:?}; expected finite numbers above 0",
            first.folder.validation().display()
        );
    }
    let n_comparisons = validated().map(|epoch| epoch.jsd.all().count()).sum();
    let selected = runs.iter().map(|run| run.selected(&jsd)).collect::<Result<_>>()?;
    Ok(Selection {
        schema_version: SCHEMA_VERSION,
        calo_version: VERSION.trim_start_matches("calo ").to_owned(),
        detector: first.detector.clone(),
        n_showers: Some(n_showers),
        divisors: Divisors { jsd, area_difference, n_comparisons },
        runs: selected,
    })
}
