//! Separation powers, layer by layer: where in the shower samples differ.

use calo_metrics::results::challenge::{ChallengeComparison, ChallengeResults};

use super::quantity;
use crate::error::Result;
use crate::figures::{CurveData, CurvesPlot, Look, PlainCurve, curves};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::number;

/// One figure for each feature of layers.
pub(super) fn separation_powers(results: &ChallengeResults, style: &Style) -> Result<Vec<Figure>> {
    let mut features: Vec<&str> = Vec::new();
    for histogram in &results.histograms {
        if histogram.layer_id.is_some() && !features.contains(&histogram.feature.as_str()) {
            features.push(&histogram.feature);
        }
    }
    features.into_iter().filter_map(|feature| figure(results, feature, style).transpose()).collect()
}

/// None where no histogram of the feature could be compared.
fn figure(results: &ChallengeResults, feature: &str, style: &Style) -> Result<Option<Figure>> {
    let mut drawn = vec![curve(results, feature, &results.floor, Look::Reference)];
    for (index, comparison) in results.comparisons.iter().enumerate() {
        drawn.push(curve(results, feature, comparison, Look::Candidate(index)));
    }
    drawn.retain(|curve| matches!(&curve.data, CurveData::Points(points) if !points.is_empty()));
    if drawn.is_empty() {
        return Ok(None);
    }
    let quantity = quantity(feature);
    let name = format!("separation_{}", feature.to_lowercase());
    let (first, last) = range(&results.detector.layer_ids);
    let plot = CurvesPlot {
        text: text(
            &name,
            format!("Separation power: {quantity}"),
            format!("Separation power of the {quantity} in each layer, floor and candidates."),
        ),
        x_label: "layer".to_owned(),
        y_label: "separation power".to_owned(),
        x_range: Some([first - 0.5, last + 0.5]),
        log_x: false,
        log_y: false,
        curves: drawn,
    };
    let caption =
        format!("Separation power of the histograms of the {quantity}, layer by layer; lower is better.");
    Ok(Some(Figure::half(name, Section::Separation, caption, curves(&plot, style)?)))
}

fn curve(
    results: &ChallengeResults,
    feature: &str,
    comparison: &ChallengeComparison,
    look: Look,
) -> PlainCurve {
    let powers = results.histograms.iter().zip(&comparison.separation_powers);
    let points: Vec<[f64; 3]> = powers
        .filter(|(histogram, _)| histogram.feature == feature)
        .filter_map(|(histogram, power)| Some([f64::from(histogram.layer_id?), (*power)?, 0.0]))
        .collect();
    let mean = points.iter().map(|point| point[1]).sum::<f64>() / points.len().max(1) as f64;
    PlainCurve {
        name: comparison.name.clone(),
        note: format!("mean {}", number(mean, 2)),
        look,
        data: CurveData::Points(points),
        faint_from: None,
    }
}

fn range(ids: &[u32]) -> (f64, f64) {
    let (first, last) = (ids.iter().min(), ids.iter().max());
    (f64::from(first.copied().unwrap_or(0)), f64::from(last.copied().unwrap_or(1)))
}
