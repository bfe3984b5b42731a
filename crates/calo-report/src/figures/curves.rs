//! Curves in one panel: lines, points and histograms of any quantity against any other.

use crate::axis::{Axis, extent};
use crate::colour::{OKABE_ITO_PALE, RAMP};
use crate::error::{Error, Result};
use crate::panel::{AREA, Labels, Layout, LegendRow, Swatch, frame, header};
use crate::style::{Marker, MarkerFill, SeriesStyle, Style};
use crate::svg::{FigureText, PathData, Point, Svg};

/// What [`curves`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvesPlot {
    /// Id, title and alternative text.
    pub text: FigureText,
    /// Label of the horizontal axis, with its unit.
    pub x_label: String,
    /// Label of the vertical axis, with its unit.
    pub y_label: String,
    /// Range of the horizontal axis; by default that of the points.
    pub x_range: Option<[f64; 2]>,
    /// Whether the horizontal axis is logarithmic.
    pub log_x: bool,
    /// Whether the vertical axis is logarithmic; it starts at zero otherwise.
    pub log_y: bool,
    /// In the order of drawing.
    pub curves: Vec<PlainCurve>,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainCurve {
    /// Name in the legend.
    pub name: String,
    /// What stands beside it.
    pub note: String,
    /// Its colour.
    pub look: Look,
    /// Its points or bins.
    pub data: CurveData,
    /// Number of the first of its points that is drawn faintly, as are all behind it; none to draw all in full. Bins are
    /// never faint.
    pub faint_from: Option<usize>,
}

/// What a curve looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As the candidate of this number in all figures.
    Candidate(usize),
    /// The same, pale: an earlier stage of that candidate.
    Pale(usize),
    /// As the reference.
    Reference,
    /// A dashed line in ink: what theory says.
    Theory,
    /// Number `index` of `of` on a colour scale.
    Ramp {
        /// From 0.
        index: usize,
        /// Curves on the scale.
        of: usize,
    },
}

/// What a curve is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum CurveData {
    /// `[x, y]`, joined by straight lines.
    Line(Vec<[f64; 2]>),
    /// `[x, y, standard error of y]`, with markers, joined by straight lines.
    Points(Vec<[f64; 3]>),
    /// A histogram: edges, and one value for each bin.
    Steps {
        /// One more than values.
        edges: Vec<f64>,
        /// One for each bin.
        values: Vec<f64>,
    },
}

impl CurveData {
    /// Every point that must be visible.
    fn extent(&self) -> Vec<[f64; 2]> {
        match self {
            Self::Line(points) => points.clone(),
            Self::Points(points) => points.iter().flat_map(|&[x, y, e]| [[x, y - e], [x, y + e]]).collect(),
            Self::Steps { edges, values } => {
                edges.windows(2).zip(values).flat_map(|(bin, &y)| [[bin[0], y], [bin[1], y]]).collect()
            }
        }
    }
}

/// Markers are left out where more than this many would run into one another.
const MARKED_POINTS: usize = 80;

/// On a logarithmic axis nothing below this share of the largest value is drawn.
const DEEPEST: f64 = 1e-4;

/// Draws curves in one panel.
///
/// # Errors
/// [`Error::Figure`] where there is none, or a histogram whose values do not fit its edges.
pub fn curves(plot: &CurvesPlot, style: &Style) -> Result<String> {
    let wrong = |problem: String, expected: &str| Err(Error::figure(&plot.text.id, problem, expected));
    if plot.curves.is_empty() {
        return wrong("no curves".to_owned(), "at least one");
    }
    for curve in &plot.curves {
        if let CurveData::Steps { edges, values } = &curve.data
            && edges.len() != values.len() + 1
        {
            let problem = format!("{} values for {} edges", values.len(), edges.len());
            return wrong(problem, "one value less than edges");
        }
    }
    let layout = Layout::single(style, plot.curves.len());
    let mut svg = Svg::new(&plot.text.id);
    let rows = plot.curves.iter().map(|curve| LegendRow {
        name: &curve.name,
        note: &curve.note,
        swatch: swatch(curve, style),
    });
    header(&mut svg, &layout, style, &plot.text.title, &rows.collect::<Vec<_>>());
    let [x, y] = axes(plot, &layout);
    svg.open_clipped(layout.main_rect());
    for curve in &plot.curves {
        draw(&mut svg, curve, &x, &y, style);
    }
    svg.close();
    let labels = Labels { x: Some(&plot.x_label), y: &plot.y_label, y_spacing_px: 40.0 };
    frame(&mut svg, layout.main_rect(), &x, &y, labels, style);
    Ok(svg.finish(layout.width, layout.height, &plot.text))
}

fn series_style(look: Look, style: &Style) -> SeriesStyle {
    match look {
        Look::Candidate(index) => style.candidate(index),
        Look::Pale(index) => {
            SeriesStyle { colour: OKABE_ITO_PALE[index % OKABE_ITO_PALE.len()], ..style.candidate(index) }
        }
        Look::Reference => SeriesStyle::REFERENCE,
        Look::Theory => SeriesStyle { colour: "#222222", dash: "5 3", marker: Marker::Circle },
        Look::Ramp { index, of } => {
            let place = index * (RAMP.len() - 1) / of.saturating_sub(1).max(1);
            SeriesStyle { colour: RAMP[place.min(RAMP.len() - 1)], dash: "", marker: Marker::Circle }
        }
    }
}

fn swatch(curve: &PlainCurve, style: &Style) -> Swatch {
    match (&curve.data, curve.look) {
        (CurveData::Steps { .. }, Look::Reference) => Swatch::Area,
        (CurveData::Points(_), look) => Swatch::Points(series_style(look, style)),
        (_, look) => Swatch::Plain(series_style(look, style)),
    }
}

fn axes(plot: &CurvesPlot, layout: &Layout) -> [Axis; 2] {
    let points: Vec<[f64; 2]> = plot.curves.iter().flat_map(|curve| curve.data.extent()).collect();
    let range = |side: usize| extent(points.iter().map(|point| point[side]));
    let [low, high] = plot.x_range.unwrap_or_else(|| range(0));
    let x = if plot.log_x {
        let positive = points.iter().map(|point| point[0]).filter(|value| *value > 0.0);
        let low = if low > 0.0 { low } else { positive.fold(f64::INFINITY, f64::min).min(high) };
        Axis::log(low, high, layout.left, layout.right)
    } else {
        Axis::linear(low, high, layout.left, layout.right)
    };
    let [top, bottom] = layout.main;
    let [low, high] = range(1);
    let y = if plot.log_y {
        let positive = points.iter().map(|point| point[1]).filter(|value| *value > 0.0);
        let low = positive.fold(f64::INFINITY, f64::min).max(high * DEEPEST);
        Axis::log(low / 1.4, high * 1.6, bottom, top)
    } else {
        Axis::linear(low.min(0.0), high + 0.08 * (high - low.min(0.0)), bottom, top)
    };
    [x, y]
}

/// Opacity of what is drawn faintly.
const FAINT: f64 = 0.35;

/// A curve, its faint part behind the other.
fn draw(svg: &mut Svg, curve: &PlainCurve, x: &Axis, y: &Axis, style: &Style) {
    let Some(from) = curve.faint_from else { return draw_part(svg, curve, x, y, style) };
    let part = |points: std::ops::Range<usize>| {
        let data = match &curve.data {
            CurveData::Line(all) => CurveData::Line(all[points].to_vec()),
            CurveData::Points(all) => CurveData::Points(all[points].to_vec()),
            steps @ CurveData::Steps { .. } => steps.clone(),
        };
        PlainCurve { data, faint_from: None, ..curve.clone() }
    };
    let n = match &curve.data {
        CurveData::Line(points) => points.len(),
        CurveData::Points(points) => points.len(),
        CurveData::Steps { .. } => return draw_part(svg, curve, x, y, style),
    };
    let from = from.min(n);
    if from < n {
        svg.put(format_args!(r#"<g opacity="{FAINT}">"#));
        // The last point in full begins the faint line.
        draw_part(svg, &part(from.saturating_sub(1)..n), x, y, style);
        svg.close();
    }
    draw_part(svg, &part(0..from), x, y, style);
}

/// Whether a value has a place on the axis: numbers below a logarithmic one have none.
fn is_drawn(value: f64, y: &Axis) -> bool {
    value.is_finite() && !y.is_below(value)
}

/// Draws a line through points, but not across those that have no place on the axis.
#[derive(Default)]
struct Pen {
    is_down: bool,
}

impl Pen {
    /// Goes on to a point; whether it has a place.
    fn to(&mut self, path: &mut PathData, [at, value]: [f64; 2], [x, y]: [&Axis; 2]) -> bool {
        // What is no number is passed over.
        if !value.is_finite() {
            return false;
        }
        if !is_drawn(value, y) {
            self.is_down = false;
            return false;
        }
        if self.is_down {
            path.line_to(x.at(at), y.at(value));
        } else {
            path.move_to(x.at(at), y.at(value));
        }
        self.is_down = true;
        true
    }
}

fn draw_part(svg: &mut Svg, curve: &PlainCurve, x: &Axis, y: &Axis, style: &Style) {
    let look = series_style(curve.look, style);
    let mut path = PathData::default();
    match &curve.data {
        CurveData::Line(points) => {
            let mut pen = Pen::default();
            for &[at, value] in points {
                pen.to(&mut path, [at, value], [x, y]);
            }
        }
        CurveData::Points(points) => {
            let (mut bars, mut pen) = (PathData::default(), Pen::default());
            for &[at, value, error] in points {
                if pen.to(&mut path, [at, value], [x, y]) {
                    bars.upright(x.at(at), [y.at(value - error), y.at(value + error)]);
                }
            }
            if !bars.is_empty() {
                svg.put(format_args!(
                    r#"<path d="{bars}" fill="none" stroke="{}" stroke-width="1.2"/>"#,
                    look.colour
                ));
            }
        }
        CurveData::Steps { edges, values } => {
            path.move_to(x.at(edges[0]), y.at(y.low()));
            for (bin, &value) in edges.windows(2).zip(values) {
                path.vertical_to(y.at(value));
                path.horizontal_to(x.at(bin[1]));
            }
            path.vertical_to(y.at(y.low()));
            if curve.look == Look::Reference {
                svg.put(format_args!(r#"<path d="{path}" {AREA}/>"#));
                return;
            }
        }
    }
    svg.put(format_args!(r#"<path d="{path}" {}/>"#, look.stroke(1.6)));
    if let CurveData::Points(points) = &curve.data
        && points.len() <= MARKED_POINTS
    {
        for &[at, value, _] in points.iter().filter(|point| is_drawn(point[1], y)) {
            look.marker.draw(svg, Point::new(x.at(at), y.at(value)), 3.2, MarkerFill::Solid(look.colour));
        }
    }
}
