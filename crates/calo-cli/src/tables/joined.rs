//! Models side by side as a table for the terminal.

use std::fmt::Write;

use calo_report::joined::{EntryKind, Joined};

use super::evaluation::{gaps, missing, new_table, row, score};

/// A line a model, the best candidate first.
pub(crate) fn joined(joined: &Joined) -> String {
    let (ranked, kinds) = (joined.ranked(), joined.score_kinds());
    let mut names = vec![joined.detector.as_str(), "ms a shower"];
    names.extend(kinds.iter().map(|(_, label)| *label));
    let mut table = new_table(&names);
    for entry in ranked.entries {
        let name = match entry.kind {
            EntryKind::Quoted => format!("{} (quoted)", entry.name),
            EntryKind::Floor | EntryKind::Candidate => entry.name.clone(),
        };
        let time = entry.milliseconds.map_or_else(missing, |milliseconds| milliseconds.to_string());
        let scores = kinds.iter().map(|(id, _)| entry.score(id).map_or_else(missing, score));
        table.add_row(row(&name, std::iter::once(time).chain(scores)));
    }
    let mut text = format!("{table}\n");
    if let Some(by) = ranked.by {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "candidates in the order of {by}");
    }
    text.push_str(&gaps(&joined.gaps));
    text
}
