//! Histograms of several samples as results hold them.

use super::histograms::{ChallengeHistograms, NamedHistogram};
use super::layout::{Feature, Layout};
use crate::histogram::Histogram;
use crate::results::challenge::FeatureHistogram;

impl Feature {
    /// Unit of its axis; empty for ratios.
    pub fn unit(self) -> &'static str {
        match self {
            Self::TotalEnergy | Self::Sparsity => "",
            Self::LayerEnergy => "MeV",
            _ => "mm",
        }
    }
}

/// The histograms of all samples on common axes, the reference first. Those that the reference's energies give no axis are
/// named, without bins.
pub fn feature_histograms(layout: &Layout, samples: &[ChallengeHistograms]) -> Vec<FeatureHistogram> {
    let named: Vec<Vec<NamedHistogram<'_>>> = samples.iter().map(|sample| sample.named(layout)).collect();
    let Some(reference) = named.first() else { return Vec::new() };
    let of_all = |index: usize| {
        let histograms: Vec<Option<&Histogram>> =
            named.iter().map(|sample| sample.get(index).and_then(|named| named.histogram)).collect();
        let NamedHistogram { name, feature, layer_id, histogram } = &reference[index];
        let counts = |histogram: &Option<&Histogram>| {
            histogram.map(|histogram| histogram.counts().to_vec()).unwrap_or_default()
        };
        let outside = |histogram: &Option<&Histogram>| {
            histogram.map_or(0.0, |histogram| histogram.underflow() + histogram.overflow())
        };
        FeatureHistogram {
            name: name.clone(),
            feature: feature.map_or("voxels", Feature::name).to_owned(),
            layer_id: *layer_id,
            unit: feature.map_or("MeV", Feature::unit).to_owned(),
            edges: histogram.map(|histogram| histogram.axis().edges().to_vec()).unwrap_or_default(),
            log_bins: matches!(feature, None | Some(Feature::LayerEnergy)),
            counts: histograms.iter().map(counts).collect(),
            outside: histograms.iter().map(outside).collect(),
        }
    };
    (0..reference.len()).map(of_all).collect()
}
