//! Event displays: a shower from the side in the terminal, in three dimensions as SVG.

use std::fmt::Write as _;
use std::path::Path;

use calo_core::ShowerBatch;
use calo_report::figures::{Shower, ShowerPanel, event_display};
use calo_report::{FigureText, Style};
use ndarray::{Array2, Axis};

/// Shades from empty to the hottest column of cells.
const SHADES: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// Decades of energy that the shades span.
const DECADES: f64 = 3.0;

/// The first shower of `batch` from the side: layers to the right, x upwards, summed over y.
pub(crate) fn text(batch: &ShowerBatch<f32>, cut_mev: f64) -> String {
    let shower = batch.cells_mev.index_axis(Axis(0), 0);
    let mut side_mev = Array2::<f64>::zeros((batch.grid().layers, batch.grid().nx));
    for ((layer, x, _), mev) in shower.indexed_iter() {
        if is_hit(mev, cut_mev) {
            side_mev[[layer, x]] += f64::from(*mev);
        }
    }
    format!(
        "shower {}, {:.2} GeV: {:.1} MeV in {} cells above {cut_mev} MeV (x upwards, layers to the right, summed over y)\n{}",
        batch.first_shower,
        batch.energies_gev[0],
        side_mev.sum(),
        shower.iter().filter(|mev| is_hit(mev, cut_mev)).count(),
        shades(&side_mev)
    )
}

/// Columns of energies in MeV as shades on a common scale, each column from the bottom up.
pub(super) fn shades(columns_mev: &Array2<f64>) -> String {
    let hottest_mev = columns_mev.iter().fold(0.0, |hottest: f64, mev| hottest.max(*mev));
    let mut text = String::new();
    for row in (0..columns_mev.ncols()).rev() {
        let shades: String = columns_mev.column(row).iter().map(|mev| shade(*mev, hottest_mev)).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{row:>4} |{shades}|");
    }
    let last = columns_mev.nrows().saturating_sub(1);
    let _ = writeln!(text, "      0{last:>last$}");
    let _ = writeln!(
        text,
        "shades: {} on a log scale, `@` is {hottest_mev:.1} MeV",
        SHADES.iter().collect::<String>()
    );
    text
}

/// Whether a cell counts, in its own precision, as every metric does.
#[expect(clippy::cast_possible_truncation, reason = "the precision of the cells")]
pub(super) fn is_hit(mev: &f32, cut_mev: f64) -> bool {
    *mev > cut_mev as f32
}

fn shade(mev: f64, hottest_mev: f64) -> char {
    if mev <= 0.0 {
        return SHADES[0];
    }
    let share = 1.0 + (mev / hottest_mev).log10() / DECADES;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the shades")]
    let step = (share * (SHADES.len() - 1) as f64).round().clamp(1.0, (SHADES.len() - 1) as f64) as usize;
    SHADES[step]
}

/// The first shower of `batch` in three dimensions.
pub(crate) fn svg(batch: &ShowerBatch<f32>, cut_mev: f64, file: &Path) -> anyhow::Result<String> {
    let shower = batch.cells_mev.index_axis(Axis(0), 0);
    let hits = shower.indexed_iter().filter(|(_, mev)| is_hit(mev, cut_mev));
    #[expect(clippy::cast_possible_truncation, reason = "grids have at most 1024 cells along an axis")]
    let (cells, energies_mev) =
        hits.map(|((layer, x, y), mev)| ([layer as u16, x as u16, y as u16], *mev)).unzip();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let title = format!("Shower {} of {name}", batch.first_shower);
    let energy_gev = batch.energies_gev[0];
    let panel = ShowerPanel {
        text: FigureText { id: "shower".to_owned(), title: title.clone(), alt: title },
        grid: batch.grid().shape(),
        cell_cut_mev: cut_mev,
        showers: vec![Shower { label: format!("{energy_gev:.1} GeV"), cells, energies_mev }],
    };
    Ok(event_display(&panel, &Style::default())?)
}
