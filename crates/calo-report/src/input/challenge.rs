//! Reading the `results.json` of an evaluation on layers of voxels.

use std::path::Path;

use calo_metrics::results::Estimate;
use calo_metrics::results::challenge::{
    CHALLENGE_KIND, CHALLENGE_SCHEMA_VERSION, ChallengeComparison, ChallengeResults, FeatureHistogram,
};

use super::place::Versioned;
use super::{OURS, Place};
use crate::error::Result;

/// Whether `results.json` in `dir` is about layers of voxels. One that cannot be read is not.
pub(crate) fn is_challenge(dir: &Path) -> bool {
    let file = dir.join("results.json");
    let file = Versioned::read(&file, 0..=u32::MAX, OURS);
    file.is_ok_and(|file| file.kind.as_deref() == Some(CHALLENGE_KIND))
}

/// Reads and checks the `results.json` in `dir` of an evaluation on layers of voxels.
///
/// # Errors
/// [`Error::File`](crate::Error::File) where it cannot be read or is not ours, [`Error::Field`](crate::Error::Field)
/// where it contradicts itself.
pub fn read_challenge_results(dir: &Path) -> Result<ChallengeResults> {
    let path = dir.join("results.json");
    let results: ChallengeResults =
        Versioned::read(&path, CHALLENGE_SCHEMA_VERSION..=CHALLENGE_SCHEMA_VERSION, OURS)?.parse()?;
    check(&results, &Place(&path))?;
    Ok(results)
}

fn check(results: &ChallengeResults, place: &Place<'_>) -> Result<()> {
    let kind = &results.kind;
    place.demand(kind == CHALLENGE_KIND, || "kind".into(), || format!("`{kind}`"), CHALLENGE_KIND)?;
    let n_samples = results.samples.len();
    place.demand(n_samples > 0, || "samples".into(), || "empty".into(), "the reference first")?;
    place.length(|| "comparisons".into(), results.comparisons.len(), n_samples - 1)?;
    place.not_negative(|| "detector.cell_cut_mev".into(), [&results.detector.cell_cut_mev])?;
    for (index, sample) in results.samples.iter().enumerate() {
        let field = || format!("samples[{index}]");
        place.not_negative(field, sample.energy_range_gev.iter().chain([&sample.mean_visible_energy_mev]))?;
    }
    for (index, histogram) in results.histograms.iter().enumerate() {
        check_histogram(histogram, n_samples, || format!("histograms[{index}]"), place)?;
    }
    let n_histograms = results.histograms.len();
    for (index, comparison) in std::iter::once(&results.floor).chain(&results.comparisons).enumerate() {
        let field = || match index {
            0 => "floor".to_owned(),
            index => format!("comparisons[{}]", index - 1),
        };
        check_comparison(comparison, n_histograms, field, place)?;
    }
    Ok(())
}

fn check_histogram(
    histogram: &FeatureHistogram,
    n_samples: usize,
    field: impl Fn() -> String,
    place: &Place<'_>,
) -> Result<()> {
    let fine = |text: &str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    };
    for (name, text) in [("name", &histogram.name), ("feature", &histogram.feature)] {
        let field = || format!("{}.{name}", field());
        place.demand(fine(text), field, || format!("`{text}`"), "1 to 64 printable characters")?;
    }
    place.length(|| format!("{}.counts", field()), histogram.counts.len(), n_samples)?;
    place.length(|| format!("{}.outside", field()), histogram.outside.len(), n_samples)?;
    place.not_negative(|| format!("{}.outside", field()), &histogram.outside)?;
    if histogram.edges.is_empty() {
        return Ok(());
    }
    place.edges(|| format!("{}.edges", field()), &histogram.edges)?;
    let positive = !histogram.log_bins || histogram.edges[0] > 0.0;
    let start = || format!("start at {}", histogram.edges[0]);
    place.demand(positive, || format!("{}.edges", field()), start, "edges above 0 for logarithmic bins")?;
    for counts in &histogram.counts {
        place.length(|| format!("{}.counts", field()), counts.len(), histogram.edges.len() - 1)?;
        place.not_negative(|| format!("{}.counts", field()), counts)?;
    }
    Ok(())
}

fn check_comparison(
    comparison: &ChallengeComparison,
    n_histograms: usize,
    field: impl Fn() -> String,
    place: &Place<'_>,
) -> Result<()> {
    let powers = &comparison.separation_powers;
    place.length(|| format!("{}.separation_powers", field()), powers.len(), n_histograms)?;
    place.not_negative(|| format!("{}.separation_powers", field()), powers.iter().flatten())?;
    for score in &comparison.scores {
        if let Some(Estimate { value, error }) = score.estimate() {
            let field = || format!("{}, score `{}`", field(), score.id);
            place.estimate(field, &Estimate { value, error })?;
        }
    }
    Ok(())
}
