//! Correlations of some variables with some observables: a coloured rectangle with numbers.

use crate::error::{Error, Result};
use crate::figures::matrix::{CELL_PX, cell, correlation_bar};
use crate::panel::title;
use crate::style::Style;
use crate::svg::{Anchor, FigureText, Point, Svg};
use crate::text::{fit, width};

/// What [`correlation_table`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelationTable {
    /// Id, title and alternative text.
    pub text: FigureText,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Below the columns' names, in smaller type.
    pub notes: Vec<String>,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// Entries by row, then column; absent where not defined.
    pub entries: Vec<Vec<Option<f64>>>,
}

const TOP: f64 = 64.0;
/// Cells are wider than high: column names stand above them.
const WIDTH: f64 = 50.0;
const BAR: f64 = 78.0;

/// Draws the table: blue below zero, red above; an absent entry is crossed out.
///
/// # Errors
/// [`Error::Figure`] where entries, rows and columns differ in number.
pub fn correlation_table(plot: &CorrelationTable, style: &Style) -> Result<String> {
    let (n_rows, n_columns) = (plot.rows.len(), plot.columns.len());
    let rectangular = plot.entries.len() == n_rows && plot.entries.iter().all(|row| row.len() == n_columns);
    if n_rows == 0 || n_columns == 0 || !rectangular || plot.notes.len() != n_columns {
        let problem = format!("{} rows of entries for {n_rows} x {n_columns} names", plot.entries.len());
        return Err(Error::figure(&plot.text.id, problem, "one entry for each row and column, and a note"));
    }
    let size = style.small_px();
    let label_px = plot.rows.iter().map(|label| width(label, size)).fold(0.0, f64::max).min(140.0);
    let left = label_px + 20.0;
    let [right, bottom] = [left + WIDTH * n_columns as f64, TOP + CELL_PX * n_rows as f64];
    let total = right + BAR;
    let mut svg = Svg::new(&plot.text.id);
    title(&mut svg, style, &plot.text.title, total - 24.0);
    for (column, (name, note)) in plot.columns.iter().zip(&plot.notes).enumerate() {
        let middle = left + WIDTH * (column as f64 + 0.5);
        svg.text(
            Point::new(middle, TOP - 20.0),
            style.font_px,
            Anchor::Middle,
            &fit(name, style.font_px, WIDTH),
        );
        svg.muted(Point::new(middle, TOP - 6.0), size - 2.0, Anchor::Middle, &fit(note, size - 2.0, WIDTH));
    }
    for (row, (name, entries)) in plot.rows.iter().zip(&plot.entries).enumerate() {
        let y = TOP + CELL_PX * row as f64;
        let name = fit(name, size, 140.0);
        svg.text(Point::new(left - 6.0, y + CELL_PX / 2.0 + size * 0.36), size, Anchor::End, &name);
        for (column, entry) in entries.iter().enumerate() {
            let x = left + WIDTH * column as f64;
            cell(&mut svg, [x, y, x + WIDTH, y + CELL_PX], *entry, 1.0);
        }
    }
    correlation_bar(&mut svg, [right + 20.0, TOP, right + 33.0, bottom], style);
    Ok(svg.finish(total, bottom + 14.0, &plot.text))
}
