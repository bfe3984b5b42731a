//! Histograms in two dimensions, several panels on one colour scale, with the mean in every column.

use crate::axis::Axis;
use crate::error::{Error, Result};
use crate::figures::cells::{colour_bar, draw_cells, level};
use crate::panel::{Labels, frame, title};
use crate::style::{Marker, MarkerFill, Style};
use crate::svg::{Anchor, FigureText, PathData, Point, Svg};
use crate::text::{fit, width};

/// What [`joint`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct JointPlot {
    /// Id, title and alternative text.
    pub text: FigureText,
    /// Panels in a row.
    pub n_columns: usize,
    /// Row by row.
    pub panels: Vec<JointPanel>,
}

/// One histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct JointPanel {
    /// Stands above the panel, at its left.
    pub name: String,
    /// Stands above the panel, at its right.
    pub note: String,
    /// Label of the horizontal axis, with its unit.
    pub x_label: String,
    /// Label of the vertical axis, with its unit.
    pub y_label: String,
    /// Lowest and highest value across; bins are equally wide.
    pub x_range: [f64; 2],
    /// Lowest and highest value upwards; bins are equally wide.
    pub y_range: [f64; 2],
    /// Contents by bin across, then upwards.
    pub counts: Vec<Vec<u64>>,
    /// Mean and its standard error in every bin across, where there is one.
    pub profile: Vec<Option<[f64; 2]>>,
}

const SIDE: f64 = 172.0;
const LEFT: f64 = 62.0;
const BETWEEN: f64 = 68.0;
const TOP: f64 = 28.0;
const HEADER: f64 = 22.0;
const FOOTER: f64 = 48.0;
const BAR: f64 = 76.0;

/// Draws the panels. Colours are shares of the fullest bin of each panel; empty bins stay white. Points are the means.
///
/// # Errors
/// [`Error::Figure`] where there is no panel, or counts and profile do not form a rectangle.
pub fn joint(plot: &JointPlot, style: &Style) -> Result<String> {
    if plot.panels.is_empty() || plot.n_columns == 0 {
        return Err(Error::figure(&plot.text.id, "no panels", "at least one, and at least one in a row"));
    }
    for (index, panel) in plot.panels.iter().enumerate() {
        let n_up = panel.counts.first().map_or(0, Vec::len);
        let fits = panel.counts.iter().all(|column| column.len() == n_up && n_up > 0);
        if !fits || panel.profile.len() != panel.counts.len() {
            let problem = format!("panel {index} has {} columns of unlike length", panel.counts.len());
            let expected = "columns of one length, each with its mean or none";
            return Err(Error::figure(&plot.text.id, problem, expected));
        }
    }
    let n_columns = plot.n_columns.min(plot.panels.len());
    let n_rows = plot.panels.len().div_ceil(n_columns);
    let total = LEFT + SIDE * n_columns as f64 + BETWEEN * (n_columns - 1) as f64 + BAR;
    let row_px = HEADER + SIDE + FOOTER;
    let mut svg = Svg::new(&plot.text.id);
    title(&mut svg, style, &plot.text.title, total - 24.0);
    for (index, panel) in plot.panels.iter().enumerate() {
        let left = LEFT + (SIDE + BETWEEN) * (index % n_columns) as f64;
        let top = TOP + HEADER + row_px * (index / n_columns) as f64;
        draw_panel(&mut svg, panel, [left, top, left + SIDE, top + SIDE], style);
    }
    let (left, top) = (total - BAR + 18.0, TOP + HEADER);
    let axis = Axis::linear(0.0, 1.0, top + SIDE, top);
    colour_bar(&mut svg, [left, top, left + 13.0, top + SIDE], &axis, "density", style);
    Ok(svg.finish(total, TOP + row_px * n_rows as f64, &plot.text))
}

fn draw_panel(svg: &mut Svg, panel: &JointPanel, rect: [f64; 4], style: &Style) {
    let [left, top, right, bottom] = rect;
    let size = style.small_px();
    let note_px = width(&panel.note, size);
    svg.text(Point::new(left, top - 7.0), size, Anchor::Start, &fit(&panel.name, size, SIDE - note_px - 6.0));
    svg.muted(Point::new(right, top - 7.0), size, Anchor::End, &panel.note);
    let shape = [panel.counts.len(), panel.counts[0].len()];
    let fullest = panel.counts.iter().flatten().copied().max().unwrap_or(0).max(1) as f64;
    draw_cells(svg, rect, shape, |across, up| match panel.counts[across][up] {
        0 => None,
        count => Some(level(count as f64 / fullest)),
    });
    let x = Axis::linear(panel.x_range[0], panel.x_range[1], left, right);
    let y = Axis::linear(panel.y_range[0], panel.y_range[1], bottom, top);
    svg.open_clipped(rect);
    let step = (right - left) / shape[0] as f64;
    for (bin, entry) in panel.profile.iter().enumerate() {
        let Some([mean, error]) = entry.filter(|[mean, _]| y.contains(*mean)) else { continue };
        let at = left + step * (bin as f64 + 0.5);
        let mut bar = PathData::default();
        bar.upright(at, [y.at(mean - error), y.at(mean + error)]);
        // A light rim keeps points legible on dark cells.
        let strokes = [("#ffffff", 3.0), ("#d55e00", 1.4)];
        for (stroke, width) in strokes.into_iter().filter(|_| !bar.is_empty()) {
            svg.put(format_args!(
                r#"<path d="{bar}" fill="none" stroke="{stroke}" stroke-width="{width}"/>"#
            ));
        }
        Marker::Circle.draw(svg, Point::new(at, y.at(mean)), 3.0, MarkerFill::Solid("#ffffff"));
        Marker::Circle.draw(svg, Point::new(at, y.at(mean)), 2.1, MarkerFill::Solid("#d55e00"));
    }
    svg.close();
    let labels = Labels { x: Some(&panel.x_label), y: "", y_spacing_px: 36.0 };
    frame(svg, rect, &x, &y, labels, style);
    svg.upward_text(Point::new(left - 46.0, f64::midpoint(top, bottom)), style.font_px, &panel.y_label);
}
