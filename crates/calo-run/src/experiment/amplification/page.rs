//! What came out, as people read it: Markdown, for the terminal and for `NAME.md`.

use std::fmt::Write as _;

use calo_report::amplification::{
    Amplification, AmplifiedObservable, AmplifiedSample, SampleCurve, SampleKind,
};

use super::AmplificationRecord;
use super::description::{AmplificationExperiment, Published};
use crate::experiment::markdown::{aligned, fixed, missing, times};

/// Quantiles that are few: fluctuations of the training set as a whole show there.
const FEW_QUANTILES: usize = 4;

/// The whole page.
pub(super) fn page(
    found: &Amplification,
    record: &AmplificationRecord,
    experiment: &AmplificationExperiment,
) -> String {
    let mut text = String::new();
    let value = |name: &str| record.request.get(name).map_or("", String::as_str);
    let sets: Vec<String> = record.sets.iter().map(|set| set.set.to_string()).collect();
    let n_train = found.samples.first().map_or(0, |sample| sample.n_train);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# {}, reproduced\n", experiment.title);
    let _ = writeln!(
        text,
        "Profile {}, showers in `{}`: {} of the truth, {} independent, {} {} of {n_train}, {} on each; {}, on {}.\n",
        value("profile"),
        record.detector,
        found.n_truth.unwrap_or_default(),
        found.n_independent,
        if sets.len() == 1 { "training set" } else { "training sets" },
        sets.join(", "),
        if value("runs") == "1" { "one run".to_owned() } else { format!("{} runs", value("runs")) },
        record.calo,
        value("device"),
    );
    text += &factors(found, experiment);
    let _ = writeln!(
        text,
        "\nThe factor is the number of independent showers whose divergence from the truth is that of the sample, over the \
         number of showers that the sample was made from: {n_train} of the training set, or the number in the name of a \
         density. In brackets one error down and up, and the number of quantiles; * rests on more independent showers than \
         there are. Errors are {}. {}",
        if found.n_sets > 1 { "standard deviations over the training sets" } else { "those of resampling" },
        experiment.note.trim()
    );
    let _ = write!(text, "\n## Divergences\n\n{}", divergences(found));
    let _ = writeln!(
        text,
        "\nJensen-Shannon divergences from the truth over quantiles, at {FEW_QUANTILES} quantiles and where the factor of \
         generated showers is quoted. n showers of a sample and of the truth make (quantiles - 1)/8 (1/n + 1/{}) by their \
         fluctuations alone.",
        found.n_truth.unwrap_or_default()
    );
    let estimators = settings(found, experiment);
    if !estimators.is_empty() {
        let _ = write!(text, "\n## Density estimators\n\n{estimators}");
        text += "\nBandwidths of kernel densities in standard deviations of each observable, and numbers of bins of \
                 histograms.\n";
    }
    let _ = write!(text, "\n## Runs\n\n{}", runs(record));
    let _ = writeln!(
        text,
        "\nThe epoch of each run is that of the lowest mean divergence from the training set, of {} generated showers.",
        record.n_validated
    );
    for gap in &found.gaps {
        let _ = writeln!(text, "\nMissing or noteworthy: {}: {}.", gap.what, gap.why);
    }
    text += "\n## Figures\n\n`amplification/amplification.html`: distributions of the first training set (figures 4 and 8), \
             divergences of generated showers (6 and 7) and of density estimators (9 and 10).\n";
    text += &times(&record.stages, record.build_seconds, &record.calo);
    text
}

/// What samples are worth.
fn factors(found: &Amplification, experiment: &AmplificationExperiment) -> String {
    let mut rows = vec![vec!["independent showers over training set".to_owned()]];
    rows[0].extend(found.samples.iter().map(|sample| sample.name.clone()));
    rows[0].push("paper".to_owned());
    for observable in &found.observables {
        let mut row = vec![observable.label.clone()];
        row.extend((0..found.samples.len()).map(|sample| {
            let factor = curve(observable, sample).and_then(|curve| curve.factor);
            factor.map_or_else(missing, |factor| factor.to_string())
        }));
        let published = published(experiment, &observable.id);
        row.push(published.and_then(|published| published.factor.clone()).unwrap_or_else(missing));
        rows.push(row);
    }
    aligned(&rows)
}

/// Divergences at few quantiles, and at as many as the factor of generated showers is quoted at.
fn divergences(found: &Amplification) -> String {
    let mut rows = vec![vec!["observable".to_owned(), "quantiles".to_owned()]];
    rows[0].extend(found.samples.iter().map(|sample| sample.name.clone()));
    let generated = found.samples.iter().position(|sample| sample.kind == SampleKind::Generated);
    for observable in &found.observables {
        let factor = generated.and_then(|sample| curve(observable, sample)?.factor);
        let quoted = factor.map(|factor| factor.n_bins).filter(|n| *n > FEW_QUANTILES);
        for n_bins in [Some(FEW_QUANTILES), quoted].into_iter().flatten() {
            let Some(level) = observable.independent.iter().position(|level| level.n_bins() == n_bins) else {
                continue;
            };
            let mut row = vec![observable.label.clone(), n_bins.to_string()];
            row.extend((0..found.samples.len()).map(|sample| {
                let divergence = curve(observable, sample).and_then(|curve| curve.divergences.get(level));
                divergence.map_or_else(missing, |divergence| fixed(*divergence, 5))
            }));
            rows.push(row);
        }
    }
    aligned(&rows)
}

/// Bandwidths and bins beside the paper's table 1.
fn settings(found: &Amplification, experiment: &AmplificationExperiment) -> String {
    let of_kind = |kind: SampleKind| -> Vec<(usize, &AmplifiedSample)> {
        found.samples.iter().enumerate().filter(|(_, sample)| sample.kind == kind).collect()
    };
    let estimators = [of_kind(SampleKind::Kde), of_kind(SampleKind::Histogram)];
    if estimators.iter().all(Vec::is_empty) {
        return String::new();
    }
    let mut rows = vec![vec!["observable".to_owned()]];
    for (_, sample) in estimators.iter().flatten() {
        rows[0].extend([sample.name.clone(), "paper".to_owned()]);
    }
    for observable in &found.observables {
        let mut row = vec![observable.label.clone()];
        let published = published(experiment, &observable.id);
        for (samples, is_kde) in estimators.iter().zip([true, false]) {
            for (place, (sample, _)) in samples.iter().enumerate() {
                let settings = curve(observable, *sample).map_or(&[][..], |curve| &curve.settings);
                let digits = if is_kde { 3 } else { 0 };
                let ours: Vec<String> = settings.iter().map(|setting| fixed(*setting, digits)).collect();
                row.push(if ours.is_empty() { missing() } else { ours.join(" × ") });
                let list = published.map(|p| if is_kde { &p.bandwidth } else { &p.bins });
                row.push(list.and_then(|list| list.get(place).cloned()).unwrap_or_else(missing));
            }
        }
        if row.iter().skip(1).any(|cell| *cell != missing()) {
            rows.push(row);
        }
    }
    aligned(&rows)
}

/// Which epochs made the showers.
fn runs(record: &AmplificationRecord) -> String {
    let mut rows = vec![
        ["training set", "seed of the run", "epoch", "steps", "mean divergence from the training set"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for set in &record.sets {
        for run in &set.runs {
            rows.push(vec![
                set.set.to_string(),
                run.seed.to_string(),
                run.epoch.to_string(),
                run.step.to_string(),
                run.mean_divergence.map_or_else(missing, |divergence| format!("{divergence:.4}")),
            ]);
        }
    }
    aligned(&rows)
}

fn curve(observable: &AmplifiedObservable, sample: usize) -> Option<&SampleCurve> {
    observable.curves.iter().find(|curve| curve.sample == sample)
}

fn published<'a>(experiment: &'a AmplificationExperiment, id: &str) -> Option<&'a Published> {
    experiment.published.iter().find(|published| published.observable == id)
}
