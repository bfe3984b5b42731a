//! How samples look: colours, dashes and markers, the same in every figure.

use crate::colour::OKABE_ITO;
use crate::svg::{Point, Px, Svg};

/// Look of the figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// Width of a figure with one panel, px.
    pub width_px: f64,
    /// Size of axis labels, px; ticks and notes are a little smaller.
    pub font_px: f64,
    /// Looks of the candidates, in turn.
    pub series: Vec<SeriesStyle>,
}

impl Default for Style {
    fn default() -> Self {
        let dashes = ["", "7 3", "2 2", "9 3 2 3", "4 2", "12 3"];
        let markers =
            [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Cross, Marker::Down];
        let series = OKABE_ITO.iter().zip(dashes).zip(markers);
        let series = series.map(|((&colour, dash), marker)| SeriesStyle { colour, dash, marker }).collect();
        Self { width_px: 460.0, font_px: 13.0, series }
    }
}

impl Style {
    /// Look of candidate `index`, counted from 0; looks repeat once they run out.
    pub(crate) fn candidate(&self, index: usize) -> SeriesStyle {
        let plain = SeriesStyle { colour: "#222222", dash: "", marker: Marker::Circle };
        self.series.get(index % self.series.len().max(1)).copied().unwrap_or(plain)
    }

    pub(crate) fn small_px(&self) -> f64 {
        self.font_px - 1.5
    }
}

/// Look of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesStyle {
    /// Colour as SVG writes it.
    pub colour: &'static str,
    /// Dash pattern as SVG writes it; empty for a solid line.
    pub dash: &'static str,
    /// Marker of points.
    pub marker: Marker,
}

impl SeriesStyle {
    /// Look of the reference where it is drawn as points.
    pub(crate) const REFERENCE: Self = Self { colour: "#595959", dash: "", marker: Marker::Diamond };

    /// Stroke attributes of a line.
    pub(crate) fn stroke(&self, width: f64) -> String {
        let dash = if self.dash.is_empty() {
            String::new()
        } else {
            format!(r#" stroke-dasharray="{}""#, self.dash)
        };
        format!(r#"fill="none" stroke="{}" stroke-width="{width}"{dash}"#, self.colour)
    }
}

/// Shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// Disc.
    Circle,
    /// Square.
    Square,
    /// Triangle that points up.
    Triangle,
    /// Square on its corner.
    Diamond,
    /// Plus sign.
    Cross,
    /// Triangle that points down.
    Down,
}

/// How a marker is filled, with its colour.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MarkerFill<'a> {
    Solid(&'a str),
    /// White inside, with an outline of the colour.
    Hollow(&'a str),
}

impl Marker {
    /// Draws the marker around a point.
    pub(crate) fn draw(self, svg: &mut Svg, centre: Point, radius_px: f64, fill: MarkerFill<'_>) {
        let (Point { x, y }, r) = (centre, radius_px);
        let outline = |corners: &[[f64; 2]]| {
            let points: Vec<String> =
                corners.iter().map(|[dx, dy]| format!("{} {}", Px(x + dx), Px(y + dy))).collect();
            format!("M{}Z", points.join("L"))
        };
        let path = match self {
            Self::Circle => format!(
                "M{} {}a{r} {r} 0 1 0 {} 0a{r} {r} 0 1 0 {} 0Z",
                Px(x - r),
                Px(y),
                Px(2.0 * r),
                Px(-2.0 * r),
                r = Px(r)
            ),
            Self::Square => outline(&[
                [-0.88 * r, -0.88 * r],
                [0.88 * r, -0.88 * r],
                [0.88 * r, 0.88 * r],
                [-0.88 * r, 0.88 * r],
            ]),
            Self::Triangle => outline(&[[0.0, -1.2 * r], [1.1 * r, 0.8 * r], [-1.1 * r, 0.8 * r]]),
            Self::Down => outline(&[[0.0, 1.2 * r], [1.1 * r, -0.8 * r], [-1.1 * r, -0.8 * r]]),
            Self::Diamond => outline(&[[0.0, -1.2 * r], [1.2 * r, 0.0], [0.0, 1.2 * r], [-1.2 * r, 0.0]]),
            Self::Cross => outline(&[
                [-0.35 * r, -1.1 * r],
                [0.35 * r, -1.1 * r],
                [0.35 * r, -0.35 * r],
                [1.1 * r, -0.35 * r],
                [1.1 * r, 0.35 * r],
                [0.35 * r, 0.35 * r],
                [0.35 * r, 1.1 * r],
                [-0.35 * r, 1.1 * r],
                [-0.35 * r, 0.35 * r],
                [-1.1 * r, 0.35 * r],
                [-1.1 * r, -0.35 * r],
                [-0.35 * r, -0.35 * r],
            ]),
        };
        match fill {
            MarkerFill::Solid(colour) => svg.put(format_args!(r#"<path d="{path}" fill="{colour}"/>"#)),
            MarkerFill::Hollow(colour) => svg.put(format_args!(
                r##"<path class="hollow" d="{path}" fill="#ffffff" stroke="{colour}" stroke-width="1.3"/>"##
            )),
        }
    }
}
