//! From compared samples to [`ChallengeResults`].

use calo_core::detector::LayeredDetector;
use calo_metrics::challenge::{
    ChallengeHistograms, ChallengeSettings, ComparedParts, KeptShowers, Layout, feature_histograms,
};
use calo_metrics::results::challenge::{
    CHALLENGE_KIND, CHALLENGE_SCHEMA_VERSION, ChallengeComparison, ChallengeResults, KeptInfo,
    VoxelDetectorInfo,
};
use calo_metrics::results::{Gap, SampleInfo};

use crate::provenance::VERSION;

/// What was found of the samples, the reference first.
pub(super) struct Parts {
    pub(super) samples: Vec<SampleInfo>,
    pub(super) histograms: Vec<ChallengeHistograms>,
    /// The floor, then the candidates.
    pub(super) compared: Vec<ComparedParts>,
}

/// Everything that can be said of the samples.
pub(super) fn results(
    detector: &LayeredDetector,
    layout: &Layout,
    settings: ChallengeSettings,
    parts: Parts,
) -> ChallengeResults {
    let Parts { samples, histograms, compared } = parts;
    let gaps: Vec<Gap> = compared.iter().flat_map(|found| found.gaps.iter().cloned()).collect();
    let mut comparisons: Vec<ChallengeComparison> =
        compared.into_iter().map(|found| found.comparison).collect();
    let floor = comparisons.remove(0);
    let kept = KeptShowers::of_challenge(layout.n_voxels());
    ChallengeResults {
        schema_version: CHALLENGE_SCHEMA_VERSION,
        kind: CHALLENGE_KIND.to_owned(),
        calo_version: VERSION.to_owned(),
        seed: settings.seed,
        detector: VoxelDetectorInfo {
            name: detector.name.clone(),
            n_voxels: layout.n_voxels(),
            layer_ids: layout.layers().iter().map(|layer| layer.id).collect(),
            cell_cut_mev: layout.cut_mev(),
        },
        samples,
        kept: KeptInfo { distances: kept.vectors, trees: settings.tree_showers, neighbours: kept.voxels },
        histograms: feature_histograms(layout, &histograms),
        floor,
        comparisons,
        gaps,
    }
}
