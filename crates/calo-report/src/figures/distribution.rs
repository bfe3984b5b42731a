//! One observable: the reference as an area, candidates as lines, their ratio below.

use crate::axis::{Axis, extent};
use crate::error::{Error, Result};
use crate::figures::ratio::{RatioPoint, Run, Side, half_range, ratios, runs};
use crate::panel::{AREA, Labels, Layout, LegendRow, Swatch, frame, header, top_axis};
use crate::style::{MarkerFill, Style};
use crate::svg::{Anchor, FigureText, MUTED, PathData, Point, Svg};
use crate::text::width;

/// What [`distribution`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct DistributionPlot {
    /// Id, title and alternative text.
    pub text: FigureText,
    /// Label of the horizontal axis, with its unit.
    pub x_label: String,
    /// Label of the vertical axis, with its unit.
    pub y_label: String,
    /// Whether the horizontal axis is logarithmic.
    pub log_x: bool,
    /// Whether the vertical axis is logarithmic.
    pub log_y: bool,
    /// The reference first, then the candidates.
    pub series: Vec<Series>,
    /// Histograms that share the panel, for example one for each incident energy.
    pub groups: Vec<Group>,
    /// A region that is greyed out.
    pub shade: Option<Shade>,
    /// A second horizontal axis, in other units.
    pub top_axis: Option<TopAxis>,
}

/// A second horizontal axis above the panel.
#[derive(Debug, Clone, PartialEq)]
pub struct TopAxis {
    /// Its unit, in units of the lower axis.
    pub unit: f64,
    /// Name of the unit.
    pub label: String,
}

/// One row of the legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Name of the sample.
    pub name: String,
    /// What stands beside it, for example its JSD.
    pub note: String,
}

/// One histogram of every sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Stands above the reference's peak, for example "20 GeV".
    pub label: Option<String>,
    /// Bin edges, one more than bins.
    pub edges: Vec<f64>,
    /// One for each of [`DistributionPlot::series`]; absent where the sample has none.
    pub curves: Vec<Option<Curve>>,
}

/// Contents of one histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Contents of each bin.
    pub values: Vec<f64>,
    /// Standard error of each.
    pub errors: Vec<f64>,
}

impl Curve {
    fn side(&self) -> Side<'_> {
        Side { values: &self.values, errors: &self.errors }
    }
}

/// A greyed region from the left edge of the panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Shade {
    /// Where it ends.
    pub below: f64,
    /// Written into it.
    pub label: String,
}

/// Draws histograms of one observable with the ratios to the reference below.
///
/// In the ratio panel neighbouring bins are joined until the reference's relative error is at most 20 %; bars are the
/// candidate's errors, the grey band the reference's, and a triangle at the edge marks a point beyond it.
///
/// # Errors
/// [`Error::Figure`] where edges, values and series differ in number or edges do not rise.
pub fn distribution(plot: &DistributionPlot, style: &Style) -> Result<String> {
    check(plot)?;
    let layout = Layout::new(style, plot.series.len());
    let mut svg = Svg::new(&plot.text.id);
    let candidate_row = |(index, s): (usize, &Series)| (s.clone(), Swatch::Line(style.candidate(index)));
    let reference = plot.series.iter().take(1).map(|s| (s.clone(), Swatch::Area));
    let rows: Vec<_> = reference.chain(plot.series.iter().skip(1).enumerate().map(candidate_row)).collect();
    let rows: Vec<_> =
        rows.iter().map(|(s, swatch)| LegendRow { name: &s.name, note: &s.note, swatch: *swatch }).collect();
    header(&mut svg, &layout, style, &plot.text.title, &rows);

    let x = x_axis(plot, &layout);
    let y = y_axis(plot, &layout);
    shade(&mut svg, plot, &layout, &x, style);
    svg.open_clipped(layout.main_rect());
    for group in &plot.groups {
        curves(&mut svg, group, &x, &y, style);
    }
    svg.close();
    group_labels(&mut svg, plot, &layout, &x, &y, style);
    frame(
        &mut svg,
        layout.main_rect(),
        &x,
        &y,
        Labels { x: None, y: &plot.y_label, y_spacing_px: 32.0 },
        style,
    );
    if let Some(TopAxis { unit, label }) = &plot.top_axis
        && *unit > 0.0
        && unit.is_finite()
    {
        top_axis(&mut svg, &layout, &x.in_units_of(*unit), label, style);
    }
    ratio_panel(&mut svg, plot, &layout, &x, style);
    Ok(svg.finish(layout.width, layout.height, &plot.text))
}

fn check(plot: &DistributionPlot) -> Result<()> {
    let wrong = |problem: String, expected: &str| Err(Error::figure(&plot.text.id, problem, expected));
    for (index, group) in plot.groups.iter().enumerate() {
        let n_bins = group.edges.len().saturating_sub(1);
        if n_bins == 0 || !group.edges.windows(2).all(|pair| pair[0] < pair[1]) {
            return wrong(format!("group {index} has edges that do not rise"), "at least two rising edges");
        }
        if group.curves.len() != plot.series.len() {
            let problem = format!("group {index} has {} curves", group.curves.len());
            return wrong(problem, &format!("{}, one for each series", plot.series.len()));
        }
        for curve in group.curves.iter().flatten() {
            if curve.values.len() != n_bins || curve.errors.len() != n_bins {
                let problem = format!("group {index} has {} values", curve.values.len());
                return wrong(problem, &format!("{n_bins} values and errors, one for each bin"));
            }
        }
    }
    Ok(())
}

fn x_axis(plot: &DistributionPlot, layout: &Layout) -> Axis {
    let ends = plot.groups.iter().flat_map(|g| [g.edges.first(), g.edges.last()]).flatten();
    let [low, high] = extent(ends.copied());
    if plot.log_x {
        Axis::log(low, high, layout.left, layout.right)
    } else {
        Axis::linear(low, high, layout.left, layout.right)
    }
}

fn y_axis(plot: &DistributionPlot, layout: &Layout) -> Axis {
    let values = || {
        let curves = plot.groups.iter().flat_map(|g| g.curves.iter().flatten());
        curves.flat_map(|c| c.values.iter().zip(&c.errors)).filter(|(v, e)| v.is_finite() && e.is_finite())
    };
    let high = values().map(|(v, e)| v + e).fold(0.0, f64::max);
    let [top, bottom] = layout.main;
    if !plot.log_y {
        // Room above the highest bin for the labels of the groups.
        let room = if plot.groups.iter().any(|g| g.label.is_some()) { 1.22 } else { 1.1 };
        return Axis::linear(0.0, if high > 0.0 { high * room } else { 1.0 }, bottom, top);
    }
    let lowest = values().map(|(v, _)| *v).filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    // Seven decades: single entries below them would squeeze everything else.
    let low = lowest.max(high * 1e-7);
    Axis::log(10f64.powf((low.log10() - 0.05).floor()), high * 2.0, bottom, top)
}

fn shade(svg: &mut Svg, plot: &DistributionPlot, layout: &Layout, x: &Axis, style: &Style) {
    let Some(shade) = plot.shade.as_ref().filter(|shade| shade.below > x.low()) else { return };
    let right = x.at(shade.below);
    for [top, bottom] in [layout.main, layout.lower] {
        svg.rect([layout.left, top, right, bottom], r##"class="shade" fill="#ededed""##);
        svg.put(format_args!(
            r#"<path class="line" d="M{right:.2} {top}V{bottom}" stroke="{MUTED}" stroke-width="1" stroke-dasharray="3 3"/>"#
        ));
    }
    if right - layout.left > style.font_px {
        let middle = (layout.left + right) / 2.0;
        let centre = Point::new(middle + style.small_px() * 0.36, (layout.main[0] + layout.main[1]) / 2.0);
        svg.upward_text(centre, style.small_px(), &shade.label);
    }
}

fn curves(svg: &mut Svg, group: &Group, x: &Axis, y: &Axis, style: &Style) {
    let curves =
        || group.curves.iter().enumerate().filter_map(|(index, curve)| Some((index, curve.as_ref()?)));
    for (index, curve) in curves() {
        let path = steps(&group.edges, &curve.values, x, y);
        if path.is_empty() {
            continue;
        }
        if index == 0 {
            svg.put(format_args!(r#"<path d="{path}" {AREA}/>"#));
            continue;
        }
        let look = style.candidate(index - 1);
        let band = band(&group.edges, curve, x, y);
        svg.put(format_args!(r#"<path d="{band}" fill="{}" fill-opacity="0.22"/>"#, look.colour));
        svg.put(format_args!(r#"<path d="{path}" {}/>"#, look.stroke(1.5)));
    }
}

/// The outline of a histogram from its first to its last entry, closed along the axis by the fill.
fn steps(edges: &[f64], values: &[f64], x: &Axis, y: &Axis) -> PathData {
    let mut path = PathData::default();
    let filled = |v: &f64| *v > 0.0;
    let (Some(first), Some(last)) = (values.iter().position(filled), values.iter().rposition(filled)) else {
        return path;
    };
    path.move_to(x.at(edges[first]), y.at(y.low()));
    for bin in first..=last {
        path.vertical_to(y.at(values[bin]));
        path.horizontal_to(x.at(edges[bin + 1]));
    }
    path.vertical_to(y.at(y.low()));
    path
}

/// One box for each bin, a standard error up and down.
fn band(edges: &[f64], curve: &Curve, x: &Axis, y: &Axis) -> PathData {
    let mut path = PathData::default();
    for (bin, (&value, &error)) in curve.values.iter().zip(&curve.errors).enumerate() {
        if value > 0.0 && error > 0.0 {
            path.move_to(x.at(edges[bin]), y.at(value - error));
            path.vertical_to(y.at(value + error));
            path.horizontal_to(x.at(edges[bin + 1]));
            path.vertical_to(y.at(value - error));
            path.end();
        }
    }
    path
}

/// Labels above the tallest peaks; one that would overlap an earlier one moves up.
fn group_labels(svg: &mut Svg, plot: &DistributionPlot, layout: &Layout, x: &Axis, y: &Axis, style: &Style) {
    let size = style.small_px();
    let mut placed: Vec<[f64; 3]> = Vec::new();
    for group in &plot.groups {
        let Some(label) = &group.label else { continue };
        let peak = |curve: &Curve| {
            let tops = curve.values.iter().zip(&curve.errors).map(|(value, error)| value + error);
            tops.enumerate().max_by(|a, b| a.1.total_cmp(&b.1))
        };
        let tallest = group.curves.iter().flatten().filter_map(peak).max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((bin, value)) = tallest.filter(|(_, value)| *value > 0.0) else { continue };
        let half = width(label, size) / 2.0 + 4.0;
        let middle = x.at(f64::midpoint(group.edges[bin], group.edges[bin + 1]));
        let middle = middle.clamp(layout.left + half, layout.right - half);
        let mut base = y.at(value) - 6.0;
        for [other, other_half, other_base] in &placed {
            if (middle - other).abs() < half + other_half && (base - other_base).abs() < size + 2.0 {
                base = other_base - size - 2.0;
            }
        }
        let base = base.max(layout.main[0] + size + 4.0);
        placed.push([middle, half, base]);
        svg.text(Point::new(middle, base), size, Anchor::Middle, label);
    }
}

/// A ratio, and whose it is.
struct CandidatePoint {
    candidate: usize,
    point: RatioPoint,
}

fn ratio_panel(svg: &mut Svg, plot: &DistributionPlot, layout: &Layout, x: &Axis, style: &Style) {
    let mut points = Vec::new();
    let mut bands: Vec<(&Group, Run)> = Vec::new();
    for group in &plot.groups {
        let Some(Some(reference)) = group.curves.first() else { continue };
        let runs = runs(reference.side());
        for (index, curve) in group.curves.iter().enumerate().skip(1) {
            let curve = curve.iter().flat_map(|curve| ratios(&runs, &group.edges, curve.side()));
            points.extend(curve.map(|point| CandidatePoint { candidate: index - 1, point }));
        }
        bands.extend(runs.into_iter().map(|run| (group, run)));
    }
    let half = half_range(points.iter().map(|one| one.point.ratio - 1.0), &[0.1, 0.2, 0.5, 1.0]);
    let y = Axis::linear(1.0 - half, 1.0 + half, layout.lower[1], layout.lower[0]);
    svg.open_clipped(layout.lower_rect());
    for (group, run) in &bands {
        let (left, right) = (x.at(group.edges[run.first]), x.at(group.edges[run.end]));
        let (top, bottom) = (y.at(1.0 + run.reference_error), y.at(1.0 - run.reference_error));
        svg.rect([left, top, right, bottom], r##"class="ref-band" fill="#d9d9d9""##);
    }
    let (left, right, one) = (layout.left, layout.right, y.at(1.0));
    svg.put(format_args!(
        r#"<path class="line" d="M{left} {one:.2}H{right:.2}" stroke="{MUTED}" stroke-width="1" stroke-dasharray="4 3"/>"#
    ));
    for CandidatePoint { candidate, point } in &points {
        let look = style.candidate(*candidate);
        let (from, to) = (x.at(point.low), x.at(point.high));
        // Candidates stand side by side, so that their bars do not hide one another.
        let n = plot.series.len().saturating_sub(1).max(1) as f64;
        let middle = from + (to - from) * (*candidate as f64 + 1.0) / (n + 1.0);
        if y.contains(point.ratio) {
            let (at, up, down) =
                (y.at(point.ratio), y.at(point.ratio + point.error), y.at(point.ratio - point.error));
            svg.put(format_args!(
                r#"<path d="M{from:.2} {at:.2}H{to:.2}M{middle:.2} {up:.2}V{down:.2}" fill="none" stroke="{}" stroke-width="1.2"/>"#,
                look.colour
            ));
            look.marker.draw(svg, Point::new(middle, at), 2.4, MarkerFill::Solid(look.colour));
        } else {
            let up = point.ratio > 1.0;
            let (tip, foot) = if up { (layout.lower[0] + 2.0, 6.0) } else { (layout.lower[1] - 2.0, -6.0) };
            svg.put(format_args!(r#"<path d="M{middle:.2} {tip:.2}l4 {foot}h-8Z" fill="{}"/>"#, look.colour));
        }
    }
    svg.close();
    let labels = Labels { x: Some(&plot.x_label), y: "ratio", y_spacing_px: 28.0 };
    frame(svg, layout.lower_rect(), x, &y, labels, style);
}
