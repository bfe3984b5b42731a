//! Reading `results.json` and `showers.json`, and refusing what does not fit together.

mod challenge;
mod place;

use std::path::Path;

use calo_metrics::results::{
    ById, Comparison, Distribution, Results, SCHEMA_VERSION, SHOWERS_SCHEMA_VERSION, SampleHistogram,
    ShowerImages, version1,
};

pub(crate) use challenge::is_challenge;
pub use challenge::read_challenge_results;
use place::Versioned;
pub(crate) use place::{Place, read};

use crate::error::Result;

/// What the files should be, for errors.
const OURS: &str = "a result of `calo evaluate`";

/// Reads and checks `results.json` in `dir`; a file of an earlier version is converted to the present one.
///
/// # Errors
/// [`Error::File`](crate::Error::File) where it cannot be read or is not ours, [`Error::Field`](crate::Error::Field)
/// where it contradicts itself.
pub fn read_results(dir: &Path) -> Result<Results> {
    let path = dir.join("results.json");
    let file = Versioned::read(&path, version1::VERSION..=SCHEMA_VERSION, OURS)?;
    if let Some(kind) = &file.kind {
        let expected = format!("{OURS} on a rectangular grid");
        return Err(calo_core::Error::file(&path, format!("a result of the kind `{kind}`"), expected).into());
    }
    let results = match file.version {
        version1::VERSION => Results::from(file.parse::<version1::Results>()?),
        _ => file.parse()?,
    };
    check_results(&results, &Place(&path))?;
    Ok(results)
}

/// Reads `showers.json` in `dir` and checks it against the results beside it.
///
/// # Errors
/// As [`read_results`].
pub fn read_showers(dir: &Path, results: &Results) -> Result<ShowerImages> {
    let path = dir.join("showers.json");
    let showers = read(&path, SHOWERS_SCHEMA_VERSION..=SHOWERS_SCHEMA_VERSION, OURS)?;
    check_showers(&showers, results, &Place(&path))?;
    Ok(showers)
}

fn check_results(results: &Results, place: &Place<'_>) -> Result<()> {
    let detector = &results.detector;
    place.grid(detector.grid)?;
    place.not_negative(
        || "detector".into(),
        detector.cell_size_mm.iter().chain([&detector.cell_cut_mev, &detector.mip_mev]),
    )?;
    place.demand(
        !results.samples.is_empty(),
        || "samples".into(),
        || "empty".into(),
        "the reference first",
    )?;
    for (index, sample) in results.samples.iter().enumerate() {
        let field = || format!("samples[{index}]");
        place.not_negative(field, sample.energy_range_gev.iter().chain([&sample.mean_visible_energy_mev]))?;
        place.not_negative(field, sample.files.iter().filter_map(|file| file.energy_gev.as_ref()))?;
    }
    check_observables(results, place)?;
    let n_samples = results.samples.len();
    for (index, distribution) in results.distributions.iter().enumerate() {
        check_distribution(distribution, n_samples, || format!("distributions[{index}]"), place)?;
        let twin = |d: &Distribution| {
            d.observable == distribution.observable
                && d.energy_gev.map(f64::to_bits) == distribution.energy_gev.map(f64::to_bits)
        };
        let first = results.distributions.iter().position(twin) == Some(index);
        place.demand(
            first,
            || format!("distributions[{index}]"),
            || "there twice".into(),
            "each observable once for each energy",
        )?;
    }
    place.length(|| "comparisons".into(), results.comparisons.len(), n_samples - 1)?;
    check_comparison(&results.floor, || "floor".into(), place)?;
    let ids = |comparison: &Comparison| comparison.scores.iter().map(|score| score.id.clone()).collect();
    let expected: Vec<String> = ids(&results.floor);
    for (index, comparison) in results.comparisons.iter().enumerate() {
        check_comparison(comparison, || format!("comparisons[{index}]"), place)?;
        let found: Vec<String> = ids(comparison);
        let field = || format!("comparisons[{index}].scores");
        place.demand(
            found == expected,
            field,
            || found.join(", "),
            "the same scores as those of the floor",
        )?;
    }
    if let Some(divisors) = &results.divisors {
        place.not_negative(
            || "divisors".into(),
            divisors.jsd.values().chain(divisors.area_difference.iter().flat_map(ById::values)),
        )?;
    }
    for (index, point) in results.linearity.iter().enumerate() {
        let field = |what: &'static str| move || format!("linearity[{index}].{what}");
        place.demand(
            point.sample < n_samples,
            field("sample"),
            || point.sample.to_string(),
            "an index into samples",
        )?;
        place.not_negative(field("energy_gev"), [&point.energy_gev])?;
        place.estimate(field("mu90_mev"), &point.mu90_mev)?;
        place.estimate(field("sigma90_mev"), &point.sigma90_mev)?;
        place.estimate(field("resolution"), &point.resolution)?;
    }
    check_pearson(results, place)
}

/// Ids name files, so they must be valid names; every result must belong to an observable that is described.
fn check_observables(results: &Results, place: &Place<'_>) -> Result<()> {
    for (index, observable) in results.observables.iter().enumerate() {
        let field = || format!("observables[{index}].id");
        let id = &observable.id;
        let fine = (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        place.demand(fine, field, || format!("`{id}`"), "1 to 64 small letters, digits and underscores")?;
        let twin = results.observables[..index].iter().any(|other| other.id == *id);
        place.demand(!twin, field, || format!("`{id}` there twice"), "each observable once")?;
    }
    let known = |id: &str, field: &dyn Fn() -> String| {
        let fine = results.observables.iter().any(|observable| observable.id == id);
        place.demand(fine, field, || format!("`{id}`"), "one of observables")
    };
    for (index, distribution) in results.distributions.iter().enumerate() {
        known(&distribution.observable, &|| format!("distributions[{index}].observable"))?;
    }
    for comparison in std::iter::once(&results.floor).chain(&results.comparisons) {
        let histograms = comparison.histograms.iter().map(|histogram| &histogram.observable);
        for observable in histograms.chain(comparison.splits.iter().map(|split| &split.observable)) {
            known(observable, &|| "observable of a comparison".into())?;
        }
    }
    Ok(())
}

fn check_distribution(
    distribution: &Distribution,
    n_samples: usize,
    field: impl Fn() -> String,
    place: &Place<'_>,
) -> Result<()> {
    let edges = &distribution.edges;
    let edges_field = || format!("{}.edges", field());
    place.edges(edges_field, edges)?;
    let fine = !distribution.log_bins || edges[0] > 0.0;
    place.demand(
        fine,
        edges_field,
        || format!("start at {}", edges[0]),
        "positive edges of logarithmic bins",
    )?;
    place.not_negative(|| format!("{}.energy_gev", field()), distribution.energy_gev.as_ref())?;
    place.length(|| format!("{}.samples", field()), distribution.samples.len(), n_samples)?;
    for (index, histogram) in distribution.samples.iter().enumerate() {
        let Some(SampleHistogram { counts, errors, underflow, overflow, .. }) = histogram else { continue };
        let field = || format!("{}.samples[{index}]", field());
        place.length(|| format!("{}.counts", field()), counts.len(), edges.len() - 1)?;
        place.length(|| format!("{}.errors", field()), errors.len(), edges.len() - 1)?;
        place.not_negative(field, counts.iter().chain(errors).chain([underflow, overflow]))?;
    }
    Ok(())
}

fn check_comparison(comparison: &Comparison, field: impl Fn() -> String, place: &Place<'_>) -> Result<()> {
    for (index, histogram) in comparison.histograms.iter().enumerate() {
        let field = || format!("{}.histograms[{index}]", field());
        place.estimate(field, &histogram.jsd)?;
        place.estimate(field, &histogram.area_difference)?;
        for part in &histogram.parts {
            let distances = [&part.jsd, &part.area_difference, &part.chi2, &part.ks];
            for distance in distances.into_iter().chain([&part.wasserstein1, &part.separation_power]) {
                place.estimate(field, distance)?;
            }
            place.not_negative(field, part.energy_gev.as_ref())?;
        }
        let twin =
            comparison.histograms[..index].iter().any(|other| other.observable == histogram.observable);
        place.demand(!twin, field, || "there twice".into(), "each observable once")?;
    }
    for (index, split) in comparison.splits.iter().enumerate() {
        let field = || format!("{}.splits[{index}]", field());
        let parts = split.parts.iter().map(|part| &part.distances);
        for distances in std::iter::once(&split.distances).chain(parts) {
            for distance in [&distances.jsd, &distances.floor, &distances.excess] {
                place.estimate(field, distance)?;
            }
        }
        place.not_negative(field, split.parts.iter().filter_map(|part| part.energy_gev.as_ref()))?;
        let twin = comparison.splits[..index].iter().any(|other| other.observable == split.observable);
        place.demand(!twin, field, || "there twice".into(), "each observable once")?;
    }
    for (index, score) in comparison.scores.iter().enumerate() {
        let field = || format!("{}.scores[{index}]", field());
        place.numbers(field, score.value.as_ref())?;
        place.not_negative(|| format!("{}.error", field()), score.error.as_ref())?;
        let twin = comparison.scores[..index].iter().any(|other| other.id == score.id);
        place.demand(!twin, field, || "there twice".into(), "each score once")?;
    }
    Ok(())
}

fn check_pearson(results: &Results, place: &Place<'_>) -> Result<()> {
    let n = results.pearson.labels.len();
    place.length(|| "pearson.matrices".into(), results.pearson.matrices.len(), results.samples.len())?;
    for (index, matrix) in results.pearson.matrices.iter().enumerate() {
        let field = || format!("pearson.matrices[{index}]");
        place.length(field, matrix.len(), n)?;
        for row in matrix {
            place.length(field, row.len(), n)?;
        }
        for (i, row) in matrix.iter().enumerate() {
            for (j, entry) in row.iter().enumerate() {
                let twin = matrix[j][i];
                let fine = match (entry, twin) {
                    (Some(a), Some(b)) => a.abs() <= 1.0 + 1e-6 && (a - b).abs() <= 1e-6,
                    (None, None) => true,
                    _ => false,
                };
                let found = || format!("[{i}][{j}] is {entry:?}, [{j}][{i}] {twin:?}");
                place.demand(fine, field, found, "a symmetric matrix of correlations, -1 to 1")?;
            }
        }
    }
    Ok(())
}

fn check_showers(showers: &ShowerImages, results: &Results, place: &Place<'_>) -> Result<()> {
    let grid = results.detector.grid;
    let n_cells = grid.iter().fold(1usize, |product, &n| product.saturating_mul(n));
    place.length(|| "samples".into(), showers.samples.len(), results.samples.len())?;
    for (index, sample) in showers.samples.iter().enumerate() {
        let field = || format!("samples[{index}].mean_mev");
        place.length(field, sample.mean_mev.len(), n_cells)?;
        place.energies(field, &sample.mean_mev)?;
        for (shower_idx, shower) in sample.showers.iter().enumerate() {
            let field = || format!("samples[{index}].showers[{shower_idx}]");
            place.length(
                || format!("{}.energies_mev", field()),
                shower.energies_mev.len(),
                shower.cells.len(),
            )?;
            place.not_negative(|| format!("{}.energy_gev", field()), [&shower.energy_gev])?;
            place.energies(field, &shower.energies_mev)?;
            place.cells(field, &shower.cells, grid)?;
        }
    }
    Ok(())
}
