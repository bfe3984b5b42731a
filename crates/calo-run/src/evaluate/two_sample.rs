//! Scores of whole samples: correlations, Frechet and kernel distance, classifier.

use calo_metrics::results::{Comparison, Estimate, Gap, PearsonDifference};
use calo_metrics::{
    BootstrapSettings, ClassifierSettings, Column, FrechetSettings, KernelSettings, ObservableTable,
    classifier_auc, fpd, kpd, largest_pearson_difference, two_sample_features,
};

/// Fills the two-sample scores of `comparison`; what cannot be computed is named in `gaps`.
pub(super) fn fill(
    comparison: &mut Comparison,
    [reference, candidate]: [&ObservableTable; 2],
    seed: u64,
    gaps: &mut Vec<Gap>,
) {
    let name = comparison.name.clone();
    let mut gap = |what: &str, why: String| gaps.push(Gap { what: format!("{name}: {what}"), why });
    match pearson_difference([reference, candidate], seed) {
        Ok(Some(difference)) => comparison.pearson_max_difference = Some(difference),
        Ok(None) => {
            gap("largest Pearson difference", "no pair of observables varies in both samples".to_owned());
        }
        Err(error) => gap("largest Pearson difference", error.to_string()),
    }
    let features = match two_sample_features(reference, candidate) {
        Ok(features) => features,
        Err(error) => {
            gap("FPD, KPD and AUC", error.to_string());
            return;
        }
    };
    let (a, b) = (features.reference.view(), features.candidate.view());
    let (n, m) = (a.nrows(), b.nrows());
    let mut keep = |what: &str, score: calo_metrics::Result<Estimate>| match score {
        Ok(score) => Some(score),
        Err(error) => {
            gap(what, error.to_string());
            None
        }
    };
    comparison.fpd = keep("FPD", fpd(a, b, &FrechetSettings::for_sizes(n, m, seed)));
    comparison.kpd = keep("KPD", kpd(a, b, &KernelSettings::for_sizes(n, m, seed)));
    comparison.auc = keep("AUC", classifier_auc(a, b, &ClassifierSettings { seed, ..Default::default() }));
}

fn pearson_difference(
    tables: [&ObservableTable; 2],
    seed: u64,
) -> calo_metrics::Result<Option<PearsonDifference>> {
    let [reference, candidate] = tables.map(|table| table.complete_rows(&Column::PEARSON).0);
    let bootstrap = BootstrapSettings { seed, ..Default::default() };
    let largest = largest_pearson_difference(reference.view(), candidate.view(), &bootstrap)?;
    let label = |column: usize| Column::PEARSON[column].label().to_owned();
    Ok(largest.map(|largest| PearsonDifference {
        difference: largest.difference,
        pair: [label(largest.pair.0), label(largest.pair.1)],
    }))
}
