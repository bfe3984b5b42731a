//! The scores that judge a candidate as a whole. All other code iterates over this list.

mod fidelity;

use std::cell::OnceCell;

pub use fidelity::{SplitScore, divisors, s_area, s_jsd, s_jsd_of_splits};

use crate::bootstrap::BootstrapSettings;
use crate::comparison::ComparedHistograms;
use crate::diversity::{distinct_neighbours, pairwise_spread};
use crate::error::{Error, Result};
use crate::features::{TwoSampleFeatures, two_sample_features};
#[cfg(feature = "frechet")]
use crate::frechet::{FrechetSettings, fpd};
use crate::kernel_distance::{KernelSettings, kpd};
use crate::layer_sample::LayerPart;
use crate::observables::{Column, ObservableTable};
use crate::out_of_fold::{OutOfFold, OutOfFoldSettings, out_of_fold};
use crate::pearson::largest_pearson_difference;
use crate::quantile::{QuantileBins, QuantileSample, SHOWERS_PER_BIN, quantile_divergences};
use crate::results::{Divisors, Estimate, Gap, Score};

/// A kind of score.
#[derive(Debug, Clone, Copy)]
pub struct ScoreKind {
    /// Name in files.
    pub id: &'static str,
    /// In tables. On pages `X_name` becomes an X with an index.
    pub label: &'static str,
    /// Decimal places that tables print.
    pub digits: usize,
    /// Without what it does not exist.
    pub needs: Needs,
    /// What it is, in one or two sentences; formulas stand between backticks.
    pub definition: &'static str,
    compute: fn(&Judged<'_>) -> std::result::Result<Option<Found>, String>,
}

/// What a score needs beyond observables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Divisors of the fidelity scores.
    Divisors,
    /// Features of every layer.
    Layers,
}

/// All scores, in the order of tables. To add one, add an entry whose function computes it or says why it cannot.
pub static SCORES: [ScoreKind; 10] = [
    ScoreKind {
        id: "s_jsd",
        label: "S_JSD",
        digits: 3,
        needs: Needs::Divisors,
        definition: "Mean of the JSDs, each over its divisor: `1/n Σₖ JSDₖ / ⟨JSDₖ⟩`. The divisor is the mean over everything \
                     compared, so scores of different comparisons are not comparable.",
        compute: |judged| judged.fidelity(|compared, divisors| s_jsd(compared, divisors).map(Some)),
    },
    ScoreKind {
        id: "s_area",
        label: "S_area",
        digits: 3,
        needs: Needs::Divisors,
        definition: "The same recipe with the area between the normalised histograms, `½ Σ |p − q|`.",
        compute: |judged| judged.fidelity(s_area),
    },
    ScoreKind {
        id: "pearson_max_difference",
        label: "largest Pearson difference",
        digits: 3,
        needs: Needs::Nothing,
        definition: "Candidate minus reference of the linear correlation `cov(a, b) / (σ(a) σ(b))`; the table gives the \
                     largest in size.",
        compute: pearson_max_difference,
    },
    ScoreKind {
        id: "fpd",
        label: "FPD",
        digits: 4,
        needs: Needs::Nothing,
        definition: "Fréchet distance of the high-level observables, standardised with the reference and taken as Gaussian: \
                     `|Δμ|² + tr(Σ₁ + Σ₂ − 2√(Σ₁Σ₂))`, extrapolated to infinitely many showers. It may be negative by \
                     chance.",
        compute: |judged| judged.two_sample(frechet_distance),
    },
    ScoreKind {
        id: "kpd",
        label: "KPD",
        digits: 5,
        needs: Needs::Nothing,
        definition: "Kernel distance of the same observables: squared maximum mean discrepancy with a polynomial kernel. It \
                     may be negative by chance.",
        compute: |judged| {
            judged.two_sample(|features, seed| {
                let (a, b) = (features.reference.view(), features.candidate.view());
                kpd(a, b, &KernelSettings::for_sizes(a.nrows(), b.nrows(), seed))
            })
        },
    },
    ScoreKind {
        id: "auc",
        label: "classifier AUC",
        digits: 4,
        needs: Needs::Nothing,
        definition: "Area under the ROC curve of 200 boosted trees that tell candidate from reference by the same \
                     observables, each shower scored by trees that have not seen it.",
        compute: |judged| judged.two_sample(auc),
    },
    ScoreKind {
        id: "auc_layers",
        label: "AUC of trees on layers",
        digits: 4,
        needs: Needs::Layers,
        definition: "The same with features of every layer: energy, hits, centre, mean squared radius and highest cell of \
                     each, and numbers of cells by energy.",
        compute: |judged| {
            let found = judged.trees_on_layers().transpose()?;
            Ok(found.map(|found| found.auc.into()))
        },
    },
    ScoreKind {
        id: "quantile_divergence",
        label: "quantile D_JS",
        digits: 5,
        needs: Needs::Nothing,
        definition: "Jensen-Shannon divergence over quantiles of visible energy, peak energy and centre of gravity across, as \
                     many as leave ten showers a bin. Fluctuations alone make about `(bins − 1) / 8 (1 / n₁ + 1 / n₂)`.",
        compute: quantile_divergence,
    },
    ScoreKind {
        id: "distinct_neighbours",
        label: "distinct nearest neighbours",
        digits: 3,
        needs: Needs::Nothing,
        definition: "Share of distinct showers among those of the reference that are nearest to the candidate's, by the same \
                     standardised observables. A generator that repeats itself is far below the floor.",
        compute: |judged| {
            judged.two_sample(|features, _| {
                let value = distinct_neighbours(features.reference.view(), features.candidate.view())?;
                Ok(Estimate { value, error: None })
            })
        },
    },
    ScoreKind {
        id: "pairwise_spread",
        label: "spread between showers",
        digits: 3,
        needs: Needs::Nothing,
        definition: "Mean distance between two showers that are neighbours in incident energy, by the same standardised \
                     observables, over that of the reference: 1 is right, 0 is one shower for each energy.",
        compute: |judged| {
            judged.two_sample(|features, _| {
                let TwoSampleFeatures { reference, candidate, energies_gev, .. } = features;
                let energies_gev = energies_gev.each_ref().map(Vec::as_slice);
                pairwise_spread([reference.view(), candidate.view()], energies_gev)
            })
        },
    },
];

/// Observables whose quantiles are compared.
///
/// # Reference
/// calomplification, figure 7: the complete combination.
const QUANTILE_COLUMNS: [Column; 4] =
    [Column::VisibleEnergyMev, Column::PeakEnergyMev, Column::M1x, Column::M1y];

#[cfg(feature = "frechet")]
fn frechet_distance(features: &TwoSampleFeatures, seed: u64) -> Result<Estimate> {
    let (a, b) = (features.reference.view(), features.candidate.view());
    fpd(a, b, &FrechetSettings::for_sizes(a.nrows(), b.nrows(), seed))
}

#[cfg(not(feature = "frechet"))]
fn frechet_distance(_: &TwoSampleFeatures, _: u64) -> Result<Estimate> {
    Err(Error::parameter("FPD", "not built in", "calo-metrics with the feature `frechet`"))
}

fn auc(features: &TwoSampleFeatures, seed: u64) -> Result<Estimate> {
    let settings = OutOfFoldSettings { seed, ..OutOfFoldSettings::default() };
    Ok(out_of_fold([features.reference.view(), features.candidate.view()], [&[], &[]], &settings)?.auc)
}

/// What scores are computed from: a candidate and what it is compared with.
#[derive(Debug)]
pub struct Judged<'a> {
    compared: &'a ComparedHistograms,
    divisors: Option<&'a Divisors>,
    tables: [&'a ObservableTable; 2],
    seed: u64,
    /// What the two-sample scores share, prepared by the first of them.
    features: OnceCell<Result<TwoSampleFeatures>>,
    layers: Option<[LayerPart<'a>; 2]>,
    trees: OnceCell<std::result::Result<OutOfFold, String>>,
}

/// The scores of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedScores {
    /// One for each of [`SCORES`] but those that divide where there are no divisors; without a value where it could not
    /// be computed.
    pub scores: Vec<Score>,
    /// Which could not be computed, and why; those that fail together for one reason are named together.
    pub gaps: Vec<Gap>,
}

/// What an entry of a list of scores found.
pub(crate) struct Found {
    pub(crate) estimate: Estimate,
    pub(crate) detail: Vec<String>,
}

impl Found {
    /// The entry of a result file; without a value where nothing was found.
    pub(crate) fn score(found: Option<Self>, id: &str, label: &str, digits: usize) -> Score {
        let estimate = found.as_ref().map(|found| found.estimate);
        Score {
            id: id.to_owned(),
            label: label.to_owned(),
            value: estimate.map(|estimate| estimate.value),
            error: estimate.and_then(|estimate| estimate.error),
            digits,
            detail: found.map(|found| found.detail).unwrap_or_default(),
        }
    }
}

impl From<Estimate> for Found {
    fn from(estimate: Estimate) -> Self {
        Self { estimate, detail: Vec::new() }
    }
}

impl<'a> Judged<'a> {
    /// The comparison of two samples with the observables of their showers, reference first. Without divisors there are
    /// no scores that divide by them; `seed` is that of every resampling.
    pub fn new(
        compared: &'a ComparedHistograms,
        divisors: Option<&'a Divisors>,
        tables: [&'a ObservableTable; 2],
        seed: u64,
    ) -> Self {
        let (features, trees) = (OnceCell::new(), OnceCell::new());
        Self { compared, divisors, tables, seed, features, layers: None, trees }
    }

    /// The same with features of every layer, reference first.
    #[must_use]
    pub fn with_layers(self, layers: [LayerPart<'a>; 2]) -> Self {
        Self { layers: Some(layers), ..self }
    }

    /// All scores of [`SCORES`], and why some could not be computed.
    pub fn scores(&self) -> JudgedScores {
        let (mut scores, mut gaps) = (Vec::new(), Vec::<Gap>::new());
        for kind in &SCORES {
            if !self.has(kind.needs) {
                continue;
            }
            let found = (kind.compute)(self).unwrap_or_else(|why| {
                gaps.push(Gap { what: kind.label.to_owned(), why });
                None
            });
            scores.push(Found::score(found, kind.id, kind.label, kind.digits));
        }
        let mut gaps = joined(gaps);
        gaps.extend(self.trees.get().and_then(|trees| trees.as_ref().ok()?.shared_gap()));
        JudgedScores { scores, gaps }
    }

    fn has(&self, needed: Needs) -> bool {
        match needed {
            Needs::Nothing => true,
            Needs::Divisors => self.divisors.is_some(),
            Needs::Layers => self.layers.is_some(),
        }
    }

    /// Trees on features of every layer; none where there are no features.
    fn trees_on_layers(&self) -> Option<std::result::Result<&OutOfFold, String>> {
        let layers = self.layers.as_ref()?;
        let compute = || {
            let settings = OutOfFoldSettings { seed: self.seed, ..OutOfFoldSettings::default() };
            let features = layers.each_ref().map(|part| part.features);
            let hashes = layers.each_ref().map(|part| part.hashes.as_slice());
            out_of_fold(features, hashes, &settings).map_err(|error| error.to_string())
        };
        Some(self.trees.get_or_init(compute).as_ref().map_err(Clone::clone))
    }

    fn fidelity(
        &self,
        score: impl FnOnce(&ComparedHistograms, &Divisors) -> Result<Option<Estimate>>,
    ) -> std::result::Result<Option<Found>, String> {
        let Some(divisors) = self.divisors else { return Ok(None) };
        let found = score(self.compared, divisors).map_err(|error| error.to_string())?;
        Ok(found.map(Found::from))
    }

    fn two_sample(
        &self,
        score: impl FnOnce(&TwoSampleFeatures, u64) -> Result<Estimate>,
    ) -> std::result::Result<Option<Found>, String> {
        let [reference, candidate] = self.tables;
        let features = self.features.get_or_init(|| two_sample_features(reference, candidate));
        let features = features.as_ref().map_err(Error::to_string)?;
        let found = score(features, self.seed).map_err(|error| error.to_string())?;
        Ok(Some(found.into()))
    }
}

fn pearson_max_difference(judged: &Judged<'_>) -> std::result::Result<Option<Found>, String> {
    let [reference, candidate] = judged.tables.map(|table| table.complete_rows(&Column::PEARSON).rows);
    let bootstrap = BootstrapSettings { seed: judged.seed, ..Default::default() };
    let largest = largest_pearson_difference(reference.view(), candidate.view(), &bootstrap)
        .map_err(|error| error.to_string())?
        .ok_or("no pair of observables varies in both samples")?;
    let detail = largest.pair.map(|column| Column::PEARSON[column].label().to_owned()).to_vec();
    Ok(Some(Found { estimate: largest.difference, detail }))
}

/// At the largest number of quantiles that leaves ten showers of both samples a bin.
fn quantile_divergence(judged: &Judged<'_>) -> std::result::Result<Option<Found>, String> {
    let [reference, candidate] = judged.tables.map(|table| table.complete_rows(&QUANTILE_COLUMNS).rows);
    let n = reference.nrows().min(candidate.nrows());
    if n < 2 * SHOWERS_PER_BIN {
        let expected = 2 * SHOWERS_PER_BIN;
        return Err(format!(
            "{n} showers with all of its observables; expected at least {expected} on both sides"
        ));
    }
    let divergence = || -> Result<Found> {
        let bins = QuantileBins::fit(reference.view(), (n / SHOWERS_PER_BIN).ilog2())?;
        let bootstrap = BootstrapSettings { seed: judged.seed, ..Default::default() };
        let found = quantile_divergences(&bins, &QuantileSample::of_showers(candidate)?, &bootstrap)?;
        let finest = found.last().ok_or_else(|| Error::empty("quantile bins", "at least one"))?;
        Ok(Found { estimate: finest.divergence, detail: vec![format!("{} quantiles", finest.n_bins)] })
    };
    divergence().map(Some).map_err(|error| error.to_string())
}

/// Joins neighbouring entries that have the same reason.
pub(crate) fn joined(gaps: Vec<Gap>) -> Vec<Gap> {
    let groups = gaps.chunk_by(|a, b| a.why == b.why);
    let join = |group: &[Gap]| {
        let names: Vec<&str> = group.iter().map(|gap| gap.what.as_str()).collect();
        let what = match names[..] {
            [ref most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
            _ => names.concat(),
        };
        group.first().map(|gap| Gap { what, why: gap.why.clone() })
    };
    groups.filter_map(join).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_once() {
        for (i, kind) in SCORES.iter().enumerate() {
            assert!(SCORES[..i].iter().all(|other| other.id != kind.id), "{}", kind.id);
        }
    }

    #[test]
    fn what_cannot_be_computed_has_no_value_and_a_reason() {
        let compared = ComparedHistograms { histograms: Vec::new(), replicas: Vec::new(), gaps: Vec::new() };
        let empty = ObservableTable::default();
        let JudgedScores { scores, gaps } = Judged::new(&compared, None, [&empty, &empty], 1).scores();
        // Scores that divide are not asked for; those that share their input share a gap.
        let ids: Vec<_> = scores.iter().map(|score| score.id.as_str()).collect();
        let expected = [
            "pearson_max_difference",
            "fpd",
            "kpd",
            "auc",
            "quantile_divergence",
            "distinct_neighbours",
            "pairwise_spread",
        ];
        assert_eq!(ids, expected);
        assert!(scores.iter().all(|score| score.estimate().is_none() && score.detail.is_empty()));
        let whats: Vec<_> = gaps.iter().map(|gap| gap.what.as_str()).collect();
        let expected = [
            "largest Pearson difference",
            "FPD, KPD and classifier AUC",
            "quantile D_JS",
            "distinct nearest neighbours and spread between showers",
        ];
        assert_eq!(whats, expected);
    }
}
