//! A quantity against the incident energy, with the relative offset from the reference below.

use crate::axis::{Axis, extent};
use crate::error::{Error, Result};
use crate::figures::ratio::half_range;
use crate::panel::{Labels, Layout, LegendRow, Swatch, frame, header};
use crate::style::{MarkerFill, SeriesStyle, Style};
use crate::svg::{FigureText, MUTED, PathData, Point, Svg};

/// What [`energy_scan`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct EnergyScan {
    /// Id, title and alternative text.
    pub text: FigureText,
    /// Label of the vertical axis, with its unit.
    pub y_label: String,
    /// Whether the vertical axis starts at zero.
    pub from_zero: bool,
    /// The reference first, then the candidates.
    pub series: Vec<ScanSeries>,
}

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanSeries {
    /// Name in the legend.
    pub name: String,
    /// What stands beside it.
    pub note: String,
    /// In rising energy.
    pub points: Vec<ScanPoint>,
}

/// The quantity at one energy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanPoint {
    /// Incident energy, GeV.
    pub energy_gev: f64,
    /// The quantity.
    pub value: f64,
    /// Its standard error; 0 where unknown.
    pub error: f64,
    /// Whether the marker is drawn open, for points of another origin than the filled ones.
    pub hollow: bool,
}

/// Draws a quantity against the incident energy.
///
/// Below stands the offset from the reference in per cent; bars are the candidate's error, the grey band is the
/// reference's. Candidates are moved apart sideways there by about the width of a marker.
///
/// # Errors
/// [`Error::Figure`] where there is no series or an energy is not a finite number.
pub fn energy_scan(plot: &EnergyScan, style: &Style) -> Result<String> {
    let points = || plot.series.iter().flat_map(|s| &s.points);
    if plot.series.is_empty() || points().any(|p| !p.energy_gev.is_finite()) {
        let problem = "no series, or a point without energy";
        return Err(Error::figure(&plot.text.id, problem, "the reference and finite energies"));
    }
    let layout = Layout::new(style, plot.series.len());
    let mut svg = Svg::new(&plot.text.id);
    let looks = looks(plot, style);
    let rows = plot.series.iter().zip(&looks);
    let rows: Vec<_> = rows
        .map(|(s, look)| LegendRow { name: &s.name, note: &s.note, swatch: Swatch::Points(*look) })
        .collect();
    header(&mut svg, &layout, style, &plot.text.title, &rows);

    let [low, high] = extent(points().map(|p| p.energy_gev));
    let margin = ((high - low) * 0.08).max(5.0);
    let x = Axis::linear((low - margin).max(0.0), high + margin, layout.left, layout.right);
    let [low, high] = extent(points().flat_map(|p| [p.value - p.error, p.value + p.error]));
    let room = (high - low) * 0.08;
    let y = Axis::linear(
        if plot.from_zero { 0.0 } else { low - room },
        high + room,
        layout.main[1],
        layout.main[0],
    );
    svg.open_clipped(layout.main_rect());
    for (series, look) in plot.series.iter().zip(&looks) {
        main_curve(&mut svg, series, *look, &x, &y);
    }
    svg.close();
    frame(
        &mut svg,
        layout.main_rect(),
        &x,
        &y,
        Labels { x: None, y: &plot.y_label, y_spacing_px: 40.0 },
        style,
    );
    offset_panel(&mut svg, plot, &layout, &x, style);
    Ok(svg.finish(layout.width, layout.height, &plot.text))
}

fn looks(plot: &EnergyScan, style: &Style) -> Vec<SeriesStyle> {
    (0..plot.series.len())
        .map(|i| if i == 0 { SeriesStyle::REFERENCE } else { style.candidate(i - 1) })
        .collect()
}

fn main_curve(svg: &mut Svg, series: &ScanSeries, look: SeriesStyle, x: &Axis, y: &Axis) {
    let mut path = PathData::default();
    let mut bars = PathData::default();
    for point in series.points.iter().filter(|p| p.value.is_finite()) {
        let (at, middle) = (x.at(point.energy_gev), y.at(point.value));
        path.extend_to(at, middle);
        bars.move_to(at, y.at(point.value - point.error));
        bars.vertical_to(y.at(point.value + point.error));
    }
    svg.put(format_args!(r#"<path d="{path}" {}/>"#, look.stroke(1.2)));
    svg.put(format_args!(r#"<path d="{bars}" fill="none" stroke="{}" stroke-width="1.2"/>"#, look.colour));
    for point in series.points.iter().filter(|p| p.value.is_finite()) {
        let at = Point::new(x.at(point.energy_gev), y.at(point.value));
        look.marker.draw(svg, at, 3.4, marker_fill(point, look));
    }
}

fn marker_fill(point: &ScanPoint, look: SeriesStyle) -> MarkerFill<'static> {
    if point.hollow { MarkerFill::Hollow(look.colour) } else { MarkerFill::Solid(look.colour) }
}

/// A candidate's point relative to the reference, per cent.
struct Offset<'a> {
    candidate: usize,
    point: &'a ScanPoint,
    percent: f64,
    error_percent: f64,
}

fn offset_panel(svg: &mut Svg, plot: &EnergyScan, layout: &Layout, x: &Axis, style: &Style) {
    let Some((reference, candidates)) = plot.series.split_first() else { return };
    let same = |a: f64, b: f64| (a - b).abs() < 1e-9 * a.abs().max(1.0);
    let reference_at =
        |energy: f64| reference.points.iter().find(|r| same(r.energy_gev, energy) && r.value > 0.0);
    let mut offsets = Vec::new();
    for (candidate, series) in candidates.iter().enumerate() {
        for point in &series.points {
            let Some(at) = reference_at(point.energy_gev) else { continue };
            let percent = 100.0 * (point.value / at.value - 1.0);
            let error_percent = 100.0 * point.error / at.value;
            offsets.push(Offset { candidate, point, percent, error_percent });
        }
    }
    let half = half_range(
        offsets.iter().map(|offset| offset.percent.abs() + offset.error_percent),
        &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0],
    );
    let y = Axis::linear(-half, half, layout.lower[1], layout.lower[0]);
    svg.open_clipped(layout.lower_rect());
    let mut band = PathData::default();
    let errors =
        reference.points.iter().filter(|p| p.value > 0.0).map(|p| (p.energy_gev, 100.0 * p.error / p.value));
    let errors: Vec<_> = errors.collect();
    for (energy, error) in &errors {
        band.extend_to(x.at(*energy), y.at(*error));
    }
    for (energy, error) in errors.iter().rev() {
        band.line_to(x.at(*energy), y.at(-error));
    }
    if !band.is_empty() {
        svg.put(format_args!(r##"<path class="ref-band" d="{band}Z" fill="#d9d9d9"/>"##));
    }
    let (left, right, zero) = (layout.left, layout.right, y.at(0.0));
    svg.put(format_args!(
        r#"<path class="line" d="M{left} {zero:.2}H{right:.2}" stroke="{MUTED}" stroke-width="1" stroke-dasharray="4 3"/>"#
    ));
    let centre = (candidates.len() as f64 - 1.0) / 2.0;
    let spread = (7.0f64).min(24.0 / candidates.len().max(1) as f64);
    for Offset { candidate, point, percent, error_percent } in offsets {
        let look = style.candidate(candidate);
        let at = x.at(point.energy_gev) + (candidate as f64 - centre) * spread;
        if y.contains(percent) {
            let (up, down) = (y.at(percent + error_percent), y.at(percent - error_percent));
            svg.put(format_args!(
                r#"<path d="M{at:.2} {up:.2}V{down:.2}" stroke="{}" stroke-width="1.3"/>"#,
                look.colour
            ));
            look.marker.draw(svg, Point::new(at, y.at(percent)), 3.2, marker_fill(point, look));
        } else {
            let (tip, foot) =
                if percent > 0.0 { (layout.lower[0] + 2.0, 6.0) } else { (layout.lower[1] - 2.0, -6.0) };
            svg.put(format_args!(r#"<path d="M{at:.2} {tip:.2}l4 {foot}h-8Z" fill="{}"/>"#, look.colour));
        }
    }
    svg.close();
    let labels = Labels { x: Some("incident energy [GeV]"), y: "offset [%]", y_spacing_px: 28.0 };
    frame(svg, layout.lower_rect(), x, &y, labels, style);
}
