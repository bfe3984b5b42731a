//! Figures of an evaluation on layers of voxels.

mod layers;

use calo_metrics::results::challenge::{ChallengeResults, FeatureHistogram};

use crate::error::Result;
use crate::figures::{Curve, DistributionPlot, Group, Series, distribution};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::{fixed, number};

/// Layers of which all histograms are drawn; of more layers, so many evenly spread ones.
const DRAWN_LAYERS: usize = 7;

/// Draws every figure, in the order of the page.
///
/// # Errors
/// [`Error::Figure`](crate::Error::Figure) where the data do not fit together; checked results do.
pub(crate) fn figures(results: &ChallengeResults, style: &Style) -> Result<Vec<Figure>> {
    let mut figures = layers::separation_powers(results, style)?;
    let drawn = drawn_layers(&results.detector.layer_ids);
    for (index, histogram) in results.histograms.iter().enumerate() {
        let section = match histogram.layer_id {
            None => Section::Distributions,
            Some(id) if drawn.contains(&id) => Section::Layers,
            Some(_) => continue,
        };
        if !histogram.edges.is_empty() {
            figures.push(figure(results, index, section, style)?);
        }
    }
    Ok(figures)
}

/// The layers of which histograms are drawn: the first, the last, and those evenly between.
fn drawn_layers(ids: &[u32]) -> Vec<u32> {
    if ids.len() <= DRAWN_LAYERS {
        return ids.to_vec();
    }
    let last = ids.len() - 1;
    (0..DRAWN_LAYERS).map(|i| ids[i * last / (DRAWN_LAYERS - 1)]).collect()
}

fn figure(results: &ChallengeResults, index: usize, section: Section, style: &Style) -> Result<Figure> {
    let histogram = &results.histograms[index];
    let (title, what) = words(histogram);
    let id = file_name(histogram);
    let group = Group {
        label: None,
        edges: histogram.edges.clone(),
        curves: histogram.counts.iter().map(|counts| curve(counts)).collect(),
    };
    let is_energy = histogram.log_bins;
    let plot = DistributionPlot {
        text: text(
            &id,
            &title,
            format!("Histogram of {what}; reference as a grey area, candidates as lines."),
        ),
        x_label: if histogram.unit.is_empty() {
            what.clone()
        } else {
            format!("{what} [{}]", histogram.unit)
        },
        y_label: if histogram.feature == "voxels" { "share of voxels" } else { "share of showers" }
            .to_owned(),
        log_x: histogram.log_bins,
        log_y: is_energy,
        series: (0..results.samples.len()).map(|sample| series(results, index, sample)).collect(),
        groups: vec![group],
        shade: None,
        top_axis: None,
    };
    let caption = caption(results, histogram, &what);
    Ok(Figure::half(id, section, caption, distribution(&plot, style)?))
}

/// Shares of the entries inside the axis, with Poisson errors; none without entries.
fn curve(counts: &[f64]) -> Option<Curve> {
    let total: f64 = counts.iter().sum();
    (total > 0.0).then(|| Curve {
        values: counts.iter().map(|count| count / total).collect(),
        errors: counts.iter().map(|count| count.sqrt() / total).collect(),
    })
}

fn series(results: &ChallengeResults, index: usize, sample: usize) -> Series {
    let name = results.samples[sample].name.clone();
    let is_empty = results.histograms[index].counts[sample].iter().sum::<f64>() <= 0.0;
    let comparison = sample.checked_sub(1).and_then(|candidate| results.comparisons.get(candidate));
    let power = comparison.and_then(|comparison| comparison.separation_powers[index]);
    let note = match power {
        Some(power) => format!("separation power {}", number(power, 2)),
        None if is_empty => "nothing inside the axis".to_owned(),
        None => String::new(),
    };
    Series { name, note }
}

fn caption(results: &ChallengeResults, histogram: &FeatureHistogram, what: &str) -> String {
    let mut caption = format!(
        "{what}, {} {}bins of the CaloChallenge.",
        histogram.edges.len() - 1,
        if histogram.log_bins { "logarithmic " } else { "" }
    );
    let mut shares = Vec::new();
    for ((sample, counts), outside) in results.samples.iter().zip(&histogram.counts).zip(&histogram.outside) {
        let share = outside / (outside + counts.iter().sum::<f64>()).max(f64::MIN_POSITIVE);
        if share > 0.001 {
            shares.push(format!("{} % ({})", fixed(100.0 * share, 1), sample.name));
        }
    }
    if !shares.is_empty() {
        caption.push_str(&format!(" Outside the axis lie {}.", shares.join(", ")));
    }
    caption
}

/// Title and quantity.
fn words(histogram: &FeatureHistogram) -> (String, String) {
    let quantity = quantity(&histogram.feature);
    match histogram.layer_id {
        Some(id) => {
            let capital: String = quantity.chars().take(1).flat_map(char::to_uppercase).collect();
            let rest: String = quantity.chars().skip(1).collect();
            (format!("{capital}{rest}, layer {id}"), format!("{quantity} of layer {id}"))
        }
        None if histogram.feature == "voxels" => ("Voxel energy".to_owned(), "energy of a voxel".to_owned()),
        None => ("Response".to_owned(), "visible over incident energy".to_owned()),
    }
}

/// A feature in words.
fn quantity(feature: &str) -> &str {
    match feature {
        "E_layer" => "energy",
        "sparsity" => "share of empty voxels",
        "EC_eta" => "centre in η",
        "EC_phi" => "centre in φ",
        "width_eta" => "width in η",
        "width_phi" => "width in φ",
        "EC_r" => "mean radius",
        "width_r" => "width in radius",
        other => other,
    }
}

/// Name of its files.
fn file_name(histogram: &FeatureHistogram) -> String {
    let feature: String = histogram
        .feature
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    histogram.layer_id.map_or_else(|| feature.clone(), |id| format!("{feature}_layer_{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_layers_the_first_and_the_last_are_drawn() {
        assert_eq!(drawn_layers(&[0, 1, 2, 3, 12]), [0, 1, 2, 3, 12]);
        let many: Vec<u32> = (0..45).collect();
        assert_eq!(drawn_layers(&many), [0, 7, 14, 22, 29, 36, 44]);
    }
}
