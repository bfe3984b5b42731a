//! One figure for each observable.

use calo_metrics::results::{Distribution, EnergySource, ObservableInfo, Results, SampleHistogram};

use crate::error::Result;
use crate::figures::{Curve, DistributionPlot, Group, Series, Shade, TopAxis, distribution};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::{estimate, fixed, plain};

/// One figure for each observable that has a histogram.
pub(super) fn figures(results: &Results, style: &Style) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for observable in &results.observables {
        let parts: Vec<_> = parts(results, observable);
        if !parts.is_empty() {
            figures.push(figure(results, observable, &parts, style)?);
        }
    }
    Ok(figures)
}

/// The histograms of one observable, by rising energy. Where there are showers at fixed energies, the full spectrum,
/// which is not what is compared then, stays out: it would lie under their peaks.
fn parts<'a>(results: &'a Results, observable: &ObservableInfo) -> Vec<&'a Distribution> {
    let mut parts: Vec<_> = results.distributions.iter().filter(|d| d.observable == observable.id).collect();
    if parts.iter().any(|part| part.energy_gev.is_some() && part.samples.iter().any(Option::is_some)) {
        parts.retain(|part| part.energy_gev.is_some());
    }
    parts.sort_by(|a, b| a.energy_gev.unwrap_or(0.0).total_cmp(&b.energy_gev.unwrap_or(0.0)));
    parts
}

fn figure(
    results: &Results,
    observable: &ObservableInfo,
    parts: &[&Distribution],
    style: &Style,
) -> Result<Figure> {
    let detector = &results.detector;
    let cells = observable.mip_axis && detector.mip_mev > 0.0;
    let energies: Vec<_> = parts.iter().filter_map(|part| part.energy_gev).map(plain).collect();
    let where_from =
        if energies.is_empty() { "full spectrum".to_owned() } else { format!("{} GeV", energies.join(", ")) };
    let groups = parts.iter().map(|part| Group {
        label: part.energy_gev.map(|e| format!("{} GeV", plain(e))),
        edges: part.edges.clone(),
        curves: part.samples.iter().map(|sample| sample.as_ref().and_then(curve)).collect(),
    });
    let plot = DistributionPlot {
        text: text(
            &observable.id,
            format!("{}, {where_from}", observable.title),
            alt(results, observable, &where_from),
        ),
        x_label: observable.x_label.to_string(),
        y_label: observable.y_label.to_string(),
        log_x: parts.iter().all(|part| part.log_bins),
        log_y: observable.log_y,
        series: (0..results.samples.len()).map(|index| series(results, observable, parts, index)).collect(),
        groups: groups.collect(),
        shade: cells.then(|| Shade {
            below: detector.cell_cut_mev,
            label: format!("below the cut of {} MIP", plain(detector.cell_cut_mev / detector.mip_mev)),
        }),
        top_axis: cells.then(|| TopAxis { unit: detector.mip_mev, label: "MIP".to_owned() }),
    };
    let svg = distribution(&plot, style)?;
    let caption = caption(results, observable, parts, &where_from);
    Ok(Figure::half(&*observable.id, Section::Distributions, caption, svg))
}

/// Contents per shower; none where no shower went in.
fn curve(histogram: &SampleHistogram) -> Option<Curve> {
    let n = histogram.n_showers as f64;
    let per_shower = |values: &[f64]| values.iter().map(|value| value / n).collect();
    (histogram.n_showers > 0)
        .then(|| Curve { values: per_shower(&histogram.counts), errors: per_shower(&histogram.errors) })
}

fn series(results: &Results, observable: &ObservableInfo, parts: &[&Distribution], index: usize) -> Series {
    let name = results.samples[index].name.clone();
    let missing = missing(parts, index);
    let mut notes = Vec::new();
    if missing.len() == parts.len() {
        notes.push("no showers".to_owned());
    } else if !missing.is_empty() {
        notes.push(format!("no showers at {} GeV", missing.join(", ")));
    }
    if let Some(comparison) = index.checked_sub(1).and_then(|candidate| results.comparisons.get(candidate)) {
        let found = comparison.histogram(&observable.id);
        notes.extend(found.map(|histogram| format!("JSD {}", estimate(&histogram.jsd))));
    }
    Series { name, note: notes.join(" · ") }
}

/// Energies at which the sample has no shower.
fn missing(parts: &[&Distribution], index: usize) -> Vec<String> {
    let empty = |part: &&&Distribution| part.samples[index].as_ref().is_none_or(|h| h.n_showers == 0);
    parts.iter().filter(empty).map(|part| part.energy_gev.map_or_else(|| "all".to_owned(), plain)).collect()
}

fn alt(results: &Results, observable: &ObservableInfo, where_from: &str) -> String {
    let mut alt = format!(
        "Histogram of the {} ({where_from}): {} as a grey area",
        observable.phrase, results.samples[0].name
    );
    for (sample, comparison) in results.samples.iter().skip(1).zip(&results.comparisons) {
        let found = comparison.histogram(&observable.id);
        let jsd = found.map_or_else(|| "no JSD".to_owned(), |h| format!("JSD {}", estimate(&h.jsd)));
        alt.push_str(&format!("; {} as a line, {jsd}", sample.name));
    }
    alt.push_str(". Below, the ratio to the reference.");
    alt
}

fn caption(
    results: &Results,
    observable: &ObservableInfo,
    parts: &[&Distribution],
    where_from: &str,
) -> String {
    let edges = &parts[0].edges;
    let (n_bins, kind) = (edges.len() - 1, if parts[0].log_bins { "logarithmic " } else { "" });
    let (low, high) = (plain(edges[0]), plain(edges[n_bins]));
    let mut caption = format!(
        "{} {where_from}; {n_bins} {kind}bins from {low} to {high} {}. {}",
        observable.explanation, observable.unit, observable.normalisation
    );
    let scaled: Vec<_> = parts
        .iter()
        .filter(|part| part.samples.iter().flatten().any(|h| h.source == Some(EnergySource::Window)))
        .filter_map(|part| part.energy_gev)
        .map(plain)
        .collect();
    if !scaled.is_empty() {
        caption.push_str(&format!(
            " At {} GeV at least one sample comes from a window of the full spectrum, scaled to the nominal energy.",
            scaled.join(", ")
        ));
    }
    let mut shares = Vec::new();
    for (index, sample) in results.samples.iter().enumerate() {
        let outside = parts.iter().filter_map(|part| part.samples[index].as_ref()).map(share_outside);
        let outside = outside.fold(0.0, f64::max);
        if outside > 0.001 {
            shares.push(format!("{} % ({})", fixed(100.0 * outside, 1), sample.name));
        }
    }
    if !shares.is_empty() {
        caption.push_str(&format!(" Outside the bins lie up to {}.", shares.join(", ")));
    }
    caption
}

fn share_outside(histogram: &SampleHistogram) -> f64 {
    let outside = histogram.underflow + histogram.overflow;
    let all = outside + histogram.counts.iter().sum::<f64>();
    if all > 0.0 { outside / all } else { 0.0 }
}
