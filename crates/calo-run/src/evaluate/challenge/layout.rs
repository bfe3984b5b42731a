//! From the detector to what the metrics know of it.

use calo_core::detector::{Layer, LayeredDetector, Voxels};
use calo_metrics::challenge::{Layout, LayoutLayer, LayoutRanges};

use crate::Result;
use crate::error::bail;

/// The layers of `detector`, all of which must be polar.
pub(super) fn of(detector: &LayeredDetector) -> Result<Layout> {
    let layers = detector.layers().iter().map(|layer| of_layer(detector, layer)).collect::<Result<_>>()?;
    Ok(Layout::new(layers, detector.readout.cell_cut_mev)?)
}

/// Where the detector says no ranges, histograms reach to the outermost ring.
fn of_layer(detector: &LayeredDetector, layer: &Layer<'_>) -> Result<LayoutLayer> {
    let Voxels::Polar { n_angles, r_edges_mm } = layer.voxels else {
        bail!(
            "detector {}: layer {} is Cartesian; expected polar layers, or a detector of one rectangular grid",
            detector.name,
            layer.id
        );
    };
    let outer = r_edges_mm.last().copied().unwrap_or_default();
    let ranges_mm = match layer.ranges_mm {
        Some(ranges) => LayoutRanges {
            centre: ranges.centre,
            width: ranges.width,
            radius: ranges.radius,
            radius_width: ranges.radius_width,
        },
        None => LayoutRanges { centre: outer, width: outer, radius: outer, radius_width: outer },
    };
    Ok(LayoutLayer { id: layer.id, r_edges_mm: r_edges_mm.clone(), n_angles: *n_angles, ranges_mm })
}
