//! Event displays of layers with voxels of their own: from the side in the terminal, unrolled as SVG.

use std::path::Path;

use anyhow::bail;
use calo_core::ShowerBatch;
use calo_core::detector::{LayeredDetector, Voxels};
use calo_report::figures::{UnrolledLayer, UnrolledPlot, unrolled};
use calo_report::{FigureText, Style};
use ndarray::{Array2, Axis};

use super::display::{is_hit, shades};

/// The first shower of `batch` from the side: layers to the right, radius (or y) upwards, summed over angles (or x).
pub(crate) fn text(batch: &ShowerBatch<f32>, cut_mev: f64, detector: &LayeredDetector) -> String {
    let voxels_mev = hits(batch, cut_mev);
    let layers = detector.layers();
    let n_up = layers.iter().map(|layer| n_fast(layer.voxels)).max().unwrap_or(1);
    let mut side_mev = Array2::<f64>::zeros((layers.len(), n_up));
    for (column, layer) in layers.iter().enumerate() {
        let n_fast = n_fast(layer.voxels);
        let of_layer = voxels_mev.iter().skip(layer.first_voxel).take(layer.voxels.n_voxels());
        for (voxel, mev) in of_layer.enumerate() {
            side_mev[[column, voxel % n_fast]] += f64::from(*mev);
        }
    }
    let ids: Vec<String> = layers.iter().map(|layer| layer.id.to_string()).collect();
    format!(
        "shower {}, {:.2} GeV: {:.1} MeV in {} voxels above {cut_mev} MeV of {} (rings upwards, layers to the right, summed over angles)\n\
         {}layers: {}\n",
        batch.first_shower,
        batch.energies_gev[0],
        side_mev.sum(),
        voxels_mev.iter().filter(|mev| **mev > 0.0).count(),
        detector.name,
        shades(&side_mev),
        ids.join(" ")
    )
}

/// The first shower of `batch`, each polar layer unrolled.
pub(crate) fn svg(
    batch: &ShowerBatch<f32>,
    cut_mev: f64,
    file: &Path,
    detector: &LayeredDetector,
) -> anyhow::Result<String> {
    let voxels_mev = hits(batch, cut_mev);
    let mut layers = Vec::new();
    for layer in detector.layers() {
        let Voxels::Polar { n_angles, r_edges_mm } = layer.voxels else {
            bail!("{}: layer {} is Cartesian; expected polar layers to draw", detector.name, layer.id);
        };
        let mev = voxels_mev.iter().skip(layer.first_voxel).take(layer.voxels.n_voxels()).copied().collect();
        let n_radii = r_edges_mm.len().saturating_sub(1);
        layers.push(UnrolledLayer { id: layer.id, n_angles: *n_angles, n_radii, mev });
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let title = format!("Shower {} of {name}, {:.1} GeV", batch.first_shower, batch.energies_gev[0]);
    let text = FigureText { id: "shower".to_owned(), title: title.clone(), alt: title };
    Ok(unrolled(&UnrolledPlot { text, layers }, &Style::default())?)
}

/// The first shower, what is not above the cut as zero.
fn hits(batch: &ShowerBatch<f32>, cut_mev: f64) -> Vec<f32> {
    let shower = batch.cells_mev.index_axis(Axis(0), 0);
    shower.iter().map(|mev| if is_hit(mev, cut_mev) { *mev } else { 0.0 }).collect()
}

/// Voxels along the axis that is stored fast.
fn n_fast(voxels: &Voxels) -> usize {
    match voxels {
        Voxels::Polar { r_edges_mm: edges, .. } | Voxels::Cartesian { y_edges_mm: edges, .. } => {
            edges.len().saturating_sub(1).max(1)
        }
    }
}
