//! The numbers of an experiment, seed by seed: what `NAME.json` holds.

mod latent_row;

use std::collections::BTreeMap;

use calo_metrics::results::{
    Comparison, EnergySource, Estimate, Gap, LinearityPoint, Moments, Results, Score,
};
use calo_metrics::{SplitScore, s_jsd_of_splits};
use serde::Serialize;

use super::description::Experiment;
use super::plan::{Candidate, ClaimedQuantity, Sampling};
use super::seed::{DivisorsOrigin, Outcome, UsedEpoch};
use super::stages::{Request, StageRecord};
use crate::provenance::VERSION;

pub use latent_row::LatentRow;

/// Version of the JSON file. Version 1 had a field for each score, and distances without names; version 2 called
/// `repeated_s_jsd` and `run_seed` otherwise; in version 3 all seeds had the same showers.
const SCHEMA_VERSION: u32 = 4;

/// Digits of distances in tables.
const JSD_DIGITS: usize = 4;

/// Everything that is printed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    schema_version: u32,
    /// The program and its version.
    pub calo: String,
    /// Name of the detector.
    pub detector: String,
    /// What was asked for.
    pub request: Request,
    /// One row a seed.
    pub seeds: Vec<SeedRow>,
    /// Seconds of the build, which no stage counts, where there was one.
    pub build_seconds: Option<f64>,
    /// The stages, in order.
    pub stages: Vec<StageRecord>,
}

/// The numbers of one seed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeedRow {
    /// The seed.
    pub seed: u64,
    /// Name of the reference, and its showers of the full spectrum.
    pub reference: (String, u64),
    /// Where the divisors of S_JSD are from.
    pub divisors: DivisorsOrigin,
    /// Showers on each side of `s_jsd_of_halves`.
    pub n_of_halves: Option<u64>,
    /// The candidates, in the order of the experiment.
    pub configurations: Vec<Column>,
    /// One half of the reference against the other.
    pub floor: Column,
    /// Correlation of the variable of the highest divergence with the centre of gravity in depth, of the first page.
    pub top_variable_cog_z: Option<f64>,
    /// Latent spaces, in the order of their pages.
    pub latent_spaces: Vec<LatentRow>,
    /// S_JSD of the best epoch of every repeated run, against validation showers.
    pub repeated_s_jsd: Vec<f64>,
    /// Runs that did not recover, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub died: Vec<(String, String)>,
    /// What could not be computed.
    pub gaps: Vec<Gap>,
    /// Folder of the seed.
    pub folder: String,
}

/// One column of the table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Column {
    /// Name of the candidate.
    pub name: String,
    /// Published S_JSD.
    pub paper_s_jsd: Option<f64>,
    /// Other published scores, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub published: BTreeMap<String, f64>,
    /// Epoch of the run.
    pub epoch: Option<u32>,
    /// Seed of the run.
    pub run_seed: Option<u64>,
    /// Weight of the divergence.
    pub beta_kld: Option<f64>,
    /// Divergence of the latent variables at that epoch, nats.
    pub kld_nats: Option<f64>,
    /// S_JSD of half the reference's showers and as many others, averaged over random splits: the only one of the floor that
    /// is at a candidate's number of showers.
    pub s_jsd_of_halves: Option<Estimate>,
    /// The scores of the evaluation.
    pub scores: Vec<Score>,
    /// The distance of every observable.
    pub jsd: Vec<Score>,
    /// Mean visible energy.
    pub visible_energy: Vec<Offset>,
    /// Mean number of hits.
    pub n_hits: Vec<Offset>,
    /// mu90 of the visible energy.
    pub mu90: Vec<Offset>,
    /// sigma90 / mu90 of the visible energy.
    pub resolution: Vec<Offset>,
}

/// A mean, or another number, against the reference's, per cent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Offset {
    /// Incident energy, GeV.
    pub energy_gev: f64,
    /// How far it is off.
    pub percent: Estimate,
    /// Not from files of that energy: from a window of the full spectrum.
    pub from_window: bool,
}

impl Table {
    pub(super) fn new(
        detector: String,
        request: Request,
        seeds: Vec<SeedRow>,
        stages: Vec<StageRecord>,
        build_seconds: Option<f64>,
    ) -> Self {
        let calo = VERSION.to_owned();
        Self { schema_version: SCHEMA_VERSION, calo, detector, request, seeds, build_seconds, stages }
    }
}

impl Column {
    /// The largest in size of what a claim is about.
    pub(super) fn claimed(&self, quantity: ClaimedQuantity) -> Option<Estimate> {
        let largest = |offsets: &[Offset]| {
            let sizes =
                offsets.iter().map(|offset| Estimate { value: offset.percent.value.abs(), ..offset.percent });
            sizes.max_by(|a, b| a.value.total_cmp(&b.value))
        };
        match quantity {
            ClaimedQuantity::Mu90 => largest(&self.mu90),
            ClaimedQuantity::Resolution => largest(&self.resolution),
            ClaimedQuantity::Pearson => {
                let found = estimate(&self.scores, "pearson_max_difference")?;
                Some(Estimate { value: found.value.abs(), ..found })
            }
        }
    }

    /// The fidelity score.
    pub fn s_jsd(&self) -> Option<Estimate> {
        estimate(&self.scores, "s_jsd")
    }

    /// The published number of that id.
    pub(super) fn published(&self, id: &str) -> Option<f64> {
        if id == "s_jsd" { self.paper_s_jsd } else { self.published.get(id).copied() }
    }
}

/// The number of that id, where there is one.
pub(super) fn estimate(numbers: &[Score], id: &str) -> Option<Estimate> {
    numbers.iter().find(|number| number.id == id)?.estimate()
}

impl SeedRow {
    pub(super) fn new(outcome: &Outcome, experiment: &Experiment) -> Self {
        let Outcome { results, used, .. } = outcome;
        let halves: Vec<_> = results.comparisons.iter().map(|one| of_halves(results, one)).collect();
        // All candidates have as many showers, so they share one floor.
        let shared = halves.iter().flatten().next();
        // Those whose run did not recover are in no comparison.
        let mut compared = results.comparisons.iter().zip(&halves).enumerate();
        let configurations = experiment.candidates.iter().zip(used).map(|(candidate, used)| {
            let mut published = candidate.published.clone();
            let blank = Column {
                name: candidate.name.clone(),
                paper_s_jsd: published.remove("s_jsd"),
                published,
                ..Column::default()
            };
            let Some(used) = used else { return blank };
            let Some((index, (comparison, halves))) = compared.next() else { return blank };
            let fixed_gev = &experiment.data.fixed_gev;
            Column {
                epoch: Some(used.epoch),
                run_seed: Some(used.run.seed),
                beta_kld: used.run.beta_kld,
                kld_nats: kld_nats(used),
                s_jsd_of_halves: halves.map(|halves| halves.candidate),
                visible_energy: offsets(results, index + 1, "visible_energy"),
                n_hits: offsets(results, index + 1, "n_hits"),
                mu90: linear(results, index + 1, fixed_gev, |point| point.mu90_mev),
                resolution: linear(results, index + 1, fixed_gev, |point| point.resolution),
                paper_s_jsd: blank.paper_s_jsd,
                published: blank.published,
                ..column(results, comparison)
            }
        });
        let configurations = configurations.collect();
        Self {
            seed: outcome.seed,
            reference: results.samples.first().map(|s| (s.name.clone(), s.n_showers)).unwrap_or_default(),
            divisors: outcome.divisors.clone(),
            n_of_halves: shared.map(|halves| halves.n_showers),
            configurations,
            floor: Column {
                name: "floor".to_owned(),
                s_jsd_of_halves: shared.map(|halves| halves.floor),
                ..column(results, &results.floor)
            },
            top_variable_cog_z: outcome.latent.first().and_then(|space| LatentRow::new(space).cog_z),
            latent_spaces: outcome.latent.iter().map(LatentRow::new).collect(),
            repeated_s_jsd: outcome.repeated_s_jsd.clone(),
            died: outcome.died.clone(),
            gaps: results.gaps.clone(),
            folder: outcome.folder.display().to_string(),
        }
    }

    /// Whether sampling from the density is nearer to the reference than N(0, 1), in S_JSD and in the centre of gravity, of
    /// these two columns.
    pub(super) fn density_is_better(&self, [normal, density]: [usize; 2]) -> [Option<bool>; 2] {
        let compare = |quantity: &dyn Fn(&Column) -> Option<Estimate>| {
            let [normal, density] = [normal, density].map(|index| quantity(self.configurations.get(index)?));
            Some(density?.value < normal?.value)
        };
        [compare(&Column::s_jsd), compare(&|column| estimate(&column.jsd, "cog_z"))]
    }
}

/// Pairs of candidates of one run of which the first is sampled from N(0, 1), the second from a density.
pub(super) fn sampled_both_ways(experiment: &Experiment) -> Vec<[usize; 2]> {
    let candidates = &experiment.candidates;
    let sampled = candidates.iter().enumerate().filter(|(_, candidate)| candidate.sampling == Sampling::Kde);
    let pair = |(density, theirs): (usize, &Candidate)| {
        let same = |ours: &Candidate| ours.sampling == Sampling::Normal && ours.run == theirs.run;
        Some([candidates.iter().position(same)?, density])
    };
    sampled.filter_map(pair).collect()
}

/// S_JSD of a candidate and the floor at half the reference's showers.
fn of_halves(results: &Results, comparison: &Comparison) -> Option<SplitScore> {
    s_jsd_of_splits(&comparison.splits, results.divisors.as_ref()?)
}

/// Summed divergence of the latent variables at that epoch, nats.
fn kld_nats(used: &UsedEpoch) -> Option<f64> {
    let epoch = used.run.epochs.iter().find(|epoch| epoch.epoch == used.epoch);
    epoch.and_then(|epoch| epoch.kld_nats)
}

fn column(results: &Results, comparison: &Comparison) -> Column {
    let jsd = results.observables.iter().map(|observable| {
        let found = comparison.histogram(&observable.id);
        Score {
            id: observable.id.to_string(),
            label: observable.label.to_string(),
            value: found.map(|found| found.jsd.value),
            error: found.and_then(|found| found.jsd.error),
            digits: JSD_DIGITS,
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
        let from_window = [ours, theirs].iter().any(|moments| moments.source == Some(EnergySource::Window));
        Some(Offset { energy_gev, percent: percent(ours.mean, theirs.mean)?, from_window })
    };
    of(sample).filter_map(offset).collect()
}

/// A quantity of the visible energy of a sample against the reference's at the energies that have files of their own, and at
/// those of `wanted_gev` also from windows of the full spectrum.
fn linear(
    results: &Results,
    sample: usize,
    wanted_gev: &[f64],
    quantity: fn(&LinearityPoint) -> Estimate,
) -> Vec<Offset> {
    let of = |sample: usize| {
        let is_wanted = move |point: &&LinearityPoint| {
            let is_asked = wanted_gev.iter().any(|wanted| wanted.total_cmp(&point.energy_gev).is_eq());
            point.sample == sample && (is_asked || point.source != EnergySource::Window)
        };
        results.linearity.iter().filter(is_wanted)
    };
    let offset = |ours: &LinearityPoint| {
        let same = |theirs: &&LinearityPoint| theirs.energy_gev.total_cmp(&ours.energy_gev).is_eq();
        let theirs = of(0).find(same)?;
        let from_window = [ours, theirs].iter().any(|point| point.source == EnergySource::Window);
        let percent = percent(quantity(ours), quantity(theirs))?;
        Some(Offset { energy_gev: ours.energy_gev, percent, from_window })
    };
    of(sample).filter_map(offset).collect()
}

/// How far `ours` is from `theirs`, independent of it, in per cent of that; nothing where that is zero.
fn percent(ours: Estimate, theirs: Estimate) -> Option<Estimate> {
    let ratio = ours.value / theirs.value;
    let error = || Some(100.0 * ratio * (ours.error? / ours.value).hypot(theirs.error? / theirs.value));
    ratio.is_finite().then(|| Estimate { value: 100.0 * (ratio - 1.0), error: error() })
}
