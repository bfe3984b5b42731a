//! Showers in three dimensions: one box for each cell, layers along the horizontal axis.

use crate::axis::{Axis, extent, round_up};
use crate::colour::sequential;
use crate::error::{Error, Result};
use crate::panel::title;
use crate::style::Style;
use crate::svg::{Anchor, FigureText, INK, PathData, Point, Px, Svg};
use crate::text::{fit, plain, width};

/// Cells drawn of one shower, the most energetic ones: enough to see its shape in a figure of tens of kilobytes.
pub const DRAWN_CELLS: usize = 1500;

/// Several showers in the same detector, side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct ShowerPanel {
    /// Id, title and alternative text.
    pub text: FigureText,
    /// `[layers, nx, ny]`.
    pub grid: [usize; 3],
    /// Energies at or below this are not drawn, MeV; also the lower end of the colour scale.
    pub cell_cut_mev: f64,
    /// One panel for each.
    pub showers: Vec<Shower>,
}

/// The cells of one shower.
#[derive(Debug, Clone, PartialEq)]
pub struct Shower {
    /// Stands above the panel.
    pub label: String,
    /// `[layer, x, y]` of each cell.
    pub cells: Vec<[u16; 3]>,
    /// Energy of each cell, MeV.
    pub energies_mev: Vec<f32>,
}

/// Steps of the colour scale, each a box defined once and placed by reference.
const LEVELS: usize = 24;
const PANEL: [f64; 2] = [340.0, 276.0];
/// Panels in a row: of few showers, of many.
const COLUMNS: [usize; 2] = [2, 3];
const MANY: usize = 5;
const TITLE: f64 = 26.0;
const BAR: f64 = 56.0;

/// Draws each shower as boxes in the detector's outline, seen from the front left and a little above.
///
/// Colour and size of a box grow with the logarithm of its energy, on a scale common to all panels. At most
/// [`DRAWN_CELLS`] cells are drawn of each shower.
///
/// # Errors
/// [`Error::Figure`] where cells and energies differ in number or a cell lies outside the grid.
pub fn event_display(panel: &ShowerPanel, style: &Style) -> Result<String> {
    check(panel)?;
    let mut svg = Svg::new(&panel.text.id);
    let energies = panel.showers.iter().flat_map(|shower| &shower.energies_mev).map(|&e| f64::from(e));
    let energies = energies.filter(|e| e.is_finite() && *e > 0.0);
    let (lowest, highest) =
        energies.fold((f64::INFINITY, 0.0f64), |(low, high), e| (low.min(e), high.max(e)));
    let low = if panel.cell_cut_mev > 0.0 { panel.cell_cut_mev } else { lowest.max(highest * 1e-4) };
    let high = if highest > low { highest } else { low * 10.0 };
    let scale = Axis::log(low, high, 0.0, 1.0);

    let view = View::new(panel.grid);
    let n_columns = panel.showers.len().clamp(1, COLUMNS[usize::from(panel.showers.len() >= MANY)]);
    let n_rows = panel.showers.len().div_ceil(n_columns).max(1);
    let total = [PANEL[0] * n_columns as f64, TITLE + PANEL[1] * n_rows as f64 + BAR];
    title(&mut svg, style, &panel.text.title, total[0] - 24.0);
    define_boxes(&mut svg, &view);
    for (index, shower) in panel.showers.iter().enumerate() {
        let (column, row) = ((index % n_columns) as f64, (index / n_columns) as f64);
        let corner = Point::new(PANEL[0] * column, TITLE + PANEL[1] * row);
        draw_shower(&mut svg, shower, &view, &scale, corner, style);
    }
    let (middle, top) = (total[0] / 2.0, total[1] - BAR + 12.0);
    let bar = Axis::log(scale.low(), scale.high(), middle - 130.0, middle + 130.0);
    colour_bar(&mut svg, &bar, top, style);
    Ok(svg.finish(total[0], total[1], &panel.text))
}

fn check(panel: &ShowerPanel) -> Result<()> {
    let wrong = |problem: String, expected: &str| Err(Error::figure(&panel.text.id, problem, expected));
    if panel.grid.contains(&0) {
        return wrong(format!("a grid of {:?}", panel.grid), "at least one cell along each axis");
    }
    for (index, shower) in panel.showers.iter().enumerate() {
        if shower.cells.len() != shower.energies_mev.len() {
            let problem = format!("shower {index} has {} cells", shower.cells.len());
            return wrong(problem, &format!("{}, one for each energy", shower.energies_mev.len()));
        }
        let outside = |cell: &&[u16; 3]| cell.iter().zip(panel.grid).any(|(&i, n)| usize::from(i) >= n);
        if let Some(cell) = shower.cells.iter().find(outside) {
            return wrong(format!("shower {index} has a cell {cell:?}"), &format!("inside {:?}", panel.grid));
        }
    }
    Ok(())
}

/// Parallel projection of the grid onto a panel.
#[derive(Debug, Clone, Copy)]
struct View {
    grid: [f64; 3],
    /// Pixels right and down for one cell along layer, x and y.
    steps: [[f64; 2]; 3],
    /// Where cell corner (0, 0, 0) lies in the panel.
    origin: [f64; 2],
}

impl View {
    fn new(grid: [usize; 3]) -> Self {
        let grid = grid.map(|n| n as f64);
        // The shower runs to the right and slightly towards the eye, x goes back, y up.
        let (turn, lift) = (24f64.to_radians(), 20f64.to_radians());
        let [along, across] = [206.0, 138.0];
        let steps = [
            [turn.cos() * along / grid[0], turn.sin() * lift.sin() * along / grid[0]],
            [turn.sin() * across / grid[1] * 1.15, -turn.cos() * lift.sin() * across / grid[1] * 1.15],
            [0.0, -lift.cos() * across / grid[2]],
        ];
        let range = |side: usize| {
            let corners = (0..8).map(|corner| {
                (0..3).map(|axis| f64::from(corner >> axis & 1) * grid[axis] * steps[axis][side]).sum::<f64>()
            });
            extent(corners)
        };
        let ([left, right], [top, bottom]) = (range(0), range(1));
        let origin = [
            PANEL[0] / 2.0 + 8.0 - f64::midpoint(left, right),
            26.0 + (PANEL[1] - 62.0 - (bottom - top)) / 2.0 - top,
        ];
        Self { grid, steps, origin }
    }

    fn at(&self, point: [f64; 3]) -> Point {
        let side =
            |side: usize| self.origin[side] + (0..3).map(|a| point[a] * self.steps[a][side]).sum::<f64>();
        Point::new(side(0), side(1))
    }
}

/// One box for each step of the colour scale, centred on the origin: front, top and end face in three shades.
fn define_boxes(svg: &mut Svg, view: &View) {
    svg.put(format_args!("<defs>"));
    for level in 0..LEVELS {
        let t = level as f64 / (LEVELS - 1) as f64;
        let colour = sequential(t);
        let half = f64::midpoint(0.5, 1.0) * (0.45 + 0.55 * t) * 0.667;
        let corner = |signs: [f64; 3]| {
            let side = |s: usize| (0..3).map(|a| signs[a] * half * view.steps[a][s]).sum::<f64>();
            format!("{} {}", Px(side(0)), Px(side(1)))
        };
        // Faces towards the eye: x low, y high, layer high.
        let faces = [
            ([[-1., -1., -1.], [1., -1., -1.], [1., -1., 1.], [-1., -1., 1.]], 0.92),
            ([[-1., -1., 1.], [1., -1., 1.], [1., 1., 1.], [-1., 1., 1.]], 1.12),
            ([[1., -1., -1.], [1., 1., -1.], [1., 1., 1.], [1., -1., 1.]], 0.72),
        ];
        let id = svg.id().to_owned();
        svg.put(format_args!(r#"<g id="{id}-b{level}">"#));
        for (corners, factor) in faces {
            let points = corners.map(corner).join("L");
            svg.put(format_args!(r#"<path fill="{}" d="M{points}Z"/>"#, colour.shade(factor).hex()));
        }
        svg.close();
    }
    svg.put(format_args!("</defs>"));
}

fn draw_shower(svg: &mut Svg, shower: &Shower, view: &View, scale: &Axis, corner: Point, style: &Style) {
    let mut cells: Vec<_> = shower.cells.iter().copied().zip(shower.energies_mev.iter().copied()).collect();
    cells.retain(|(_, energy)| energy.is_finite() && f64::from(*energy) >= scale.low());
    cells.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    cells.truncate(DRAWN_CELLS);
    // Painter's order is exact on a grid: far x first, then low layers, then low y.
    cells.sort_by_key(|([layer, x, y], _)| (u16::MAX - x, *layer, *y));
    svg.put(format_args!(r#"<g transform="translate({} {})">"#, Px(corner.x), Px(corner.y)));
    let label = fit(&shower.label, style.small_px(), PANEL[0] - 20.0);
    svg.text(Point::new(12.0, 16.0), style.small_px(), Anchor::Start, &label);
    let [n_layers, nx, ny] = view.grid;
    let outline = |svg: &mut Svg, edges: &[[[f64; 3]; 2]], width: f64| {
        let mut path = PathData::default();
        for [from, to] in edges {
            let (from, to) = (view.at(*from), view.at(*to));
            path.move_to(from.x, from.y);
            path.line_to(to.x, to.y);
        }
        svg.put(format_args!(
            r#"<path class="line" d="{path}" fill="none" stroke="{INK}" stroke-width="{width}" stroke-opacity="0.55"/>"#
        ));
    };
    // The three faces behind the shower first, the three edges before it last.
    let [o, l, x, y] = [[0., 0., 0.], [n_layers, 0., 0.], [0., nx, 0.], [0., 0., ny]];
    let [lx, ly, xy, lxy] = [[n_layers, nx, 0.], [n_layers, 0., ny], [0., nx, ny], [n_layers, nx, ny]];
    outline(svg, &[[o, l], [o, x], [o, y], [x, lx], [x, xy], [l, lx], [y, xy], [xy, lxy], [lx, lxy]], 0.8);
    for (cell, energy) in &cells {
        let level = ((scale.at(f64::from(*energy)) * LEVELS as f64) as usize).min(LEVELS - 1);
        let Point { x, y } = view.at(cell.map(|i| f64::from(i) + 0.5));
        let id = svg.id().to_owned();
        svg.put(format_args!(r##"<use href="#{id}-b{level}" x="{x:.1}" y="{y:.1}"/>"##));
    }
    outline(svg, &[[y, ly], [ly, lxy], [l, ly]], 0.5);
    axes(svg, view, style);
    svg.close();
}

/// Ticks and names along the three edges that lie free.
fn axes(svg: &mut Svg, view: &View, style: &Style) {
    let size = style.small_px() - 1.5;
    let [n_layers, nx, ny] = view.grid;
    let place = |svg: &mut Svg,
                 n: f64,
                 spacing: f64,
                 at: &dyn Fn(f64) -> [f64; 3],
                 shift: [f64; 2],
                 anchor: Anchor| {
        let step = round_up(n / spacing);
        for tick in (0..8).map(|i| f64::from(i) * step).filter(|tick| *tick <= n) {
            let Point { x, y } = view.at(at(tick));
            svg.line(Point::new(x, y), Point::new(x + shift[0] * 0.4, y + shift[1] * 0.4), 0.8);
            svg.muted(Point::new(x + shift[0], y + shift[1] + size * 0.35), size, anchor, &plain(tick));
        }
    };
    place(svg, n_layers, 4.0, &|v| [v, 0., 0.], [0.0, 11.0], Anchor::Middle);
    place(svg, ny, 4.0, &|v| [0., 0., v], [-8.0, 0.0], Anchor::End);
    place(svg, nx, 3.0, &|v| [n_layers, v, 0.], [9.0, 4.0], Anchor::Start);
    let Point { x, y } = view.at([n_layers / 2.0, 0., 0.]);
    svg.text(Point::new(x, y + 32.0), size + 1.0, Anchor::Middle, "layer");
    let Point { x, y } = view.at([0., 0., ny / 2.0]);
    svg.upward_text(Point::new(x - 32.0, y), size + 1.0, "y [cells]");
    let Point { x, y } = view.at([n_layers, nx / 2.0, 0.]);
    svg.text(Point::new(x + 24.0, y + 24.0), size + 1.0, Anchor::Start, "x [cells]");
}

fn colour_bar(svg: &mut Svg, axis: &Axis, top: f64, style: &Style) {
    let (left, right) = (axis.at(axis.low()), axis.at(axis.high()));
    let step = (right - left) / LEVELS as f64;
    for level in 0..LEVELS {
        let from = left + step * level as f64;
        let colour = sequential(level as f64 / (LEVELS - 1) as f64).hex();
        svg.rect([from, top, (from + step + 0.4).min(right), top + 12.0], &format!(r#"fill="{colour}""#));
    }
    svg.rect(
        [left, top, right, top + 12.0],
        &format!(r#"class="line" fill="none" stroke="{INK}" stroke-width="0.8""#),
    );
    let size = style.small_px();
    for tick in axis.ticks(36.0) {
        let at = axis.at(tick.value);
        svg.line(
            Point::new(at, top + 12.0),
            Point::new(at, top + if tick.label.is_some() { 17.0 } else { 15.0 }),
            0.8,
        );
        if let Some(label) = tick.label {
            svg.text(Point::new(at, top + 19.0 + size), size, Anchor::Middle, &label);
        }
    }
    let label = "cell energy [MeV]";
    svg.text(Point::new(left - 8.0 - width(label, size), top + 10.0), size, Anchor::Start, label);
}
