//! Pearson matrices and their differences.

use calo_metrics::results::Results;

use crate::error::{Error, Result};
use crate::figures::{MatrixKind, MatrixPlot, matrix};
use crate::plots::figure::{Figure, Place, Section, text};
use crate::style::Style;
use crate::text::estimate;

type Matrix = Vec<Vec<Option<f64>>>;

/// The reference's matrix, then each candidate's with its difference.
pub(super) fn figures(results: &Results, style: &Style) -> Result<Vec<Figure>> {
    let pearson = &results.pearson;
    let Some((reference, candidates)) = pearson.matrices.split_first().filter(|_| !pearson.labels.is_empty())
    else {
        return Ok(Vec::new());
    };
    let draw = |name: String, title: String, caption: String, kind, entries: &Matrix| {
        let plot = MatrixPlot {
            text: text(&name, title, caption.clone()),
            kind,
            labels: pearson.labels.clone(),
            entries: entries.clone(),
        };
        let svg = matrix(&plot, style)?;
        Ok::<_, Error>(Figure::half(name, Section::Correlations, caption, svg))
    };
    let name = |index: usize| results.samples[index].name.as_str();
    let crossed = |matrix: &Matrix| {
        let absent = matrix.iter().flatten().any(Option::is_none);
        if absent { " Crossed-out cells: not defined, because an observable does not vary." } else { "" }
    };
    let caption =
        format!("Pearson correlations of the high-level observables, {}.{}", name(0), crossed(reference));
    let title = format!("Correlations: {}", name(0));
    let figure = draw("pearson_reference".to_owned(), title, caption, MatrixKind::Correlation, reference)?;
    let mut figures = vec![Figure { place: Place::Alone, ..figure }];
    let differences: Vec<Matrix> =
        candidates.iter().map(|candidate| subtract(candidate, reference)).collect();
    let kind = MatrixKind::difference_of(&differences);
    for (index, (candidate, difference)) in candidates.iter().zip(&differences).enumerate() {
        let sample = name(index + 1);
        let caption =
            format!("Pearson correlations of the high-level observables, {sample}.{}", crossed(candidate));
        let title = format!("Correlations: {sample}");
        let file = format!("pearson_{}", index + 1);
        figures.push(draw(file, title, caption, MatrixKind::Correlation, candidate)?);
        let mut caption =
            format!("{sample} minus {}; the colours of all differences share one scale.", name(0));
        let largest = results.comparisons[index].score("pearson_max_difference");
        if let Some((largest, pair)) = largest.and_then(|score| Some((score.estimate()?, &score.detail))) {
            caption.push_str(&format!(" Largest: {} for {}.", estimate(&largest), pair.join(" and ")));
        }
        caption.push_str(crossed(difference));
        let title = format!("Difference: {sample} − {}", name(0));
        let file = format!("pearson_difference_{}", index + 1);
        figures.push(draw(file, title, caption, kind, difference)?);
    }
    Ok(figures)
}

fn subtract(candidate: &Matrix, reference: &Matrix) -> Matrix {
    let entry = |(a, b): (&Option<f64>, &Option<f64>)| Some((*a)? - (*b)?);
    candidate.iter().zip(reference).map(|(a, b)| a.iter().zip(b).map(entry).collect()).collect()
}
