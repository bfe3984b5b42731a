//! Coloured cells of a plane, and the bar that explains their colours.

use crate::axis::Axis;
use crate::colour::sequential;
use crate::style::Style;
use crate::svg::{Anchor, INK, Point, Svg};

/// Colours are cut into so many steps, each one path: far smaller than one element for each cell.
pub(super) const LEVELS: usize = 48;

/// Step of the colour scale for `t` from 0 to 1.
pub(super) fn level(t: f64) -> usize {
    ((t.clamp(0.0, 1.0) * LEVELS as f64) as usize).min(LEVELS - 1)
}

fn colour_of(level: usize) -> String {
    sequential(level as f64 / (LEVELS - 1) as f64).hex()
}

/// Fills a rectangle with `shape` cells, across and up, each with the colour of its level; those without stay white.
pub(super) fn draw_cells(
    svg: &mut Svg,
    [left, top, right, bottom]: [f64; 4],
    [n_across, n_up]: [usize; 2],
    level_of: impl Fn(usize, usize) -> Option<usize>,
) {
    let (width, height) = ((right - left) / n_across as f64, (bottom - top) / n_up as f64);
    let mut paths = vec![String::new(); LEVELS];
    for up in 0..n_up {
        let mut across = 0;
        while across < n_across {
            let this = level_of(across, up);
            let run = (across..n_across).take_while(|a| level_of(*a, up) == this).count();
            if let Some(this) = this {
                // In units of cells; the group below scales them.
                paths[this].push_str(&format!("M{across} {up}h{run}v1h-{run}z"));
            }
            across += run;
        }
    }
    svg.put(format_args!(
        r#"<g transform="translate({left:.2} {bottom:.2})scale({width:.5} -{height:.5})" shape-rendering="crispEdges">"#
    ));
    for (level, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        svg.put(format_args!(r#"<path fill="{}" d="{path}"/>"#, colour_of(level)));
    }
    svg.close();
}

/// A bar of all colours along `axis`, which runs from its bottom to its top, with ticks at its right and `label` above.
pub(super) fn colour_bar(
    svg: &mut Svg,
    [left, top, right, bottom]: [f64; 4],
    axis: &Axis,
    label: &str,
    style: &Style,
) {
    let step = (bottom - top) / LEVELS as f64;
    for level in 0..LEVELS {
        let low = bottom - step * level as f64;
        svg.rect([left, (low - step - 0.4).max(top), right, low], &format!(r#"fill="{}""#, colour_of(level)));
    }
    let outline = format!(r#"class="line" fill="none" stroke="{INK}" stroke-width="0.8""#);
    svg.rect([left, top, right, bottom], &outline);
    for tick in axis.ticks(24.0) {
        let at = axis.at(tick.value);
        svg.line(
            Point::new(right, at),
            Point::new(right - if tick.label.is_some() { 5.0 } else { 3.0 }, at),
            0.8,
        );
        if let Some(label) = tick.label {
            svg.text(Point::new(right + 5.0, at + 4.0), style.small_px(), Anchor::Start, &label);
        }
    }
    svg.text(
        Point::new(f64::midpoint(left, right) + 12.0, top - 8.0),
        style.small_px(),
        Anchor::Middle,
        label,
    );
}
