//! The numbers of table 2, seed by seed: what `table2.json` holds.

use serde::Serialize;

use super::results::{Comparison, Estimate, Gap, Moments, Response, Results, Score};
use super::seed::Outcome;
use super::stages::{Request, StageRecord};

/// Version of `table2.json`. Version 1 had a field for each score, and distances without names.
const SCHEMA_VERSION: u32 = 2;

/// What results call showers of the full spectrum that stand in for those of one energy.
const WINDOW: &str = "window";

/// Decoding-photons, table 2.
const PAPER_S_JSD: [f64; 3] = [0.83, 0.88, 0.67];

/// Everything that is printed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Table2 {
    schema_version: u32,
    pub(super) calo: String,
    pub(super) detector: String,
    pub(super) request: Request,
    pub(super) seeds: Vec<SeedRow>,
    /// Seconds of the build, which no stage counts, where there was one.
    pub(super) build_seconds: Option<f64>,
    pub(super) stages: Vec<StageRecord>,
}

/// The numbers of one seed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SeedRow {
    pub(super) seed: u64,
    /// Name of the reference, and its showers of the full spectrum.
    pub(super) reference: (String, u64),
    pub(super) configurations: Vec<Column>,
    /// One half of the reference against the other.
    pub(super) floor: Column,
    /// Correlation of the variable of the highest divergence with the centre of gravity in depth, beta = 0.05.
    pub(super) top_variable_cog_z: Option<f64>,
    /// S_JSD of the best epoch of every training of beta = 0.05, against validation showers.
    pub(super) trainings_s_jsd: Vec<f64>,
    pub(super) gaps: Vec<Gap>,
    /// Folder of the seed.
    pub(super) folder: String,
}

/// One column of the table.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) paper_s_jsd: Option<f64>,
    pub(super) epoch: Option<u32>,
    pub(super) training_seed: Option<u64>,
    pub(super) beta_kld: Option<f64>,
    pub(super) kld_nats: Option<f64>,
    /// The scores of the evaluation.
    pub(super) scores: Vec<Score>,
    /// The distance of every observable.
    pub(super) jsd: Vec<Score>,
    pub(super) visible_energy: Vec<Offset>,
    pub(super) n_hits: Vec<Offset>,
    /// sigma90 / mu90 of the visible energy.
    pub(super) resolution: Vec<Offset>,
}

impl Column {
    /// The fidelity score.
    pub(super) fn s_jsd(&self) -> Option<Estimate> {
        estimate(&self.scores, "s_jsd")
    }
}

/// The number of that id, where there is one.
pub(super) fn estimate(numbers: &[Score], id: &str) -> Option<Estimate> {
    numbers.iter().find(|number| number.id == id)?.estimate()
}

/// A mean, or another number, against the reference's, per cent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Offset {
    pub(super) energy_gev: f64,
    pub(super) percent: Estimate,
    /// Not from files of that energy: from a window of the full spectrum.
    pub(super) from_window: bool,
}

impl Table2 {
    pub(super) fn new(
        calo: String,
        detector: String,
        request: Request,
        seeds: Vec<SeedRow>,
        stages: Vec<StageRecord>,
        build_seconds: Option<f64>,
    ) -> Self {
        Self { schema_version: SCHEMA_VERSION, calo, detector, request, seeds, build_seconds, stages }
    }
}

impl SeedRow {
    pub(super) fn new(outcome: &Outcome) -> Self {
        let Outcome { results, chosen, runs, .. } = outcome;
        let mut configurations = Vec::new();
        for (index, comparison) in results.comparisons.iter().enumerate() {
            let run = chosen.get(index);
            configurations.push(Column {
                paper_s_jsd: PAPER_S_JSD.get(index).copied(),
                epoch: run.map(|run| run.best_epoch),
                training_seed: run.map(|run| run.seed),
                beta_kld: run.and_then(|run| run.beta_kld),
                kld_nats: run.and_then(super::results::SelectedRun::best_kld_nats),
                visible_energy: offsets(results, index + 1, "visible_energy"),
                n_hits: offsets(results, index + 1, "n_hits"),
                resolution: resolutions(results, index + 1),
                ..column(results, comparison)
            });
        }
        // The last run is that of the other beta.
        let baselines = &runs[..runs.len().saturating_sub(1)];
        Self {
            seed: outcome.seed,
            reference: results.samples.first().map(|s| (s.name.clone(), s.n_showers)).unwrap_or_default(),
            configurations,
            floor: Column { name: "floor".to_owned(), ..column(results, &results.floor) },
            top_variable_cog_z: outcome.latent.top_with_cog_z(),
            trainings_s_jsd: baselines.iter().map(|run| run.best_s_jsd).collect(),
            gaps: results.gaps.clone(),
            folder: outcome.folder.display().to_string(),
        }
    }

    /// Whether sampling from the density is nearer to the reference than N(0, 1), in S_JSD and in the centre of gravity.
    pub(super) fn density_is_better(&self) -> [Option<bool>; 2] {
        let compare = |quantity: &dyn Fn(&Column) -> Option<Estimate>| {
            let [normal, density] = [0, 2].map(|index| quantity(self.configurations.get(index)?));
            Some(density?.value < normal?.value)
        };
        [compare(&Column::s_jsd), compare(&|column| estimate(&column.jsd, "cog_z"))]
    }
}

fn column(results: &Results, comparison: &Comparison) -> Column {
    let jsd = results.observables.iter().map(|observable| {
        let found = comparison.histograms.iter().find(|histogram| histogram.observable == observable.id);
        Score {
            id: observable.id.clone(),
            label: observable.label.clone(),
            value: found.map(|found| found.jsd.value),
            error: found.and_then(|found| found.jsd.error),
            detail: Vec::new(),
        }
    });
    Column {
        name: comparison.name.clone(),
        scores: comparison.scores.clone(),
        jsd: jsd.collect(),
        ..Column::default()
    }
}

/// Means of a sample against the reference's at every energy that both have.
fn offsets(results: &Results, sample: usize, observable: &str) -> Vec<Offset> {
    let of = |sample: usize| {
        results.moments.iter().filter(move |m| m.sample == sample && m.observable == observable)
    };
    let offset = |ours: &Moments| {
        let energy_gev = ours.energy_gev?;
        let same = |theirs: &&Moments| theirs.energy_gev.is_some_and(|e| e.total_cmp(&energy_gev).is_eq());
        let theirs = of(0).find(same)?;
        let from_window = [ours, theirs].iter().any(|moments| moments.source.as_deref() == Some(WINDOW));
        Some(Offset { energy_gev, percent: percent(ours.mean, theirs.mean)?, from_window })
    };
    of(sample).filter_map(offset).collect()
}

/// Resolutions of a sample against the reference's at the energies that have files of their own.
fn resolutions(results: &Results, sample: usize) -> Vec<Offset> {
    let of = |sample: usize| {
        results
            .linearity
            .iter()
            .filter(move |response| response.sample == sample && response.source != WINDOW)
    };
    let offset = |ours: &Response| {
        let same = |theirs: &&Response| theirs.energy_gev.total_cmp(&ours.energy_gev).is_eq();
        let percent = percent(ours.resolution, of(0).find(same)?.resolution)?;
        Some(Offset { energy_gev: ours.energy_gev, percent, from_window: false })
    };
    of(sample).filter_map(offset).collect()
}

/// How far `ours` is from `theirs`, independent of it, in per cent of that; nothing where that is zero.
fn percent(ours: Estimate, theirs: Estimate) -> Option<Estimate> {
    let ratio = ours.value / theirs.value;
    let error = || Some(100.0 * ratio * (ours.error? / ours.value).hypot(theirs.error? / theirs.value));
    ratio.is_finite().then(|| Estimate { value: 100.0 * (ratio - 1.0), error: error() })
}
