//! The average shower seen from three sides.

use crate::axis::Axis;
use crate::error::{Error, Result};
use crate::figures::cells::{self, colour_bar, draw_cells};
use crate::panel::{Labels, frame, title};
use crate::style::Style;
use crate::svg::{Anchor, FigureText, Point, Svg};
use crate::text::fit;

/// What [`projections`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionPlot {
    /// Id, title and alternative text.
    pub text: FigureText,
    /// `[layers, nx, ny]`.
    pub grid: [usize; 3],
    /// One row for each sample.
    pub samples: Vec<MeanImage>,
}

/// The average shower of one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanImage {
    /// Name of the sample.
    pub name: String,
    /// Mean energy of every cell, MeV, flat in `[layer, x, y]` order.
    pub mean_mev: Vec<f32>,
}

const DECADES: f64 = 5.0;
const LEFT: f64 = 58.0;
const SIDE: f64 = 180.0;
const HEADER: f64 = 24.0;
const FOOTER: f64 = 42.0;
const BETWEEN: f64 = 56.0;

/// Draws the sum of the average shower along each axis: x against layer, y against layer, y against x.
///
/// The logarithmic colour scale is common to all samples and covers five decades below the brightest cell; what lies
/// below stays white. Energies are those of a projected cell, summed along the line of sight.
///
/// # Errors
/// [`Error::Figure`] where an image does not hold one number for each cell of the grid.
pub fn projections(plot: &ProjectionPlot, style: &Style) -> Result<String> {
    let n_cells = plot.grid.iter().product::<usize>();
    if n_cells == 0 || plot.samples.is_empty() {
        return Err(Error::figure(&plot.text.id, "nothing to draw", "a grid and at least one sample"));
    }
    if let Some(wrong) = plot.samples.iter().find(|sample| sample.mean_mev.len() != n_cells) {
        let problem = format!("an image of {} cells", wrong.mean_mev.len());
        return Err(Error::figure(
            &plot.text.id,
            problem,
            format!("{n_cells} for a grid of {:?}", plot.grid),
        ));
    }
    let views: Vec<_> = plot.samples.iter().map(|sample| project(plot.grid, &sample.mean_mev)).collect();
    let brightest = views.iter().flatten().flat_map(|view| view.cells.iter().copied()).fold(0.0, f64::max);
    let brightest = if brightest > 1e-200 && brightest < 1e200 { brightest } else { 1.0 };
    let mut svg = Svg::new(&plot.text.id);
    let total = LEFT + 3.0 * SIDE + 2.0 * BETWEEN + 100.0;
    title(&mut svg, style, &plot.text.title, total - 24.0);
    let row_px = HEADER + SIDE + FOOTER;
    let mut top = 26.0;
    for (sample, views) in plot.samples.iter().zip(&views) {
        let name = fit(&sample.name, style.font_px, total - LEFT - 20.0);
        svg.text(Point::new(LEFT, top + 16.0), style.font_px, Anchor::Start, &name);
        for (index, view) in views.iter().enumerate() {
            let left = LEFT + (SIDE + BETWEEN) * index as f64;
            draw(&mut svg, view, [left, top + HEADER, left + SIDE, top + HEADER + SIDE], brightest, style);
        }
        top += row_px;
    }
    let right = total - 100.0 + 24.0;
    let bar = [right, 26.0 + HEADER, right + 14.0, 26.0 + HEADER + SIDE];
    let axis = Axis::log(brightest * 10f64.powf(-DECADES), brightest, bar[3], bar[1]);
    colour_bar(&mut svg, bar, &axis, "MeV", style);
    Ok(svg.finish(total, top, &plot.text))
}

struct View {
    /// Across and up.
    shape: [usize; 2],
    labels: [&'static str; 2],
    /// Energy by `[across, up]`, MeV.
    cells: Vec<f64>,
}

fn project([n_layers, nx, ny]: [usize; 3], mean_mev: &[f32]) -> [View; 3] {
    let mut xz =
        View { shape: [n_layers, nx], labels: ["layer", "x [cells]"], cells: vec![0.0; n_layers * nx] };
    let mut yz =
        View { shape: [n_layers, ny], labels: ["layer", "y [cells]"], cells: vec![0.0; n_layers * ny] };
    let mut xy = View { shape: [nx, ny], labels: ["x [cells]", "y [cells]"], cells: vec![0.0; nx * ny] };
    for (flat, &energy) in mean_mev.iter().enumerate() {
        let energy = if energy.is_finite() { f64::from(energy).max(0.0) } else { 0.0 };
        let (layer, x, y) = (flat / (nx * ny), flat / ny % nx, flat % ny);
        xz.cells[layer * nx + x] += energy;
        yz.cells[layer * ny + y] += energy;
        xy.cells[x * ny + y] += energy;
    }
    [xz, yz, xy]
}

/// Step of the colour scale, or none for what stays white.
fn level(energy: f64, brightest: f64) -> Option<usize> {
    if energy <= 0.0 {
        return None;
    }
    let t = 1.0 + (energy / brightest).log10() / DECADES;
    (t >= 0.0).then(|| cells::level(t))
}

fn draw(svg: &mut Svg, view: &View, [left, top, right, bottom]: [f64; 4], brightest: f64, style: &Style) {
    let [n_across, n_up] = view.shape;
    draw_cells(svg, [left, top, right, bottom], view.shape, |across, up| {
        level(view.cells[across * n_up + up], brightest)
    });
    let (x, y) =
        (Axis::linear(0.0, n_across as f64, left, right), Axis::linear(0.0, n_up as f64, bottom, top));
    let labels = Labels { x: Some(view.labels[0]), y: "", y_spacing_px: 40.0 };
    frame(svg, [left, top, right, bottom], &x, &y, labels, style);
    svg.upward_text(Point::new(left - 32.0, f64::midpoint(top, bottom)), style.font_px, view.labels[1]);
}
