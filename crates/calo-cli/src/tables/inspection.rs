//! What a file holds as a table for the terminal.

use calo_data::{Extent, StorageInfo, Tally};
use calo_run::inspect::{HitInspection, Inspection};
use comfy_table::{CellAlignment, Table, presets};

/// Of a file of showers.
pub(crate) fn inspection(inspection: &Inspection) -> Table {
    let (info, summary) = (&inspection.file, &inspection.summary);
    let mut table = new_table();
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("layout", format!("{}, group {}", info.layout, info.group));
    let cut_from = info.full_grid.map(|full| format!(", cut from {full}")).unwrap_or_default();
    match &inspection.layered_detector {
        Some(detector) => row("voxels", format!("{} of detector {detector}", info.grid.n_cells())),
        None => row("grid", format!("{} (layers, x, y){cut_from}", info.grid)),
    }
    row("showers", summary.n_showers.to_string());
    row("cells", format!("{}, in {}", storage(&info.cells), info.cell_unit));
    row("incident energies", format!("{}, in {}", storage(&info.energies), info.energy_unit));
    if !info.axes.are_ours() {
        row("axes in the file", info.axes.to_string());
    }
    row("file", format!("{:.1} MB", mega(info.file_bytes)));
    row("incident energy", extent(&summary.energy_gev, "GeV"));
    row("sum of cells", extent(&summary.visible_mev, "MeV"));
    let response = summary.response_mev_per_gev();
    row("response", response.map_or_else(|| "-".to_owned(), |response| format!("{response:.3} MeV/GeV")));
    row(&format!("cells above {} MeV", summary.hit_above_mev), extent(&summary.n_hits, ""));
    row("hottest cell", extent(&summary.hottest_cell_mev, "MeV"));
    let occupancy =
        summary.occupancy().map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", 100.0 * share));
    row("cells that are not zero", occupancy);
    row("empty showers", tally(&summary.empty, ""));
    row("cells not finite", tally(&summary.non_finite_cells, "cells"));
    row("negative cells", tally(&summary.negative_cells, "cells"));
    row("impossible incident energies", tally(&summary.bad_energies, ""));
    info.notes.iter().for_each(|note| row("note", note.clone()));
    if let Some(hint) = summary.unit_hint() {
        row("units", hint.describe().to_owned());
    }
    table
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    table
}

fn storage(info: &StorageInfo) -> String {
    format!("{}: {info}, {:.1} MB stored", info.name, mega(info.stored_bytes))
}

fn extent(extent: &Extent, unit: &str) -> String {
    match extent.mean() {
        Some(mean) => {
            format!("{:.2} .. {:.2}, mean {mean:.2} {unit}", extent.min, extent.max).trim_end().to_owned()
        }
        None => "-".to_owned(),
    }
}

fn tally(tally: &Tally, things: &str) -> String {
    match tally.first_shower {
        None => "0".to_owned(),
        Some(first) if things.is_empty() => format!("{}, the first is shower {first}", tally.n_showers),
        Some(first) => {
            format!("{} {things} in {} showers, the first is shower {first}", tally.n, tally.n_showers)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Of a file of raw hits.
pub(crate) fn hit_inspection(hits: &HitInspection) -> Table {
    let mut table = new_table();
    table.add_row(["layout".to_owned(), format!("raw hits (ROOT), tree {}", hits.tree)]);
    table.add_row(["events".to_owned(), hits.n_events.to_string()]);
    table.add_row(["hits".to_owned(), hits.n_hits.to_string()]);
    table.add_row(["incident energy".to_owned(), range(hits.energy_range_gev, "GeV")]);
    table.add_row(["depth of hits".to_owned(), range(hits.depth_range_mm, "mm")]);
    table.add_row(["energy of all hits".to_owned(), format!("{:.3} GeV", hits.hits_gev)]);
    table
}

fn range(range: Option<[f64; 2]>, unit: &str) -> String {
    range.map_or_else(|| "-".to_owned(), |[low, high]| format!("{low:.2} .. {high:.2} {unit}"))
}
