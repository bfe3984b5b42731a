//! A folder as `calo evaluate` leaves it, and ways to spoil it.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test binary uses a part of it, so none can `expect` the lint"
)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a test's report")]

use std::fs;
use std::path::Path;

use calo_metrics::results::{Results, ShowerImages, Text, version1};
use tempfile::TempDir;

/// Of schema version 1.
pub(crate) const VERSION_1: &str = include_str!("../fixtures/photons/results.json");
const SHOWERS: &str = include_str!("../fixtures/photons/showers.json");

/// The results of the fixture in the present version.
pub(crate) fn results() -> Results {
    serde_json::from_str::<version1::Results>(VERSION_1).unwrap().into()
}

/// Real photons with two imitations (`tests/fixtures/README.md`).
pub(crate) fn fixture() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    edit_results(dir.path(), |_| {});
    fs::write(dir.path().join("showers.json"), SHOWERS).unwrap();
    dir
}

pub(crate) fn edit_results(dir: &Path, edit: impl FnOnce(&mut Results)) {
    let mut results = results();
    edit(&mut results);
    fs::write(dir.join("results.json"), serde_json::to_string(&results).unwrap()).unwrap();
}

pub(crate) fn edit_showers(dir: &Path, edit: impl FnOnce(&mut ShowerImages)) {
    let mut showers: ShowerImages = serde_json::from_str(SHOWERS).unwrap();
    edit(&mut showers);
    fs::write(dir.join("showers.json"), serde_json::to_string(&showers).unwrap()).unwrap();
}

/// Renders and returns the page.
pub(crate) fn page(dir: &Path) -> String {
    fs::read_to_string(calo_report::render(dir).unwrap().html).unwrap()
}

/// Visits every text of the results that reaches the page.
pub(crate) fn strings(results: &mut Results, mut visit: impl FnMut(&mut String)) {
    visit(&mut results.calo_version);
    visit(&mut results.detector.name);
    for sample in &mut results.samples {
        visit(&mut sample.name);
        for file in &mut sample.files {
            visit(&mut file.path);
            visit(&mut file.blake3);
        }
    }
    for comparison in results.comparisons.iter_mut().chain([&mut results.floor]) {
        visit(&mut comparison.name);
        for score in &mut comparison.scores {
            visit(&mut score.label);
            score.detail.iter_mut().for_each(&mut visit);
        }
    }
    for observable in &mut results.observables {
        let texts = [
            &mut observable.label,
            &mut observable.title,
            &mut observable.phrase,
            &mut observable.unit,
            &mut observable.x_label,
            &mut observable.y_label,
            &mut observable.explanation,
            &mut observable.normalisation,
        ];
        texts.into_iter().map(Text::to_mut).for_each(&mut visit);
    }
    results.pearson.labels.iter_mut().for_each(&mut visit);
    for gap in &mut results.gaps {
        visit(&mut gap.what);
        visit(&mut gap.why);
    }
}
