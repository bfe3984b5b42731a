//! Frames with axes, stacked into one figure: a main panel above, a narrow one for ratios below.

use crate::axis::Axis;
use crate::style::{MarkerFill, SeriesStyle, Style};
use crate::svg::{Anchor, INK, Point, Svg};
use crate::text::{fit, width};

pub(crate) const LEFT: f64 = 66.0;
const RIGHT: f64 = 14.0;
const TITLE: f64 = 24.0;
const LEGEND_ROW: f64 = 18.0;
const TOP_AXIS: f64 = 32.0;
const MAIN: f64 = 236.0;
const SINGLE: f64 = 270.0;
const GAP: f64 = 16.0;
const LOWER: f64 = 92.0;
const BOTTOM: f64 = 46.0;

/// Two panels with a common horizontal axis, below a title and a legend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) left: f64,
    pub(crate) right: f64,
    /// Top and bottom of the main panel.
    pub(crate) main: [f64; 2],
    /// Top and bottom of the lower panel.
    pub(crate) lower: [f64; 2],
}

impl Layout {
    /// The layout with a legend of `n_rows` rows. The room for an upper axis is always kept, so that the panels of
    /// figures beside each other stand at the same height.
    pub(crate) fn new(style: &Style, n_rows: usize) -> Self {
        let top = TITLE + LEGEND_ROW * n_rows as f64 + TOP_AXIS;
        let main = [top, top + MAIN];
        let lower = [main[1] + GAP, main[1] + GAP + LOWER];
        let width = style.width_px.max(200.0);
        Self { width, height: lower[1] + BOTTOM, left: LEFT, right: width - RIGHT, main, lower }
    }

    /// The layout of one panel, of about the size of both together, without room for an upper axis.
    pub(crate) fn single(style: &Style, n_rows: usize) -> Self {
        let top = TITLE + LEGEND_ROW * n_rows as f64 + 10.0;
        let main = [top, top + SINGLE];
        let width = style.width_px.max(200.0);
        Self { width, height: main[1] + BOTTOM, left: LEFT, right: width - RIGHT, main, lower: [main[1]; 2] }
    }

    pub(crate) fn main_rect(&self) -> [f64; 4] {
        [self.left, self.main[0], self.right, self.main[1]]
    }

    pub(crate) fn lower_rect(&self) -> [f64; 4] {
        [self.left, self.lower[0], self.right, self.lower[1]]
    }
}

/// One row of a legend.
#[derive(Debug, Clone)]
pub(crate) struct LegendRow<'a> {
    pub(crate) name: &'a str,
    /// Stands at the right edge.
    pub(crate) note: &'a str,
    /// The reference is drawn as an area or as points.
    pub(crate) swatch: Swatch,
}

/// Sample of a style in the legend.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Swatch {
    Area,
    Line(SeriesStyle),
    /// A line without a marker.
    Plain(SeriesStyle),
    Points(SeriesStyle),
}

/// The title of a figure, cut where it is wider than `room_px`.
pub(crate) fn title(svg: &mut Svg, style: &Style, title: &str, room_px: f64) {
    let title = fit(title, style.font_px + 1.0, room_px);
    let bold = format!(r#"class="ink" fill="{INK}" font-weight="600""#);
    svg.styled_text(Point::new(12.0, 17.0), style.font_px + 1.0, Anchor::Start, &title, &bold);
}

/// Title and legend.
pub(crate) fn header(svg: &mut Svg, layout: &Layout, style: &Style, title: &str, rows: &[LegendRow<'_>]) {
    let room = layout.right - 12.0;
    self::title(svg, style, title, room);
    for (row, entry) in rows.iter().enumerate() {
        let y = TITLE + LEGEND_ROW * (row as f64 + 0.5);
        swatch(svg, y, entry.swatch);
        let note_px = width(entry.note, style.small_px()).min(room * 0.7);
        let name = fit(entry.name, style.small_px() + 0.5, room - note_px - 46.0);
        svg.text(Point::new(46.0, y + 4.0), style.small_px() + 0.5, Anchor::Start, &name);
        if !entry.note.is_empty() {
            let note = fit(entry.note, style.small_px(), room * 0.7);
            svg.muted(Point::new(layout.right, y + 4.0), style.small_px(), Anchor::End, &note);
        }
    }
}

fn swatch(svg: &mut Svg, y: f64, swatch: Swatch) {
    match swatch {
        Swatch::Area => svg.rect([13.0, y - 5.0, 39.0, y + 5.0], AREA),
        Swatch::Line(look) => {
            svg.put(format_args!(r#"<path d="M12 {y}H40" {}/>"#, look.stroke(1.8)));
            look.marker.draw(svg, Point::new(26.0, y), 3.2, MarkerFill::Solid(look.colour));
        }
        Swatch::Plain(look) => svg.put(format_args!(r#"<path d="M12 {y}H40" {}/>"#, look.stroke(1.8))),
        Swatch::Points(look) => {
            svg.put(format_args!(r#"<path class="ref-line" d="M12 {y}H40" {}/>"#, look.stroke(1.4)));
            look.marker.draw(svg, Point::new(26.0, y), 3.6, MarkerFill::Solid(look.colour));
        }
    }
}

/// The reference's look as an area.
pub(crate) const AREA: &str = r##"class="ref" fill="#d9d9d9" stroke="#6b6b6b" stroke-width="1""##;

/// Which labels a frame carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labels<'a> {
    pub(crate) x: Option<&'a str>,
    pub(crate) y: &'a str,
    /// Distance of vertical labels, px.
    pub(crate) y_spacing_px: f64,
}

/// The frame of a panel: ticks inside on all sides, labels outside.
pub(crate) fn frame(svg: &mut Svg, rect: [f64; 4], x: &Axis, y: &Axis, labels: Labels<'_>, style: &Style) {
    let [left, top, right, bottom] = rect;
    let size = style.small_px();
    // Narrow panels would have one label.
    for tick in x.ticks(56f64.min((right - left) / 5.0)) {
        let (at, long) = (x.at(tick.value), if tick.label.is_some() { 7.0 } else { 4.0 });
        svg.line(Point::new(at, bottom), Point::new(at, bottom - long), 1.0);
        svg.line(Point::new(at, top), Point::new(at, top + long * 0.7), 0.7);
        if let (Some(label), Some(_)) = (&tick.label, labels.x) {
            svg.text(Point::new(at, bottom + size + 5.0), size, Anchor::Middle, label);
        }
    }
    for tick in y.ticks(labels.y_spacing_px) {
        let (at, long) = (y.at(tick.value), if tick.label.is_some() { 7.0 } else { 4.0 });
        svg.line(Point::new(left, at), Point::new(left + long, at), 1.0);
        svg.line(Point::new(right, at), Point::new(right - long * 0.7, at), 0.7);
        if let Some(label) = &tick.label {
            svg.text(Point::new(left - 6.0, at + size * 0.36), size, Anchor::End, label);
        }
    }
    let outline = format!(r#"class="line" fill="none" stroke="{INK}" stroke-width="1.1""#);
    svg.rect(rect, &outline);
    if let Some(label) = labels.x {
        svg.text(Point::new(right, bottom + size + style.font_px + 13.0), style.font_px, Anchor::End, label);
    }
    svg.upward_text(Point::new(style.font_px + 1.0, (top + bottom) / 2.0), style.font_px, labels.y);
}

/// A second horizontal axis above the frame; `label` is its unit.
pub(crate) fn top_axis(svg: &mut Svg, layout: &Layout, axis: &Axis, label: &str, style: &Style) {
    let (top, size) = (layout.main[0], style.small_px());
    for tick in axis.ticks(56.0) {
        let at = axis.at(tick.value);
        svg.line(
            Point::new(at, top),
            Point::new(at, top - if tick.label.is_some() { 5.0 } else { 3.0 }),
            0.9,
        );
        // The unit stands at the right end.
        if let Some(text) = tick.label.filter(|_| at < layout.right - width(label, size) - 18.0) {
            svg.text(Point::new(at, top - 8.0), size, Anchor::Middle, &text);
        }
    }
    svg.text(Point::new(layout.right, top - 8.0), size, Anchor::End, label);
}
