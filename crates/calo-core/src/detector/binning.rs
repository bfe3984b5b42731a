//! Binnings of the histograms that every comparison draws.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::check::Check;
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

/// A binning for each histogram that comparisons draw, by key: the observable, with its unit where it has one.
///
/// The code that compares defines the keys. A histogram without a binning is left out of the comparison.
///
/// # Reference
/// decoding-photons, figure 6.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Binnings(BTreeMap<String, Binning>);

impl Binnings {
    /// The binning of that key.
    pub fn get(&self, key: &str) -> Option<Binning> {
        self.0.get(key).copied()
    }

    pub(super) fn validate(&self, check: &Check<'_>) -> Result<()> {
        for (name, binning) in &self.0 {
            let field = format!("binning.{name}");
            let Binning { scale, bins, low, high } = *binning;
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
