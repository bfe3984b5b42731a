//! The table as people read it: Markdown, columns aligned, for the terminal and for `NAME.md`.

mod latent;
mod notes;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use calo_metrics::results::{Estimate, Score};

use super::description::Experiment;
use super::markdown::{aligned, fixed, missing, times};
use super::plan::{ClaimedQuantity, Figures};
use super::table::{Column, Offset, SeedRow, Table, estimate, sampled_both_ways};

/// What rows call offsets, and those of a column.
type Offsets = (&'static str, fn(&Column) -> &[Offset]);

/// The whole page.
pub(super) fn page(table: &Table, experiment: &Experiment) -> String {
    let mut text = String::new();
    let value = |name: &str| table.request.get(name).map_or("", String::as_str);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# {}, reproduced\n", experiment.title);
    let seeds: Vec<String> = table.seeds.iter().map(|row| row.seed.to_string()).collect();
    let showers = if value("data").is_empty() { "simulated showers" } else { "real showers" };
    let reference = table.seeds.first().map_or(0, |row| row.reference.1);
    let _ = writeln!(
        text,
        "Profile {}, {showers} in `{}`, {} {}; {}, on {}. The reference has {reference} showers of the full spectrum.\n",
        value("profile"),
        table.detector,
        if seeds.len() == 1 { "seed" } else { "seeds" },
        seeds.join(", "),
        table.calo,
        value("device"),
    );
    text += &numbers(table);
    text.push('\n');
    text += &notes::notes(table, experiment);
    text += &claims(table, experiment);
    text += &latent::latent_spaces(table);
    if table.seeds.len() > 1 {
        text += &by_seed(table, experiment);
    }
    text += &places(table, experiment);
    text += &times(&table.stages, table.build_seconds, &table.calo);
    text
}

/// The table itself.
fn numbers(table: &Table) -> String {
    let Some(first) = table.seeds.first() else { return String::new() };
    let columns: Vec<&Column> = first.configurations.iter().chain([&first.floor]).collect();
    let mut rows = vec![vec!["against the reference".to_owned()]];
    rows[0].extend(columns.iter().map(|column| column.name.clone()));
    let mut row = |name: String, cell: &dyn Fn(usize) -> String| {
        rows.push(std::iter::once(name).chain((0..columns.len()).map(cell)).collect());
    };
    let over_seeds = |index: usize, quantity: &dyn Fn(&Column) -> Option<Estimate>, digits: usize| {
        combined(table.seeds.iter().filter_map(|row| quantity(nth(row, index)?)), digits)
    };
    row("S_JSD".to_owned(), &|i| over_seeds(i, &Column::s_jsd, 3));
    if columns.iter().any(|column| column.s_jsd_of_halves.is_some()) {
        row("S_JSD, half the showers".to_owned(), &|i| over_seeds(i, &|column| column.s_jsd_of_halves, 3));
    }
    let is_published = |id: &str| columns.iter().any(|column| column.published(id).is_some());
    let published =
        |id: &str, i: usize| columns[i].published(id).map_or_else(missing, |paper| format!("{paper:.2}"));
    if is_published("s_jsd") {
        row("S_JSD, paper (its own divisors)".to_owned(), &|i| published("s_jsd", i));
    }
    for distance in &first.floor.jsd {
        row(format!("JSD {}", distance.label), &|i| {
            over_seeds(i, &|column| estimate(&column.jsd, &distance.id), 4)
        });
    }
    // What belongs to something that may be another for each seed has no mean over seeds.
    let is_mean = |score: &&Score| score.detail.is_empty() && score.id != "s_jsd";
    for score in first.floor.scores.iter().filter(is_mean) {
        let quantity = |column: &Column| estimate(&column.scores, &score.id);
        if columns.iter().any(|column| quantity(column).is_some()) {
            row(score.label.clone(), &|i| over_seeds(i, &quantity, score.digits));
        }
    }
    let others: BTreeSet<&String> = columns.iter().flat_map(|column| column.published.keys()).collect();
    for id in others {
        let label = first.floor.scores.iter().find(|score| score.id == *id).map_or(id, |score| &score.label);
        row(format!("{label}, paper"), &|i| published(id, i));
    }
    let offsets: [Offsets; 3] = [
        // Margins of the papers are of mu90, not of the plain mean.
        ("mu90 of visible energy", |column| &column.mu90),
        ("sigma90/mu90", |column| &column.resolution),
        ("mean number of hits", |column| &column.n_hits),
    ];
    for (label, offsets) in offsets {
        // One whose run did not recover has none.
        let all = table.seeds.iter().flat_map(|row| &row.configurations).map(offsets);
        for offset in all.max_by_key(|offsets| offsets.len()).unwrap_or_default() {
            let same = |other: &&Offset| other.energy_gev.total_cmp(&offset.energy_gev).is_eq();
            let percent = |column: &Column| offsets(column).iter().find(same).map(|offset| offset.percent);
            let mark = if offset.from_window { " *" } else { "" };
            row(format!("{label} at {} GeV{mark}, %", offset.energy_gev), &|i| {
                let cell = over_seeds(i, &percent, 1);
                if cell.starts_with('-') { cell } else { format!("+{cell}") }
            });
        }
    }
    let epochs = |index: usize| {
        let epochs = table.seeds.iter().filter_map(|row| nth(row, index)?.epoch).map(|e| e.to_string());
        let epochs = epochs.collect::<Vec<_>>().join(", ");
        if epochs.is_empty() { missing() } else { epochs }
    };
    row("best epoch".to_owned(), &epochs);
    row("KLD, nats".to_owned(), &|i| {
        over_seeds(i, &|column| column.kld_nats.map(|value| Estimate { value, error: None }), 1)
    });
    aligned(&rows)
}

/// Column `index` of a seed, the floor last.
fn nth(row: &SeedRow, index: usize) -> Option<&Column> {
    row.configurations.iter().chain([&row.floor]).nth(index)
}

/// One estimate with its error; several as their mean and standard deviation.
fn combined(estimates: impl Iterator<Item = Estimate>, digits: usize) -> String {
    let estimates: Vec<Estimate> = estimates.collect();
    match estimates[..] {
        [] => missing(),
        [estimate] => fixed(estimate, digits),
        _ => {
            let values: Vec<f64> = estimates.iter().map(|estimate| estimate.value).collect();
            fixed(Estimate::over(&values), digits)
        }
    }
}

/// What was found beside the limits that the paper gives.
fn claims(table: &Table, experiment: &Experiment) -> String {
    let Some(first) = table.seeds.first().filter(|_| !experiment.claims.is_empty()) else {
        return String::new();
    };
    let mut rows = vec![vec!["largest in size".to_owned()]];
    rows[0].extend(first.configurations.iter().map(|column| column.name.clone()));
    rows[0].push("paper".to_owned());
    for claim in &experiment.claims {
        let (label, digits) = match claim.quantity {
            ClaimedQuantity::Mu90 => ("offset of mu90, %", 1),
            ClaimedQuantity::Resolution => ("offset of sigma90/mu90, %", 1),
            ClaimedQuantity::Pearson => ("difference of Pearson coefficients", 3),
        };
        let mut row = vec![label.to_owned()];
        row.extend((0..first.configurations.len()).map(|i| {
            combined(table.seeds.iter().filter_map(|row| nth(row, i)?.claimed(claim.quantity)), digits)
        }));
        row.push(claim.paper.clone());
        rows.push(row);
    }
    format!("\n## Claims of the paper\n\n{}", aligned(&rows))
}

/// Seed by seed: S_JSD and the centre of gravity, and how far the worst quantity of the last configuration is off.
fn by_seed(table: &Table, experiment: &Experiment) -> String {
    let mut rows = vec![vec!["seed".to_owned()]];
    let Some(first) = table.seeds.first() else { return String::new() };
    for column in &first.configurations {
        rows[0].extend([format!("S_JSD {}", column.name), "JSD CoG-z".to_owned()]);
    }
    let last = first.configurations.last().map_or("", |column| &column.name);
    rows[0].extend(["S_JSD floor".to_owned(), format!("largest JSD, {last}")]);
    rows[0].extend(["largest offset of mu90", "of hits", "\\|ρ\\|"].map(str::to_owned));
    for row in &table.seeds {
        let mut cells = vec![row.seed.to_string()];
        for column in &row.configurations {
            cells.push(combined(column.s_jsd().into_iter(), 3));
            cells.push(combined(estimate(&column.jsd, "cog_z").into_iter(), 4));
        }
        cells.push(combined(row.floor.s_jsd().into_iter(), 3));
        let last = row.configurations.last();
        cells.push(last.and_then(largest_jsd).unwrap_or_else(missing));
        for offsets in [last.map(|column| &column.mu90), last.map(|column| &column.n_hits)] {
            cells.push(offsets.and_then(|offsets| largest_offset(offsets)).unwrap_or_else(missing));
        }
        cells.push(row.top_variable_cog_z.map_or_else(missing, |rho| format!("{:.2}", rho.abs())));
        rows.push(cells);
    }
    let mut text = format!("\n{}", aligned(&rows));
    for pair in sampled_both_ways(experiment) {
        let better = |which: usize| {
            table.seeds.iter().filter(|row| row.density_is_better(pair)[which] == Some(true)).count()
        };
        let _ = write!(
            text,
            "\n{} beats N(0, 1) from the same model in S_JSD for {} and in the centre of gravity z for {} of {} seeds.\n",
            experiment.candidates[pair[1]].name,
            better(0),
            better(1),
            table.seeds.len()
        );
    }
    text
}

/// The largest of the distances, and whose it is.
fn largest_jsd(column: &Column) -> Option<String> {
    let known = column.jsd.iter().filter_map(|distance| Some((distance.value?, &distance.label)));
    let (jsd, label) = known.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    Some(format!("{jsd:.3} ({label})"))
}

/// The mean that is furthest from the reference's, and at which energy.
fn largest_offset(offsets: &[Offset]) -> Option<String> {
    let size = |offset: &&Offset| offset.percent.value.abs();
    let largest = offsets.iter().max_by(|a, b| size(a).total_cmp(&size(b)))?;
    Some(format!("{:+.1} % ({} GeV)", largest.percent.value, largest.energy_gev))
}

/// Where the figures are.
fn places(table: &Table, experiment: &Experiment) -> String {
    let Figures { evaluation, selection, latent, latent_comparison } = &experiment.figures;
    let mut pages = vec![("evaluation/report.html", evaluation), ("selection/selection.html", selection)];
    if !experiment.latent_pages.is_empty() {
        pages.push(("latent-*/latent.html", latent));
    }
    if experiment.latent_comparison.is_some() {
        pages.push(("latent-comparison/latent-comparison.html", latent_comparison));
    }
    let shown = |(page, figures): &(&str, &String)| match figures.as_str() {
        "" => format!("`{page}`"),
        figures => format!("`{page}` ({figures})"),
    };
    let pages = pages.iter().map(shown).collect::<Vec<_>>().join(", ");
    let mut text = String::from("\n## Figures\n\n");
    for row in &table.seeds {
        let _ = writeln!(text, "* seed {}, in `{}`: {pages}", row.seed, row.folder);
    }
    text
}

#[cfg(test)]
mod tests;
