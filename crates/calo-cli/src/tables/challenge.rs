//! An evaluation on layers of voxels as tables for the terminal.

use std::fmt::Write;

use calo_metrics::ranking;
use calo_metrics::results::Score;
use calo_metrics::results::challenge::{ChallengeComparison, ChallengeResults};
use comfy_table::Table;

use super::evaluation::{gaps, header, missing, new_table, row, score};

/// Everything `calo evaluate` prints.
pub(crate) fn challenge(results: &ChallengeResults) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}\n", header(&results.samples));
    let _ = writeln!(text, "{}\n", scores(results));
    if results.comparisons.len() > 1 {
        text.push_str(&ranked(results));
    }
    text.push_str(&gaps(&results.gaps));
    text
}

/// One column a comparison, the floor first.
fn scores(results: &ChallengeResults) -> Table {
    let comparisons: Vec<&ChallengeComparison> =
        std::iter::once(&results.floor).chain(&results.comparisons).collect();
    let first = format!("{}: against the reference", results.detector.name);
    let names: Vec<&str> =
        std::iter::once(first.as_str()).chain(comparisons.iter().map(|c| c.name.as_str())).collect();
    let mut table = new_table(&names);
    let sizes = comparisons.iter().map(|c| format!("{} / {}", c.n_showers[0], c.n_showers[1]));
    table.add_row(row("showers", sizes));
    for Score { id, label, .. } in &results.floor.scores {
        table.add_row(row(label, comparisons.iter().map(|c| c.score(id).map_or_else(missing, score))));
    }
    table
}

/// The candidates in order.
fn ranked(results: &ChallengeResults) -> String {
    let of_candidates: Vec<&[Score]> = results.comparisons.iter().map(|c| c.scores.as_slice()).collect();
    let ranking = ranking(&of_candidates);
    let Some(by) = ranking.by else { return String::new() };
    let mut table = new_table(&["rank", "candidate", by.as_str()]);
    for (place, index) in ranking.order.into_iter().enumerate() {
        let comparison = &results.comparisons[index];
        let found = comparison.scores.iter().find(|score| score.label == by);
        let value = found.map_or_else(missing, score);
        table.add_row(row(&(place + 1).to_string(), [comparison.name.clone(), value]));
    }
    format!("{table}\n\n")
}
