//! Parts that pages of experiments share.

use std::fmt::Write as _;

use calo_metrics::results::Estimate;

use super::stages::{StageRecord, shown};

/// What stands for a number that is not known.
pub(super) fn missing() -> String {
    "-".to_owned()
}

/// A number with its error, where that is known.
pub(super) fn fixed(estimate: Estimate, digits: usize) -> String {
    let Estimate { value, error } = estimate;
    match error.filter(|error| error.is_finite()) {
        Some(error) => format!("{value:.digits$} ± {error:.digits$}"),
        None => format!("{value:.digits$}"),
    }
}

/// How long every stage took.
pub(super) fn times(stages: &[StageRecord], build_seconds: Option<f64>, calo: &str) -> String {
    let mut rows = vec![vec!["stage".to_owned(), "time".to_owned()]];
    rows.extend(stages.iter().map(|stage| vec![marked(stage), shown(stage.seconds)]));
    let total = stages.iter().map(|stage| stage.seconds).sum();
    rows.push(vec!["all stages, added up".to_owned(), shown(total)]);
    let build = build_seconds.map(|seconds| vec!["build, not counted".to_owned(), shown(seconds)]);
    rows.extend(build);
    let mut text = format!("\n## Time\n\n{}", aligned(&rows));
    if stages.iter().any(|stage| stage.kept) {
        let _ = writeln!(
            text,
            "\nStages with a revision were made by another calo than {calo}, of that revision, and kept (--keep-stages)."
        );
    }
    text
}

/// The name of a stage, with the revision of the program that made it where it is another one.
fn marked(stage: &StageRecord) -> String {
    if stage.kept { format!("{} (kept: {})", stage.name, stage.revision) } else { stage.name.clone() }
}

/// A Markdown table that also reads well as it is.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let n = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |k: usize| rows.iter().filter_map(|row| row.get(k)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..n).map(|k| width(k).unwrap_or(0).max(3)).collect();
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
        if i == 0 {
            let rules = widths.iter().map(|width| "-".repeat(*width));
            let _ = writeln!(text, "| {} |", rules.collect::<Vec<_>>().join(" | "));
        }
    }
    text
}
