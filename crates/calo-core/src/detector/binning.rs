//! Binnings of the six histograms that every comparison draws.

use serde::{Deserialize, Serialize};

use super::Check;
use crate::error::Result;

/// Spacing of bin edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal widths.
    Linear,
    /// Equal ratios.
    Log,
}

/// `bins` bins from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binning {
    /// Spacing of the edges.
    pub scale: Scale,
    /// Number of bins, under- and overflow not counted.
    pub bins: usize,
    /// Lower edge of the first bin.
    pub low: f64,
    /// Upper edge of the last bin.
    pub high: f64,
}

/// One binning for each of the six histograms.
///
/// # Reference
/// decoding-photons, figure 6.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SixBinnings {
    /// Energy of the cells, MeV.
    pub cell_energy_mev: Binning,
    /// Visible energy of a shower, MeV.
    pub visible_energy_mev: Binning,
    /// Number of cells above the cut.
    pub n_hits: Binning,
    /// Energy-weighted mean layer index.
    pub cog_z: Binning,
    /// Energy against the distance from the grid's centre, cells.
    pub radial: Binning,
    /// Energy against the layer index.
    pub longitudinal: Binning,
}

impl SixBinnings {
    pub(super) fn validate(&self, check: &Check<'_>) -> Result<()> {
        for (name, binning) in [
            ("cell_energy_mev", self.cell_energy_mev),
            ("visible_energy_mev", self.visible_energy_mev),
            ("n_hits", self.n_hits),
            ("cog_z", self.cog_z),
            ("radial", self.radial),
            ("longitudinal", self.longitudinal),
        ] {
            let field = format!("binning.{name}");
            let Binning { scale, bins, low, high } = binning;
            check.that((1..=10_000).contains(&bins), &format!("{field}.bins"), bins, "1 to 10000 bins")?;
            let ordered = low.is_finite() && high.is_finite() && low < high;
            check.that(ordered, &field, format!("{low} .. {high}"), "finite edges, low below high")?;
            check.that(
                scale == Scale::Linear || low > 0.0,
                &format!("{field}.low"),
                low,
                "a value above 0 for log bins",
            )?;
        }
        Ok(())
    }
}
