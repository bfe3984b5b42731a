//! The scores of a comparison on layers of voxels. All other code iterates over this list.

use std::cell::OnceCell;

use ndarray::{Array2, ArrayView2, Axis};

use super::histograms::{SeparationPower, separation_powers};
use super::layout::Layout;
use super::sample::ChallengePart;
#[cfg(feature = "frechet")]
use super::scores::fpd_settings;
use super::scores::{N_NEIGHBOURS, challenge_prdc, kpd_settings, scaled_by_reference};
use crate::error::Result;
#[cfg(feature = "frechet")]
use crate::frechet::fpd;
use crate::kernel_distance::kpd;
use crate::neighbours::Prdc;
use crate::out_of_fold::{OutOfFold, OutOfFoldSettings, out_of_fold};
use crate::resampling::Draw;
use crate::results::challenge::ChallengeComparison;
use crate::results::{Estimate, Gap};
use crate::score::{Found, joined};

/// How samples are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChallengeSettings {
    /// Showers of a sample that trees are grown with, at most.
    pub tree_showers: usize,
    /// Seed of batches and folds.
    pub seed: u64,
}

/// A kind of score on layers of voxels.
#[derive(Debug, Clone, Copy)]
pub struct ChallengeScoreKind {
    /// Name in files.
    pub id: &'static str,
    /// In tables.
    pub label: &'static str,
    /// Decimal places that tables print.
    pub digits: usize,
    /// What it is, in one or two sentences; formulas stand between backticks.
    pub definition: &'static str,
    compute: fn(&Judge<'_, '_>) -> Outcome,
}

type Outcome = std::result::Result<Found, String>;

/// All scores on layers of voxels, in the order of tables.
pub static CHALLENGE_SCORES: [ChallengeScoreKind; 11] = [
    ChallengeScoreKind {
        id: "auc_features",
        label: "AUC of trees on features",
        digits: 4,
        definition: "Area under the ROC curve of 200 boosted trees on the feature vector, each shower scored by trees that \
                     have not seen it.",
        compute: |judge| judge.trees().map(|found| found.auc.into()),
    },
    ChallengeScoreKind {
        id: "fpd",
        label: "FPD",
        digits: 5,
        definition: "Fréchet distance of the feature vectors, extrapolated to infinitely many showers, from batches without \
                     replacement: samples of one simulation are at 0 on average.",
        compute: |judge| judge.fpd(Draw::WithoutReplacement),
    },
    ChallengeScoreKind {
        id: "fpd_with_replacement",
        label: "FPD, with replacement",
        digits: 5,
        definition: "The same from batches with replacement, as the challenge does: published values are 1000 times this, \
                     and above 0 even for samples of one simulation.",
        compute: |judge| judge.fpd(Draw::WithReplacement),
    },
    ChallengeScoreKind {
        id: "kpd",
        label: "KPD",
        digits: 5,
        definition: "Kernel distance of the feature vectors, `k(x, y) = (x·y / d + 1)⁴`, from batches without replacement.",
        compute: |judge| judge.kpd(Draw::WithoutReplacement),
    },
    ChallengeScoreKind {
        id: "kpd_with_replacement",
        label: "KPD, with replacement",
        digits: 5,
        definition: "The same from batches with replacement, as the challenge does.",
        compute: |judge| judge.kpd(Draw::WithReplacement),
    },
    ChallengeScoreKind {
        id: "separation_power",
        label: "mean separation power",
        digits: 5,
        definition: "Mean over all histograms of `½ Σ (a − b)² / (a + b)`, with counts normalised to one inside the axis.",
        compute: mean_separation_power,
    },
    ChallengeScoreKind {
        id: "separation_power_max",
        label: "largest separation power",
        digits: 5,
        definition: "The largest of them, and its histogram.",
        compute: largest_separation_power,
    },
    ChallengeScoreKind {
        id: "precision",
        label: "precision",
        digits: 4,
        definition: "Share of candidates that lie closer to some reference shower than its fifth neighbour, in logarithms of \
                     voxel energies.",
        compute: |judge| judge.neighbours(|prdc| prdc.precision),
    },
    ChallengeScoreKind {
        id: "recall",
        label: "recall",
        digits: 4,
        definition: "Share of reference showers that lie closer to some candidate than its fifth neighbour.",
        compute: |judge| judge.neighbours(|prdc| prdc.recall),
    },
    ChallengeScoreKind {
        id: "density",
        label: "density",
        digits: 4,
        definition: "Mean number of reference neighbourhoods that a candidate lies in, over five: 1 is right.",
        compute: |judge| judge.neighbours(|prdc| prdc.density),
    },
    ChallengeScoreKind {
        id: "coverage",
        label: "coverage",
        digits: 4,
        definition: "Share of reference showers with a candidate in their neighbourhood.",
        compute: |judge| judge.neighbours(|prdc| prdc.coverage),
    },
];

/// A comparison, and what of it could not be computed.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedParts {
    /// All scores.
    pub comparison: ChallengeComparison,
    /// Why some have no value, and what to know of the others.
    pub gaps: Vec<Gap>,
}

/// Compares a candidate with a reference by [`CHALLENGE_SCORES`]. Scores that cannot be computed have no value, and a gap
/// that says why.
///
/// # Errors
/// Histograms on different axes.
pub fn compare_challenge(
    layout: &Layout,
    name: &str,
    parts: [&ChallengePart<'_>; 2],
    settings: ChallengeSettings,
) -> Result<ComparedParts> {
    let powers = separation_powers(layout, &parts[0].histograms, &parts[1].histograms)?;
    let judge = Judge {
        layout,
        parts,
        powers: &powers,
        settings,
        scaled: OnceCell::new(),
        prdc: OnceCell::new(),
        trees: OnceCell::new(),
    };
    let (mut scores, mut gaps) = (Vec::new(), Vec::new());
    for kind in &CHALLENGE_SCORES {
        let found = (kind.compute)(&judge).map_err(|why| gaps.push(Gap::new(kind.label, why))).ok();
        scores.push(Found::score(found, kind.id, kind.label, kind.digits));
    }
    let mut gaps = joined(gaps);
    gaps.extend(judge.trees.get().and_then(|trees| trees.as_ref().ok()?.shared_gap()));
    let of_comparison = |gap: Gap| Gap { what: format!("{name}: {}", gap.what), ..gap };
    let comparison = ChallengeComparison {
        name: name.to_owned(),
        n_showers: parts.map(|part| part.n_showers),
        scores,
        separation_powers: powers.into_iter().map(|power| power.value).collect(),
    };
    Ok(ComparedParts { comparison, gaps: gaps.into_iter().map(of_comparison).collect() })
}

/// What the scores are computed from; what several of them share is prepared by the first.
struct Judge<'a, 'b> {
    layout: &'a Layout,
    parts: [&'a ChallengePart<'b>; 2],
    powers: &'a [SeparationPower],
    settings: ChallengeSettings,
    scaled: OnceCell<std::result::Result<[Array2<f64>; 2], String>>,
    prdc: OnceCell<std::result::Result<Prdc, String>>,
    trees: OnceCell<std::result::Result<OutOfFold, String>>,
}

impl Judge<'_, '_> {
    #[cfg(feature = "frechet")]
    fn fpd(&self, draw: Draw) -> Outcome {
        let [a, b] = self.scaled()?;
        let settings = fpd_settings([a.nrows(), b.nrows()], draw, self.settings.seed);
        fpd(a, b, &settings).map(Found::from).map_err(|error| error.to_string())
    }

    #[cfg(not(feature = "frechet"))]
    fn fpd(&self, _: Draw) -> Outcome {
        Err("not built in; expected calo-metrics with the feature `frechet`".to_owned())
    }

    fn kpd(&self, draw: Draw) -> Outcome {
        let [a, b] = self.scaled()?;
        let settings = kpd_settings([a.nrows(), b.nrows()], draw, self.settings.seed);
        kpd(a, b, &settings).map(Found::from).map_err(|error| error.to_string())
    }

    /// Feature vectors over the reference's largest values.
    fn scaled(&self) -> std::result::Result<[ArrayView2<'_, f64>; 2], String> {
        let [a, b] = self.parts.map(|part| part.vectors);
        let compute = || scaled_by_reference(a, b).map_err(|error| error.to_string());
        let scaled = self.scaled.get_or_init(compute).as_ref().map_err(Clone::clone)?;
        Ok(scaled.each_ref().map(|sample| sample.view()))
    }

    fn neighbours(&self, score: impl FnOnce(&Prdc) -> f64) -> Outcome {
        let [a, b] = self.parts.map(|part| part.voxels_mev);
        let compute = || challenge_prdc(self.layout, a, b, N_NEIGHBOURS).map_err(|error| error.to_string());
        let prdc = self.prdc.get_or_init(compute).as_ref().map_err(Clone::clone)?;
        Ok(Estimate { value: score(prdc), error: None }.into())
    }

    fn trees(&self) -> std::result::Result<&OutOfFold, String> {
        let compute = || {
            let thinned = self.parts.map(|part| thinned(part.vectors, self.settings.tree_showers));
            let hashes: [Vec<Option<u64>>; 2] =
                [0, 1].map(|side| thinned[side].1.iter().map(|&row| self.parts[side].hashes[row]).collect());
            let features = thinned.each_ref().map(|(rows, _)| rows.view());
            let settings = OutOfFoldSettings { seed: self.settings.seed, ..OutOfFoldSettings::default() };
            let hashes = hashes.each_ref().map(Vec::as_slice);
            out_of_fold(features, hashes, &settings).map_err(|error| error.to_string())
        };
        self.trees.get_or_init(compute).as_ref().map_err(Clone::clone)
    }
}

/// Evenly spread rows, and their numbers.
fn thinned(vectors: ArrayView2<'_, f64>, at_most: usize) -> (Array2<f64>, Vec<usize>) {
    let (n, kept) = (vectors.nrows(), vectors.nrows().min(at_most));
    let rows: Vec<usize> = (0..kept).map(|row| row * n / kept).collect();
    (vectors.select(Axis(0), &rows), rows)
}

fn mean_separation_power(judge: &Judge<'_, '_>) -> Outcome {
    let values: Vec<f64> = judge.powers.iter().filter_map(|power| power.value).collect();
    if values.is_empty() {
        return Err(NOTHING_INSIDE.to_owned());
    }
    Ok(Estimate { value: values.iter().sum::<f64>() / values.len() as f64, error: None }.into())
}

fn largest_separation_power(judge: &Judge<'_, '_>) -> Outcome {
    let known = judge.powers.iter().filter_map(|power| Some((power.value?, &power.name)));
    // The first of equal ones.
    let largest = known.rev().max_by(|a, b| a.0.total_cmp(&b.0)).ok_or_else(|| NOTHING_INSIDE.to_owned())?;
    Ok(Found { estimate: Estimate { value: largest.0, error: None }, detail: vec![largest.1.clone()] })
}

const NOTHING_INSIDE: &str = "no histogram has entries of both samples inside its axis";
