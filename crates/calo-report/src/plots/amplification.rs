//! Divergences against the number of quantiles, and histograms: calomplification's figures 4 and 6 to 10.

use calo_metrics::results::Estimate;
use calo_metrics::{IndependentCurve, SHOWERS_PER_BIN};

use crate::amplification::{
    Amplification, AmplifiedDistribution, AmplifiedObservable, AmplifiedSample, DRAWN_SIZES, Factor,
    SampleCurve, SampleKind, Shares,
};
use crate::error::Result;
use crate::figures::{
    Curve, CurveData, CurvesPlot, DistributionPlot, Group, Look, PlainCurve, Series, curves, distribution,
};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::plain;

/// Each observable, with generated samples, and again with estimators where there are some.
///
/// # Errors
/// [`Error::Figure`](crate::Error::Figure) where the data do not fit together; checked results do.
pub(crate) fn figures(amplification: &Amplification, style: &Style) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for observable in &amplification.observables {
        figures.push(figure(amplification, observable, Section::Quantiles, style)?);
    }
    for section in [Section::Distributions, Section::Estimators] {
        for distribution in &amplification.distributions {
            figures.extend(histogram(amplification, distribution, section, style)?);
        }
    }
    for observable in &amplification.observables {
        let is_estimated = |curve: &SampleCurve| is_estimator(amplification.samples[curve.sample].kind);
        if observable.curves.iter().any(is_estimated) {
            figures.push(figure(amplification, observable, Section::Estimators, style)?);
        }
    }
    Ok(figures)
}

/// One observable of the truth, the training set and generated samples, or of the estimators; none where there are no such
/// samples.
fn histogram(
    amplification: &Amplification,
    found: &AmplifiedDistribution,
    section: Section,
    style: &Style,
) -> Result<Option<Figure>> {
    let of_estimators = section == Section::Estimators;
    let drawn: Vec<(&AmplifiedSample, &Shares)> = amplification
        .samples
        .iter()
        .zip(&found.samples)
        .filter(|(sample, _)| match sample.kind {
            SampleKind::Training => true,
            SampleKind::Generated => !of_estimators,
            SampleKind::Kde | SampleKind::Histogram => of_estimators,
        })
        .filter_map(|(sample, shares)| Some((sample, shares.as_ref()?)))
        .collect();
    if !drawn.iter().any(|(sample, _)| sample.kind != SampleKind::Training) {
        return Ok(None);
    }
    let truth = amplification.n_truth.map_or_else(|| "a formula".to_owned(), |n| format!("{n} showers"));
    let series = |name: &str, note: String| Series { name: name.to_owned(), note };
    let samples =
        drawn.iter().map(|(sample, _)| series(&sample.name, format!("{} showers", sample.n_showers)));
    let curve = |shares: &Shares| Curve { values: shares.values.clone(), errors: shares.errors.clone() };
    let name = format!("{}_{}", if of_estimators { "densities" } else { "distribution" }, found.id);
    let plot = DistributionPlot {
        text: text(
            &name,
            capitalised(&found.label),
            format!(
                "Histograms of {}: truth as a grey area, samples as lines, their ratio below.",
                found.label
            ),
        ),
        x_label: found.x_label.clone(),
        y_label: "share".to_owned(),
        log_x: found.log_bins,
        log_y: found.log_bins,
        series: std::iter::once(series("truth", truth)).chain(samples).collect(),
        groups: vec![Group {
            label: None,
            edges: found.edges.clone(),
            curves: std::iter::once(&found.truth)
                .chain(drawn.iter().map(|(_, shares)| *shares))
                .map(|shares| Some(curve(shares)))
                .collect(),
        }],
        shade: None,
        top_axis: None,
    };
    let caption = format!(
        "Shares of {} in {} bins; of several training sets the first. Errors are of the numbers in each bin, or the standard \
         deviation over the models that made a sample.",
        found.label,
        found.edges.len() - 1
    );
    Ok(Some(Figure::half(name, section, caption, distribution(&plot, style)?)))
}

fn is_estimator(kind: SampleKind) -> bool {
    matches!(kind, SampleKind::Kde | SampleKind::Histogram)
}

fn figure(
    amplification: &Amplification,
    observable: &AmplifiedObservable,
    section: Section,
    style: &Style,
) -> Result<Figure> {
    let with_estimators = section == Section::Estimators;
    let mut lines = if with_estimators { Vec::new() } else { independent(amplification, observable) };
    let mut n_drawn = 0;
    for curve in &observable.curves {
        let sample = &amplification.samples[curve.sample];
        let is_drawn = match sample.kind {
            // Among independent samples there is one of this size already.
            SampleKind::Training => with_estimators,
            SampleKind::Generated => true,
            SampleKind::Kde | SampleKind::Histogram => with_estimators,
        };
        if is_drawn {
            let is_training = sample.kind == SampleKind::Training;
            let look = if is_training { Look::Theory } else { Look::Candidate(n_drawn) };
            n_drawn += usize::from(!is_training);
            lines.push(PlainCurve {
                name: sample.name.clone(),
                note: factor_note(curve),
                look,
                data: CurveData::Points(points(&observable.independent, &curve.divergences)),
                faint_from: Some(curve.n_resolved.saturating_sub(1)),
            });
        }
    }
    let id = observable.id.replace('+', "-");
    let name = if with_estimators { format!("estimators_{id}") } else { format!("quantiles_{id}") };
    let plot = CurvesPlot {
        text: text(
            &name,
            title(observable),
            format!(
                "Divergence of samples from the truth against the number of quantiles of {}.",
                observable.label
            ),
        ),
        x_label: "number of quantiles".to_owned(),
        y_label: "D_JS".to_owned(),
        x_range: Some([1.7, observable.independent.last().map_or(4.0, |last| 1.2 * last.n_bins() as f64)]),
        log_x: true,
        log_y: true,
        curves: lines,
    };
    let caption = format!(
        "Jensen-Shannon divergence from {} over quantiles of {}. Faint where there are fewer than ten showers a bin. Numbers \
         in the legend: independent showers that a sample is worth, over those that it was made from; * more than there are.",
        truth(amplification),
        observable.label
    );
    Ok(Figure::half(name, section, caption, curves(&plot, style)?))
}

fn truth(amplification: &Amplification) -> String {
    amplification
        .n_truth
        .map_or_else(|| "the exact truth".to_owned(), |n| format!("{n} showers of the truth"))
}

/// A heading that has room above a figure.
fn title(observable: &AmplifiedObservable) -> String {
    match observable.n_dimensions {
        1 | 2 => capitalised(&observable.label),
        n => format!("{n} observables together"),
    }
}

fn capitalised(label: &str) -> String {
    let mut letters = label.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn factor_note(curve: &SampleCurve) -> String {
    let Some(Factor { value, is_extrapolated, .. }) = curve.factor else { return String::new() };
    let value = value.map_or_else(|| "∞".to_owned(), |value| plain((value * 10.0).round() / 10.0));
    format!("worth {value}{} x", if is_extrapolated { "*" } else { "" })
}

/// Independent samples of the sizes that the paper draws, or of those there are.
fn independent(amplification: &Amplification, observable: &AmplifiedObservable) -> Vec<PlainCurve> {
    let n_train = amplification.samples.first().map_or(1, |sample| sample.n_train);
    let levels = &observable.independent;
    let Some(finest) = levels.last() else { return Vec::new() };
    let all: Vec<usize> = finest.points().iter().map(|point| point.n_showers).collect();
    let mut sizes: Vec<usize> =
        DRAWN_SIZES.iter().map(|times| times * n_train).filter(|n| all.contains(n)).collect();
    if sizes.len() < 2 {
        sizes = all.iter().rev().step_by(2).take(4).rev().copied().collect();
    }
    let of_size = |(index, n_showers): (usize, &usize)| {
        let values: Vec<Estimate> = levels
            .iter()
            .filter_map(|level| level.points().iter().find(|point| point.n_showers == *n_showers))
            .map(|point| point.divergence)
            .collect();
        let is_resolved = |level: &&IndependentCurve| level.n_bins() * SHOWERS_PER_BIN <= *n_showers;
        PlainCurve {
            name: format!("{n_showers} independent showers"),
            note: String::new(),
            look: Look::Ramp { index, of: sizes.len() },
            // A line without markers: the samples that are judged have them.
            data: CurveData::Line(
                points(levels, &values).into_iter().map(|[at, value, _]| [at, value]).collect(),
            ),
            faint_from: Some(levels.iter().take_while(is_resolved).count().saturating_sub(1)),
        }
    };
    sizes.iter().enumerate().map(of_size).collect()
}

/// All resolutions but the single bin, where every divergence is 0.
#[expect(clippy::cast_precision_loss, reason = "numbers of bins")]
fn points(levels: &[IndependentCurve], divergences: &[Estimate]) -> Vec<[f64; 3]> {
    let all = levels.iter().zip(divergences).skip(1);
    all.map(|(level, found)| [level.n_bins() as f64, found.value, found.error.unwrap_or(0.0)]).collect()
}
