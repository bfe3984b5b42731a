//! A shower on polar layers, each unrolled: angle across, radius up.

use crate::axis::Axis;
use crate::error::{Error, Result};
use crate::figures::cells::{self, colour_bar, draw_cells};
use crate::panel::title;
use crate::style::Style;
use crate::svg::{Anchor, FigureText, INK, Point, Svg};
use crate::text::number;

/// What [`unrolled`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct UnrolledPlot {
    /// Id, title and alternative text.
    pub text: FigureText,
    /// Layers from the front.
    pub layers: Vec<UnrolledLayer>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub struct UnrolledLayer {
    /// Its number in the experiment.
    pub id: u32,
    /// Sectors; 1 for whole rings.
    pub n_angles: usize,
    /// Rings.
    pub n_radii: usize,
    /// Energy of each voxel, MeV, angle slow and radius fast.
    pub mev: Vec<f32>,
}

const DECADES: f64 = 4.0;
const LEFT: f64 = 40.0;
const TOP: f64 = 44.0;
const HEADER: f64 = 16.0;
const GAP: f64 = 14.0;
const BAR: f64 = 100.0;

/// Draws every layer of a shower, angle from -π to π across and radius up. Rings are drawn equally high, whatever their width.
///
/// The logarithmic colour scale is common to all layers and covers four decades below the brightest voxel; what lies below
/// stays white.
///
/// # Errors
/// [`Error::Figure`] where there is no layer, or one does not hold one number for each voxel.
pub fn unrolled(plot: &UnrolledPlot, style: &Style) -> Result<String> {
    if plot.layers.is_empty() {
        return Err(Error::figure(&plot.text.id, "no layers", "at least one"));
    }
    for layer in &plot.layers {
        let n_voxels = layer.n_angles * layer.n_radii;
        if n_voxels == 0 || layer.mev.len() != n_voxels {
            let problem = format!("layer {} of {} voxels", layer.id, layer.mev.len());
            let expected = format!("{} angles by {} radii", layer.n_angles, layer.n_radii);
            return Err(Error::figure(&plot.text.id, problem, expected));
        }
    }
    let (n_columns, [width, height]) =
        if plot.layers.len() <= 8 { (4, [150.0, 110.0]) } else { (9, [74.0, 56.0]) };
    let brightest =
        plot.layers.iter().flat_map(|layer| &layer.mev).fold(0.0_f64, |highest, &mev| {
            if mev.is_finite() { highest.max(f64::from(mev)) } else { highest }
        });
    let brightest = if brightest > 1e-200 { brightest } else { 1.0 };
    let n_rows = plot.layers.len().div_ceil(n_columns);
    let columns = n_columns.min(plot.layers.len()) as f64;
    let total = [LEFT + columns * (width + GAP) + BAR, TOP + n_rows as f64 * (height + HEADER + GAP) + 24.0];
    let mut svg = Svg::new(&plot.text.id);
    title(&mut svg, style, &plot.text.title, total[0] - 24.0);
    for (index, layer) in plot.layers.iter().enumerate() {
        let (row, column) = (index / n_columns, index % n_columns);
        let left = LEFT + column as f64 * (width + GAP);
        let top = TOP + row as f64 * (height + HEADER + GAP) + HEADER;
        draw(&mut svg, layer, [left, top, left + width, top + height], brightest, style);
    }
    let right = LEFT + columns * (width + GAP) + 16.0;
    let bar = [right, TOP + HEADER, right + 14.0, TOP + HEADER + height.max(110.0)];
    let axis = Axis::log(brightest * 10f64.powf(-DECADES), brightest, bar[3], bar[1]);
    colour_bar(&mut svg, bar, &axis, "MeV", style);
    let foot = Point::new(LEFT, total[1] - 10.0);
    svg.muted(
        foot,
        style.small_px(),
        Anchor::Start,
        "angle from −π to π to the right, rings from the inside upwards",
    );
    Ok(svg.finish(total[0], total[1], &plot.text))
}

fn draw(svg: &mut Svg, layer: &UnrolledLayer, rect: [f64; 4], brightest: f64, style: &Style) {
    let [left, top, right, _] = rect;
    let sum: f64 = layer.mev.iter().filter(|mev| mev.is_finite()).map(|&mev| f64::from(mev)).sum();
    svg.text(Point::new(left, top - 4.0), style.small_px(), Anchor::Start, &format!("layer {}", layer.id));
    if right - left > 100.0 {
        let energy = format!("{} MeV", number(sum, 3));
        svg.muted(Point::new(right, top - 4.0), style.small_px(), Anchor::End, &energy);
    }
    draw_cells(svg, rect, [layer.n_angles, layer.n_radii], |angle, radius| {
        let mev = f64::from(layer.mev[angle * layer.n_radii + radius]);
        let t = 1.0 + (mev / brightest).log10() / DECADES;
        (mev > 0.0 && t >= 0.0).then(|| cells::level(t))
    });
    svg.rect(rect, &format!(r#"class="line" fill="none" stroke="{INK}" stroke-width="0.8""#));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(layers: Vec<UnrolledLayer>) -> UnrolledPlot {
        let text = FigureText { id: "shower".into(), title: "A shower".into(), alt: "A shower".into() };
        UnrolledPlot { text, layers }
    }

    #[test]
    fn each_layer_has_its_own_voxels() {
        let rings = UnrolledLayer { id: 0, n_angles: 1, n_radii: 3, mev: vec![10.0, 0.0, 1.0] };
        let sectors = UnrolledLayer {
            id: 12,
            n_angles: 4,
            n_radii: 2,
            mev: vec![0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 1e-9],
        };
        let svg = unrolled(&plot(vec![rings, sectors]), &Style::default()).unwrap();
        assert!(svg.contains("layer 0") && svg.contains("layer 12"));
        // The sector of index 1, innermost ring; what is four decades below the brightest stays white.
        assert!(svg.contains("M1 0h1v1h-1z") && !svg.contains("M3 1h1"), "{svg}");
        assert!(svg.contains("M0 2h1v1h-1z"), "{svg}");
        crate::raster::png("shower", &svg, 1.0).unwrap();
    }

    #[test]
    fn layers_that_do_not_fit_are_named() {
        let message = |layers| unrolled(&plot(layers), &Style::default()).unwrap_err().to_string();
        assert!(message(Vec::new()).contains("no layers"));
        let short = UnrolledLayer { id: 7, n_angles: 4, n_radii: 2, mev: vec![0.0; 7] };
        assert!(message(vec![short]).contains("layer 7 of 7 voxels; expected 4 angles by 2 radii"));
    }
}
