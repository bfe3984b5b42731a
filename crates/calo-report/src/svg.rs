//! A small writer of SVG: elements with short numbers and escaped text.
//!
//! Colours stand as presentation attributes, so that a figure is complete by itself; the class names beside them
//! (`ink`, `line`, `paper`, ...) let the page restyle an inlined figure for dark screens, because a style sheet wins
//! over presentation attributes.

use std::fmt::{self, Display, Write as _};

use crate::text::{FONT_FAMILY, escape};

/// Text and lines of a figure.
pub(crate) const INK: &str = "#222222";
/// Secondary text.
pub(crate) const MUTED: &str = "#595959";

/// A number with at most two decimals; what is not finite becomes 0, which draws nothing outside the figure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Px(pub(crate) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = if self.0.is_finite() { (self.0.clamp(-1e6, 1e6) * 100.0).round() } else { 0.0 };
        let text = format!("{:.2}", hundredths / 100.0);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if text == "-0" || text.is_empty() { "0" } else { text })
    }
}

/// A place in a drawing, px from its left and upper edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Point {
    pub(crate) const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

/// What a figure is called, and what it says to those who cannot see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureText {
    /// Identifier, unique among the figures of a page; ASCII letters, digits, `-` and `_` are kept.
    pub id: String,
    /// Heading of the figure.
    pub title: String,
    /// One or two sentences that describe the figure, for screen readers.
    pub alt: String,
}

/// Where text is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing under construction.
#[derive(Debug)]
pub(crate) struct Svg {
    body: String,
    id: String,
    n_clips: usize,
}

impl Svg {
    /// An empty drawing; `id` prefixes every identifier in it.
    pub(crate) fn new(id: &str) -> Self {
        let keep = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
        Self {
            body: String::new(),
            id: format!("fig-{}", id.chars().map(keep).collect::<String>()),
            n_clips: 0,
        }
    }

    /// Prefix of identifiers.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Appends formatted markup: `svg.put(format_args!("<path d=\"{d}\"/>"))`.
    pub(crate) fn put(&mut self, markup: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(markup);
        self.body.push('\n');
    }

    /// A straight line in ink.
    pub(crate) fn line(&mut self, from: Point, to: Point, stroke_width: f64) {
        let (x1, y1, x2, y2) = (Px(from.x), Px(from.y), Px(to.x), Px(to.y));
        self.put(format_args!(
            r#"<path class="line" d="M{x1} {y1}L{x2} {y2}" fill="none" stroke="{INK}" stroke-width="{stroke_width}"/>"#
        ));
    }

    /// One line of text in ink.
    pub(crate) fn text(&mut self, at: Point, size: f64, anchor: Anchor, text: &str) {
        self.styled_text(at, size, anchor, text, &format!(r#"class="ink" fill="{INK}""#));
    }

    /// One line of secondary text.
    pub(crate) fn muted(&mut self, at: Point, size: f64, anchor: Anchor, text: &str) {
        self.styled_text(at, size, anchor, text, &format!(r#"class="muted" fill="{MUTED}""#));
    }

    /// One line of text with attributes of its own.
    pub(crate) fn styled_text(&mut self, at: Point, size: f64, anchor: Anchor, text: &str, attributes: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let (x, y, text) = (Px(at.x), Px(at.y), escape(text));
        self.put(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{}"{anchor} {attributes}>{text}</text>"#,
            Px(size)
        ));
    }

    /// Text that runs upwards, centred on `at`.
    pub(crate) fn upward_text(&mut self, at: Point, size: f64, text: &str) {
        let (x, y, text) = (Px(at.x), Px(at.y), escape(text));
        self.put(format_args!(
            r#"<text transform="translate({x} {y})rotate(-90)" font-size="{}" text-anchor="middle" class="ink" fill="{INK}">{text}</text>"#,
            Px(size)
        ));
    }

    /// A rectangle with attributes of its own.
    pub(crate) fn rect(&mut self, [left, top, right, bottom]: [f64; 4], attributes: &str) {
        let (x, y, w, h) = (Px(left), Px(top), Px((right - left).max(0.0)), Px((bottom - top).max(0.0)));
        self.put(format_args!(r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" {attributes}/>"#));
    }

    /// Opens a group that shows only what lies in the rectangle; close it with [`Svg::close`].
    pub(crate) fn open_clipped(&mut self, rectangle: [f64; 4]) {
        self.n_clips += 1;
        let id = format!("{}-clip{}", self.id, self.n_clips);
        self.put(format_args!(r#"<clipPath id="{id}">"#));
        self.rect(rectangle, "");
        self.put(format_args!(r#"</clipPath><g clip-path="url(#{id})">"#));
    }

    /// Closes a group.
    pub(crate) fn close(&mut self) {
        self.put(format_args!("</g>"));
    }

    /// The whole document.
    pub(crate) fn finish(self, width: f64, height: f64, text: &FigureText) -> String {
        let (w, h, id) = (Px(width.ceil()), Px(height.ceil()), &self.id);
        let (title, alt) = (escape(&text.title), escape(&text.alt));
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" id="{id}" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-labelledby="{id}-title {id}-alt" font-family="{FONT_FAMILY}">
<title id="{id}-title">{title}</title>
<desc id="{id}-alt">{alt}</desc>
<rect class="paper" width="{w}" height="{h}" fill="#ffffff"/>
{}</svg>
"##,
            self.body
        )
    }
}

/// A path under construction.
#[derive(Debug, Default)]
pub(crate) struct PathData(String);

impl PathData {
    pub(crate) fn move_to(&mut self, x: f64, y: f64) {
        let _ = write!(self.0, "M{} {}", Px(x), Px(y));
    }

    pub(crate) fn line_to(&mut self, x: f64, y: f64) {
        let _ = write!(self.0, "L{} {}", Px(x), Px(y));
    }

    /// A line from where the path ends, or its start.
    pub(crate) fn extend_to(&mut self, x: f64, y: f64) {
        if self.is_empty() {
            self.move_to(x, y);
        } else {
            self.line_to(x, y);
        }
    }

    pub(crate) fn horizontal_to(&mut self, x: f64) {
        let _ = write!(self.0, "H{}", Px(x));
    }

    pub(crate) fn vertical_to(&mut self, y: f64) {
        let _ = write!(self.0, "V{}", Px(y));
    }

    /// An upright line of its own; none where it would be a point, which cannot be stroked.
    pub(crate) fn upright(&mut self, x: f64, [from, to]: [f64; 2]) {
        if Px(from).to_string() != Px(to).to_string() {
            self.move_to(x, from);
            self.vertical_to(to);
        }
    }

    pub(crate) fn end(&mut self) {
        self.0.push('Z');
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Display for PathData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_always_numbers() {
        let texts =
            [0.0, -0.001, 1.0, 12.345, 100.0, f64::NAN, f64::INFINITY, 1e300].map(|x| Px(x).to_string());
        assert_eq!(texts, ["0", "0", "1", "12.35", "100", "0", "0", "1000000"]);
    }

    #[test]
    fn lines_without_length_are_left_out() {
        let mut path = PathData::default();
        path.upright(1.0, [2.0, 2.001]);
        assert!(path.is_empty());
        path.upright(1.0, [2.0, 2.01]);
        assert_eq!(path.to_string(), "M1 2V2.01");
    }

    #[test]
    fn identifiers_and_text_cannot_break_out() {
        let text = FigureText { id: "a\" onload=\"x".into(), title: "<script>".into(), alt: "]]>".into() };
        let mut svg = Svg::new(&text.id);
        svg.text(Point::new(0.0, 0.0), 12.0, Anchor::Middle, "</text><script>");
        let svg = svg.finish(10.0, 10.0, &text);
        let document = roxmltree::Document::parse(&svg).unwrap();
        assert!(
            document.descendants().all(|node| !node.has_tag_name("script") && !node.has_attribute("onload"))
        );
    }
}
