//! Figures 4 and 5: showers decoded along one variable while all others are zero.

use super::names::z_name;
use crate::error::Result;
use crate::figures::{CurveData, CurvesPlot, Look, PlainCurve, Shower, ShowerPanel, curves, event_display};
use crate::latent::{LatentResults, Traversal};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::{fixed, plain};

/// For the leading variable its showers in 3-D; for each variable the energy in every layer.
pub(super) fn figures(results: &LatentResults, style: &Style) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (index, traversal) in results.traversals.iter().enumerate() {
        if traversal.points.is_empty() {
            continue;
        }
        figures.push(longitudinal(results, traversal, style)?);
        if index == 0 {
            figures.insert(0, showers(results, traversal, style)?);
        }
    }
    Ok(figures)
}

fn file_name(results: &LatentResults, traversal: &Traversal) -> String {
    format!("traversal_{}", results.rank(traversal.variable).unwrap_or(traversal.variable))
}

fn showers(results: &LatentResults, traversal: &Traversal, style: &Style) -> Result<Figure> {
    let (name, energy) = (z_name(results, traversal.variable), plain(traversal.energy_gev));
    let cut_mev = results.detector.cell_cut_mev;
    let file = format!("{}_3d", file_name(results, traversal));
    let shower = |z: f64, cells: &[[u16; 3]], energies_mev: &[f32]| Shower {
        label: format!("{name} = {}", fixed(z, 1)),
        cells: cells.to_vec(),
        energies_mev: energies_mev.to_vec(),
    };
    let panel = ShowerPanel {
        text: text(
            &file,
            format!("Decoded showers along {name}, {energy} GeV"),
            format!("Showers of {energy} GeV, decoded with all latent variables zero but {name}."),
        ),
        grid: results.detector.grid,
        cell_cut_mev: cut_mev,
        showers: traversal.points.iter().map(|p| shower(p.z, &p.cells, &p.energies_mev)).collect(),
    };
    let caption = format!(
        "Showers decoded at {energy} GeV with all latent variables zero but {name}, layers from left to right. Colour and size \
         of a box grow with the logarithm of the cell's energy above {} MeV.",
        plain(cut_mev)
    );
    Ok(Figure::wide(file, Section::Traversals, caption, event_display(&panel, style)?))
}

fn longitudinal(results: &LatentResults, traversal: &Traversal, style: &Style) -> Result<Figure> {
    let (name, energy) = (z_name(results, traversal.variable), plain(traversal.energy_gev));
    let file = file_name(results, traversal);
    let n_layers = results.detector.grid[0];
    let curve = |(index, point): (usize, &crate::latent::TraversalPoint)| PlainCurve {
        name: format!("{name} = {}", fixed(point.z, 1)),
        note: point.cog_z.map_or_else(String::new, |cog_z| format!("CoG-z {}", fixed(cog_z, 1))),
        look: Look::Ramp { index, of: traversal.points.len() },
        data: CurveData::Steps {
            edges: (0..=n_layers).map(|layer| layer as f64 - 0.5).collect(),
            values: point.longitudinal_mev.clone(),
        },
        faint_from: None,
    };
    let plot = CurvesPlot {
        text: text(
            &file,
            format!("Energy by layer along {name}, {energy} GeV"),
            format!("Energy in every layer of showers decoded with all latent variables zero but {name}."),
        ),
        x_label: "layer".to_owned(),
        y_label: "energy [MeV]".to_owned(),
        x_range: Some([-0.5, n_layers as f64 - 0.5]),
        log_x: false,
        log_y: false,
        curves: traversal.points.iter().enumerate().map(curve).collect(),
    };
    let caption = format!(
        "Energy above the cell cut in every layer of showers decoded at {energy} GeV with all latent variables zero but {name} \
         (the encoder's variable {}).",
        traversal.variable
    );
    Ok(Figure::half(file, Section::Traversals, caption, curves(&plot, style)?))
}
