//! `results.json` of schema version 1, which had a field for each score and six observables that were not described.

use serde::Deserialize;

use super::{
    DetectorInfo, Distribution, Divisors, Estimate, Gap, HistogramComparison, LinearityPoint, Moments,
    PAPERS_IDS, Pearson, PunchThrough, Response, SCHEMA_VERSION, SampleInfo, Score, SplitComparison,
};
use crate::observables::OBSERVABLES;
use crate::score::{Needs, SCORES};

/// Version of the schema here.
pub const VERSION: u32 = 1;

/// One evaluation. [`super::Results::from`] makes it one of the present version.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Results {
    calo_version: String,
    seed: u64,
    detector: DetectorInfo,
    samples: Vec<SampleInfo>,
    distributions: Vec<Distribution>,
    floor: Comparison,
    comparisons: Vec<Comparison>,
    divisors: Option<Divisors>,
    linearity: Vec<LinearityPoint>,
    pearson: Pearson,
    #[serde(default)]
    moments: Vec<Moments>,
    #[serde(default)]
    responses: Vec<Response>,
    #[serde(default)]
    punch_through: Vec<PunchThrough>,
    #[serde(default)]
    n_splits: usize,
    gaps: Vec<Gap>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Comparison {
    name: String,
    n_showers: [u64; 2],
    histograms: Vec<HistogramComparison>,
    s_jsd: Option<Estimate>,
    s_area: Option<Estimate>,
    pearson_max_difference: Option<PearsonDifference>,
    fpd: Option<Estimate>,
    kpd: Option<Estimate>,
    auc: Option<Estimate>,
    #[serde(default)]
    splits: Vec<SplitComparison>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct PearsonDifference {
    difference: Estimate,
    pair: [String; 2],
}

impl From<Results> for super::Results {
    fn from(old: Results) -> Self {
        let observables = OBSERVABLES.iter().map(|observable| &observable.info);
        let has_divisors = old.divisors.is_some();
        Self {
            schema_version: SCHEMA_VERSION,
            calo_version: old.calo_version,
            seed: old.seed,
            detector: old.detector,
            samples: old.samples,
            observables: observables.filter(|info| PAPERS_IDS.contains(&&*info.id)).cloned().collect(),
            distributions: old.distributions,
            floor: old.floor.lift(has_divisors),
            comparisons: old.comparisons.into_iter().map(|one| one.lift(has_divisors)).collect(),
            divisors: old.divisors,
            linearity: old.linearity,
            pearson: old.pearson,
            moments: old.moments,
            responses: old.responses,
            punch_through: old.punch_through,
            n_splits: old.n_splits,
            gaps: old.gaps,
        }
    }
}

impl Comparison {
    /// Scores in the order of version 2; those that divide only where there were divisors, as there.
    fn lift(self, has_divisors: bool) -> super::Comparison {
        let (difference, pair) =
            self.pearson_max_difference.map(|found| (found.difference, found.pair.to_vec())).unzip();
        let found = [
            ("s_jsd", self.s_jsd),
            ("s_area", self.s_area),
            ("pearson_max_difference", difference),
            ("fpd", self.fpd),
            ("kpd", self.kpd),
            ("auc", self.auc),
        ];
        let scores = found.into_iter().filter_map(|(id, estimate)| {
            let kind = SCORES.iter().find(|kind| kind.id == id)?;
            let given = has_divisors || estimate.is_some() || kind.needs == Needs::Nothing;
            given.then(|| Score {
                id: id.to_owned(),
                label: kind.label.to_owned(),
                value: estimate.map(|estimate| estimate.value),
                error: estimate.and_then(|estimate| estimate.error),
                digits: kind.digits,
                detail: if id == "pearson_max_difference" {
                    pair.clone().unwrap_or_default()
                } else {
                    Vec::new()
                },
            })
        });
        super::Comparison {
            name: self.name,
            n_showers: self.n_showers,
            scores: scores.collect(),
            histograms: self.histograms,
            splits: self.splits,
        }
    }
}
