//! The distances beside the floor at the same number of showers.

use std::fmt::Write as _;

use calo_metrics::results::{Comparison, ObservableInfo, Results, SplitComparison};

use super::tables::{NONE, close, open};
use crate::text::{escape, estimate, plain};

/// One row a histogram, two columns a candidate; empty where no splits were asked for.
pub(super) fn section(results: &Results) -> String {
    if results.comparisons.iter().all(|comparison| comparison.splits.is_empty()) {
        return String::new();
    }
    let mut table = format!(
        "<section id=\"splits\">\n<h2>At the same number of showers</h2>\n<p>Averages over {} random splits: n showers of the candidate \
         against n of the reference, next to the floor of n reference showers against n others. The excess is what the candidate \
         adds, <span class=\"formula\">√max(0, JSD² − floor²)</span>.</p>\n",
        results.n_splits
    );
    open(&mut table, "Distances at the same number of showers");
    table.push_str(
        "<thead><tr><th scope=\"col\">JSD</th><th scope=\"col\">n</th><th scope=\"col\">floor</th>",
    );
    for comparison in &results.comparisons {
        let name = escape(&comparison.name);
        let _ = write!(table, "<th scope=\"col\">{name}</th><th scope=\"col\">excess of {name}</th>");
    }
    table.push_str("</tr></thead>\n<tbody>\n");
    for observable in &results.observables {
        whole_and_parts(&mut table, results, observable);
    }
    close(&mut table);
    table.push_str("<p class=\"note\">± is the standard error of the average over splits.</p>\n</section>\n");
    table
}

/// The histogram's row, and one for each energy where there are several.
fn whole_and_parts(table: &mut String, results: &Results, observable: &ObservableInfo) {
    let found: Vec<Option<&SplitComparison>> =
        results.comparisons.iter().map(|c| of(c, observable)).collect();
    let Some(first) = found.iter().flatten().next() else { return };
    let title = escape(&observable.title);
    let whole = found.iter().map(|split| split.map(|split| split.distances)).collect::<Vec<_>>();
    row(table, &title, first.n_showers, &whole);
    let parts = first.parts.iter().filter_map(|part| Some((part, part.energy_gev?)));
    for (part, energy_gev) in parts {
        let at = |split: &SplitComparison| {
            let same = |energy: f64| energy.to_bits() == energy_gev.to_bits();
            split.parts.iter().find(|part| part.energy_gev.is_some_and(same)).map(|part| part.distances)
        };
        let distances: Vec<_> = found.iter().map(|split| split.and_then(at)).collect();
        let title = format!("{title} <small>{} GeV</small>", plain(energy_gev));
        row(table, &title, part.n_showers, &distances);
    }
}

fn of<'a>(comparison: &'a Comparison, observable: &ObservableInfo) -> Option<&'a SplitComparison> {
    comparison.splits.iter().find(|split| split.observable == observable.id)
}

fn row(
    table: &mut String,
    title: &str,
    n_showers: u64,
    distances: &[Option<calo_metrics::results::SplitDistances>],
) {
    let floor = distances.iter().flatten().next().map_or_else(|| NONE.to_owned(), |d| estimate(&d.floor));
    let _ = write!(
        table,
        "<tr><th scope=\"row\">{title}</th><td>{n_showers}</td><td class=\"floor\">{floor}</td>"
    );
    for distances in distances {
        let [jsd, excess] = distances.as_ref().map_or_else(
            || [NONE.to_owned(), NONE.to_owned()],
            |distances| [estimate(&distances.jsd), estimate(&distances.excess)],
        );
        let _ = write!(table, "<td>{jsd}</td><td>{excess}</td>");
    }
    table.push_str("</tr>\n");
}
