//! A correlation matrix, or the difference of two, as a coloured triangle with numbers.

use crate::axis::{Axis, round_up};
use crate::colour::diverging;
use crate::error::{Error, Result};
use crate::panel::title;
use crate::style::Style;
use crate::svg::{Anchor, FigureText, INK, Point, Svg};
use crate::text::{fit, fixed, width};

/// What the entries are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MatrixKind {
    /// Correlations, -1 to 1.
    Correlation,
    /// Differences; the colours reach to plus and minus this.
    Difference(f64),
}

impl MatrixKind {
    /// Differences up to the largest absolute entry of all `matrices`, rounded up, at least 0.05.
    pub fn difference_of<'a>(matrices: impl IntoIterator<Item = &'a Vec<Vec<Option<f64>>>>) -> Self {
        let entries = matrices.into_iter().flatten().flatten().flatten();
        let largest = entries.map(|entry| entry.abs()).filter(|entry| entry.is_finite()).fold(0.05, f64::max);
        Self::Difference(round_up(largest))
    }
}

/// What [`matrix`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixPlot {
    /// Id, title and alternative text.
    pub text: FigureText,
    /// What the entries are.
    pub kind: MatrixKind,
    /// Names of rows and columns.
    pub labels: Vec<String>,
    /// Entries by row and column; symmetric, absent where not defined.
    pub entries: Vec<Vec<Option<f64>>>,
}

/// Side of a cell, px.
pub(super) const CELL_PX: f64 = 35.0;
const CELL: f64 = CELL_PX;
const TOP: f64 = 58.0;
const BAR: f64 = 14.0;
/// Steps of the colour bar.
const STEPS: i32 = 41;

/// Draws the lower triangle of a symmetric matrix with the value written into each cell.
///
/// The colours are symmetric around zero: blue below, red above, white at zero. An absent entry is crossed out.
///
/// # Errors
/// [`Error::Figure`] where the matrix is not square or does not fit the labels.
pub fn matrix(plot: &MatrixPlot, style: &Style) -> Result<String> {
    let n = plot.labels.len();
    if n == 0 || plot.entries.len() != n || plot.entries.iter().any(|row| row.len() != n) {
        let problem = format!("{} rows for {n} labels", plot.entries.len());
        return Err(Error::figure(&plot.text.id, problem, "a square matrix, one row for each label"));
    }
    let limit = match plot.kind {
        MatrixKind::Correlation => 1.0,
        MatrixKind::Difference(limit) if limit > 0.0 && limit.is_finite() => limit,
        MatrixKind::Difference(_) => 1.0,
    };
    let size = style.small_px();
    let label_px = plot.labels.iter().map(|label| width(label, size)).fold(0.0, f64::max).min(140.0);
    let left = label_px + 16.0;
    let side = CELL * n as f64;
    let mut svg = Svg::new(&plot.text.id);
    let total = left + side + 20.0 + label_px.min(40.0);
    title(&mut svg, style, &plot.text.title, total - 24.0);

    for (row, entries) in plot.entries.iter().enumerate() {
        let y = TOP + CELL * row as f64;
        let name = fit(&plot.labels[row], size, 140.0);
        svg.text(Point::new(left - 6.0, y + CELL / 2.0 + size * 0.36), size, Anchor::End, &name);
        for (column, entry) in entries.iter().enumerate().take(row + 1) {
            let x = left + CELL * column as f64;
            cell(&mut svg, [x, y, x + CELL, y + CELL], *entry, limit);
        }
        // Column names stand along the diagonal, close to their cells, rather than far below.
        let (x, y) = (left + CELL * (row as f64 + 0.5) - 3.0, y - 5.0);
        let name = crate::text::escape(&fit(&plot.labels[row], size, 120.0));
        svg.put(format_args!(
            r#"<text transform="translate({x:.2} {y:.2})rotate(-40)" font-size="{size}" class="ink" fill="{INK}">{name}</text>"#
        ));
    }
    colour_bar(&mut svg, plot, limit, [left + side * 0.56, TOP + 2.0, left + side - 4.0], style);
    Ok(svg.finish(total, TOP + side + 12.0, &plot.text))
}

/// One entry on a scale that reaches to plus and minus `limit`, its value written into it.
pub(super) fn cell(svg: &mut Svg, [left, top, right, bottom]: [f64; 4], entry: Option<f64>, limit: f64) {
    let rect = [left + 0.5, top + 0.5, right - 0.5, bottom - 0.5];
    let Some(value) = entry.filter(|value| value.is_finite()) else {
        svg.rect(rect, r##"class="shade" fill="#ededed""##);
        svg.put(format_args!(
            r#"<path class="line" d="M{:.1} {:.1}L{:.1} {:.1}" stroke="{INK}" stroke-width="0.8"/>"#,
            left + 4.0,
            bottom - 4.0,
            right - 4.0,
            top + 4.0
        ));
        return;
    };
    let colour = diverging(value / limit);
    svg.rect(rect, &format!(r#"fill="{}""#, colour.hex()));
    let ink = if colour.is_dark() { "#ffffff" } else { "#111111" };
    let number = fixed(value, 2);
    let at = Point::new(f64::midpoint(left, right), f64::midpoint(top, bottom) + 3.6);
    svg.styled_text(at, 10.0, Anchor::Middle, &number, &format!(r#"fill="{ink}""#));
}

/// A bar of all colours of correlations, from its bottom to its top.
pub(super) fn correlation_bar(svg: &mut Svg, [left, top, right, bottom]: [f64; 4], style: &Style) {
    let step = (bottom - top) / f64::from(STEPS);
    for index in 0..STEPS {
        let colour = diverging(2.0 * f64::from(index) / f64::from(STEPS - 1) - 1.0).hex();
        let low = bottom - step * f64::from(index);
        svg.rect([left, (low - step - 0.4).max(top), right, low], &format!(r#"fill="{colour}""#));
    }
    let outline = format!(r#"class="line" fill="none" stroke="{INK}" stroke-width="0.8""#);
    svg.rect([left, top, right, bottom], &outline);
    let axis = Axis::linear(-1.0, 1.0, bottom, top);
    for tick in axis.ticks(50.0) {
        if let Some(label) = tick.label {
            let at = axis.at(tick.value);
            svg.line(Point::new(right, at), Point::new(right - 4.0, at), 0.8);
            svg.text(Point::new(right + 5.0, at + 4.0), style.small_px(), Anchor::Start, &label);
        }
    }
    svg.text(Point::new(f64::midpoint(left, right) + 4.0, top - 10.0), style.font_px, Anchor::Middle, "ρ");
}

fn colour_bar(svg: &mut Svg, plot: &MatrixPlot, limit: f64, [left, top, right]: [f64; 3], style: &Style) {
    if right - left < 100.0 {
        return; // few observables leave no room, and every cell shows its number
    }
    let label = match plot.kind {
        MatrixKind::Correlation => "Pearson correlation",
        MatrixKind::Difference(_) => "difference of correlations",
    };
    let size = style.small_px();
    svg.text(Point::new(f64::midpoint(left, right), top + size), size, Anchor::Middle, label);
    let (top, bottom) = (top + size + 8.0, top + size + 8.0 + BAR);
    let step = (right - left) / f64::from(STEPS);
    for index in 0..STEPS {
        let colour = diverging(2.0 * f64::from(index) / f64::from(STEPS - 1) - 1.0).hex();
        let from = left + step * f64::from(index);
        // A slight overlap hides the seams that anti-aliasing would leave.
        svg.rect([from, top, (from + step + 0.4).min(right), bottom], &format!(r#"fill="{colour}""#));
    }
    svg.rect(
        [left, top, right, bottom],
        &format!(r#"class="line" fill="none" stroke="{INK}" stroke-width="0.8""#),
    );
    let axis = Axis::linear(-limit, limit, left, right);
    for tick in axis.ticks(34.0) {
        if let Some(text) = tick.label {
            let at = axis.at(tick.value);
            svg.line(Point::new(at, bottom), Point::new(at, bottom + 4.0), 0.8);
            svg.text(Point::new(at, bottom + size + 5.0), size - 1.0, Anchor::Middle, &text);
        }
    }
}
