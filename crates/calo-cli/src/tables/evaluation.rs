//! The evaluation as tables for the terminal.

use std::fmt::Write;

use calo_metrics::results::{
    Comparison, EnergySource, Estimate, Gap, LinearityPoint, Results, SampleInfo, Score, SplitComparison,
};
use comfy_table::{Cell, CellAlignment, Table, presets};

/// Everything `calo evaluate` prints.
pub(crate) fn evaluation(results: &Results) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}\n", header(&results.samples));
    let _ = writeln!(text, "{}\n", scores(results));
    if results.comparisons.iter().any(|comparison| !comparison.splits.is_empty()) {
        let _ = writeln!(text, "{}\n", splits(results));
    }
    if !results.linearity.is_empty() {
        let _ = writeln!(text, "{}\n", linearity(results));
    }
    if windows_used(results) {
        let _ = writeln!(
            text,
            "* not from files of that energy in every sample: showers of the full spectrum within 2 GeV, scaled to it\n"
        );
    }
    text.push_str(&gaps(&results.gaps));
    text
}

/// A line for each missing value.
pub(super) fn gaps(gaps: &[Gap]) -> String {
    gaps.iter().map(|gap| format!("not given: {}: {}\n", gap.what, gap.why)).collect()
}

pub(super) fn header(samples: &[SampleInfo]) -> Table {
    let mut table = new_table(&["sample", "showers", "energies", "mean visible energy"]);
    for sample in samples {
        let [low, high] = sample.energy_range_gev;
        table.add_row(row(
            &sample.name,
            [
                sample.n_showers.to_string(),
                format!("{low:.1} .. {high:.1} GeV"),
                format!("{:.1} MeV", sample.mean_visible_energy_mev),
            ],
        ));
    }
    table
}

/// One column a comparison, the floor first.
fn scores(results: &Results) -> Table {
    let comparisons: Vec<&Comparison> = std::iter::once(&results.floor).chain(&results.comparisons).collect();
    let names: Vec<&str> =
        std::iter::once("against the reference").chain(comparisons.iter().map(|c| c.name.as_str())).collect();
    let mut table = new_table(&names);
    table.add_row(row(
        "showers",
        comparisons.iter().map(|c| format!("{} / {}", c.n_showers[0], c.n_showers[1])),
    ));
    for observable in &results.observables {
        let from_window = results.distributions.iter().filter(|d| d.observable == observable.id).any(|d| {
            d.samples.iter().flatten().any(|histogram| histogram.source == Some(EnergySource::Window))
        });
        let mark = if from_window { " *" } else { "" };
        let label = format!("JSD {}{mark}", observable.label);
        table.add_row(row(
            &label,
            comparisons.iter().map(|c| optional(c.histogram(&observable.id).map(|h| h.jsd), 4)),
        ));
    }
    for Score { id, label, .. } in &results.floor.scores {
        table.add_row(row(label, comparisons.iter().map(|c| c.score(id).map_or_else(missing, score))));
    }
    table
}

/// Distances beside the floor at the same number of showers. The floor is the same for all candidates.
fn splits(results: &Results) -> Table {
    let n_splits = results.n_splits;
    let mut names =
        vec![format!("JSD, mean of {n_splits} splits"), "showers a side".to_owned(), "floor".to_owned()];
    for comparison in &results.comparisons {
        names.push(comparison.name.clone());
        names.push("excess".to_owned());
    }
    let mut table = new_table(&names);
    for observable in &results.observables {
        let of_candidates: Vec<Option<&SplitComparison>> = results
            .comparisons
            .iter()
            .map(|comparison| comparison.splits.iter().find(|split| split.observable == observable.id))
            .collect();
        let Some(first) = of_candidates.iter().flatten().next() else { continue };
        let mut cells = vec![first.n_showers.to_string(), estimate(first.distances.floor, 4)];
        for split in of_candidates {
            cells.push(optional(split.map(|split| split.distances.jsd), 4));
            cells.push(optional(split.map(|split| split.distances.excess), 4));
        }
        table.add_row(row(&observable.label, cells));
    }
    table
}

/// One row an energy, mean and relative width of every sample side by side.
fn linearity(results: &Results) -> Table {
    let mut names = vec!["E / GeV".to_owned()];
    for sample in &results.samples {
        names.push(format!("{}: mu90 / MeV", sample.name));
        names.push("sigma90 / mu90".to_owned());
    }
    let mut table = new_table(&names);
    let mut energies: Vec<f64> = results.linearity.iter().map(|p| p.energy_gev).collect();
    energies.sort_by(f64::total_cmp);
    energies.dedup();
    for energy_gev in energies {
        let points = (0..results.samples.len()).map(|sample| {
            results
                .linearity
                .iter()
                .find(|p| p.sample == sample && p.energy_gev.total_cmp(&energy_gev).is_eq())
        });
        table.add_row(row(&energy_gev.to_string(), points.flat_map(linearity_cells)));
    }
    table
}

/// Whether any number at a fixed energy comes from a window of the full spectrum.
fn windows_used(results: &Results) -> bool {
    let histograms = results.distributions.iter().flat_map(|d| d.samples.iter().flatten().map(|h| h.source));
    let points = results.linearity.iter().map(|point| Some(point.source));
    histograms.chain(points).any(|source| source == Some(EnergySource::Window))
}

fn linearity_cells(point: Option<&LinearityPoint>) -> [String; 2] {
    let Some(point) = point else { return ["-".to_owned(), "-".to_owned()] };
    let scaled = match point.source {
        EnergySource::FixedEnergyFile => "",
        EnergySource::Window => " *",
    };
    [format!("{}{scaled}", estimate(point.mu90_mev, 1)), estimate(point.resolution, 4)]
}

pub(super) fn new_table<S: AsRef<str>>(header: &[S]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(header.iter().map(|name| Cell::new(name.as_ref())));
    table
}

pub(super) fn row(label: &str, cells: impl IntoIterator<Item = String>) -> Vec<Cell> {
    let values = cells.into_iter().map(|cell| Cell::new(cell).set_alignment(CellAlignment::Right));
    std::iter::once(Cell::new(label)).chain(values).collect()
}

/// A score with its error, and what it belongs to.
pub(super) fn score(score: &Score) -> String {
    let found = optional(score.estimate(), score.digits);
    if score.detail.is_empty() { found } else { format!("{found} ({})", score.detail.join(" ")) }
}

fn optional(value: Option<Estimate>, digits: usize) -> String {
    value.map_or_else(missing, |value| estimate(value, digits))
}

/// What stands for a number that is not known.
pub(super) fn missing() -> String {
    "-".to_owned()
}

fn estimate(Estimate { value, error }: Estimate, digits: usize) -> String {
    match error {
        Some(error) => format!("{value:.digits$} ± {error:.digits$}"),
        None => format!("{value:.digits$}"),
    }
}
