//! How raw hits become grid cells.

use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::error::Result;
use crate::grid::Grid;

/// Layer windows and transverse bins that turn hit positions into cells.
///
/// The depth axis is ROOT y, x is ROOT x and y is ROOT z.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Name of the TTree with the hits.
    pub tree: String,
    /// Nominal depth of each layer, mm, front to back.
    pub layer_positions_mm: Vec<f64>,
    /// A hit belongs to the layer whose window holds its depth.
    pub depth_window: DepthWindow,
    /// Bins along x, before the staggering correction drops edge rows.
    pub x: TransverseAxis,
    /// Bins along y.
    pub y: TransverseAxis,
    /// Events with more entries than this in `mcpdg` showered before the calorimeter and are skipped; absent where none is.
    pub max_mc_particles: Option<usize>,
    /// Correction for wafers shifted from layer to layer; absent where cells are aligned.
    pub staggering: Option<Staggering>,
}

/// Half-open window around a layer position p: `p + above_mm < depth <= p + up_to_mm`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthWindow {
    /// Offset the depth must exceed, mm.
    pub above_mm: f64,
    /// Offset the depth may reach, mm.
    pub up_to_mm: f64,
}

/// Equal bins along one transverse axis: bin i holds `origin + i width <= u < origin + (i + 1) width`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransverseAxis {
    /// Lower edge of bin 0, mm.
    pub origin_mm: f64,
    /// Bin width, mm.
    pub width_mm: f64,
    /// Number of bins.
    pub bins: usize,
}

/// Removal of the empty x-rows that shifted wafers leave in an averaged shower.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staggering {
    /// First layer to correct, and one past the last.
    pub layers: [usize; 2],
    /// A row of the averaged shower with less than this sum is empty, MeV.
    pub empty_below_mev: f64,
    /// x-bins dropped at either edge after the correction.
    pub drop_edge_bins: usize,
}

impl Projection {
    /// Grid that the windows and bins make, before edge rows are dropped.
    pub fn raw_grid(&self) -> Grid {
        Grid { layers: self.layer_positions_mm.len(), nx: self.x.bins, ny: self.y.bins }
    }

    /// Grid after the staggering correction has dropped edge rows, before any core is cut out.
    pub fn grid(&self) -> Grid {
        let raw = self.raw_grid();
        let dropped = self.staggering.map_or(0, |s| 2 * s.drop_edge_bins);
        Grid { nx: raw.nx.saturating_sub(dropped), ..raw }
    }

    pub(super) fn validate(&self, check: &Check<'_>, n_layers: usize) -> Result<()> {
        let raw = self.raw_grid();
        check.that(!self.tree.is_empty(), "projection.tree", "\"\"", "the name of a TTree")?;
        check.that(
            raw.layers == n_layers,
            "projection.layer_positions_mm",
            format!("{} positions", raw.layers),
            format!("{n_layers}, one for each layer of the grid"),
        )?;
        let DepthWindow { above_mm, up_to_mm } = self.depth_window;
        check.that(
            above_mm.is_finite() && up_to_mm.is_finite() && above_mm < up_to_mm,
            "projection.depth_window",
            format!("{above_mm} .. {up_to_mm}"),
            "finite offsets, above_mm below up_to_mm",
        )?;
        for (layer, pair) in self.layer_positions_mm.windows(2).enumerate() {
            check.that(
                pair[0] + up_to_mm <= pair[1] + above_mm,
                &format!("projection.layer_positions_mm[{}]", layer + 1),
                pair[1],
                format!("a finite position whose window starts after the one of layer {layer} ends"),
            )?;
        }
        check.that(
            self.layer_positions_mm.iter().all(|p| p.is_finite()),
            "projection.layer_positions_mm",
            "a position that is not finite",
            "finite numbers",
        )?;
        for (name, axis) in [("x", self.x), ("y", self.y)] {
            let bins = format!("projection.{name}.bins");
            check.that((1..=4096).contains(&axis.bins), &bins, axis.bins, "1 to 4096 bins")?;
            check.positive(&format!("projection.{name}.width_mm"), axis.width_mm)?;
            check.that(
                axis.origin_mm.is_finite(),
                &format!("projection.{name}.origin_mm"),
                axis.origin_mm,
                "a finite number",
            )?;
        }
        if let Some(staggering) = self.staggering {
            let [from, to] = staggering.layers;
            check.that(
                from < to && to <= n_layers,
                "projection.staggering.layers",
                format!("{from} to {to}"),
                format!("layers within 0 to {n_layers}"),
            )?;
            check.positive("projection.staggering.empty_below_mev", staggering.empty_below_mev)?;
        }
        Ok(())
    }
}
