//! `calo evaluate` on the real sample: with itself, with a smeared copy, with what cannot be right.

use std::path::Path;

use crate::common::{calo, rewrite, sample, smear, stderr, stdout};
use calo_metrics::results::PAPERS_IDS;
use calo_metrics::results::Results;

fn evaluate(
    reference: &Path,
    candidates: &[&Path],
    detector: &str,
    out: &Path,
) -> assert_cmd::assert::Assert {
    let mut command = calo();
    command.args(["evaluate", "--detector", detector, "--replicas", "10"]).arg("--reference").arg(reference);
    for candidate in candidates {
        command.arg("--candidate").arg(candidate);
    }
    command.arg("--out").arg(out).assert()
}

fn results(folder: &Path) -> Results {
    serde_json::from_slice(&std::fs::read(folder.join("results.json")).unwrap()).unwrap()
}

#[test]
fn a_sample_equals_itself_and_a_smeared_copy_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let photons = sample("photons.hdf5");
    let smeared = folder.path().join("smeared.hdf5");
    smear(&photons, &smeared, 0.9);
    let out = folder.path().join("out");
    let assert = evaluate(&photons, &[&photons, &smeared], "ild-ecal", &out).success();
    assert!(stdout(&assert).contains("smeared"));
    let results = results(&out);
    let [itself, smeared] = &results.comparisons[..] else { panic!("two candidates") };
    assert_eq!(itself.histograms.len(), results.observables.len());
    assert!(itself.histograms.iter().all(|h| h.jsd.value == 0.0), "{:?}", itself.histograms);
    let spectrum = |c: &calo_metrics::results::Comparison| c.histogram("cell_energy").unwrap().jsd.value;
    assert!(
        spectrum(smeared) > 3.0 * spectrum(&results.floor),
        "{} {}",
        spectrum(smeared),
        spectrum(&results.floor)
    );
    let score = |c: &calo_metrics::results::Comparison, id: &str| c.score(id).unwrap().value.unwrap();
    assert!(score(itself, "s_jsd") == 0.0 && score(smeared, "s_jsd") > 1.0);
    // A shower and its copy are scored by trees that saw neither: no telling them apart.
    let auc = score(itself, "auc");
    assert!((auc - 0.5).abs() < 1e-9, "{auc}");
    assert!(score(smeared, "auc") > 0.6);
    every_field_is_documented(&out, &["results.json", "showers.json"]);
}

/// Every key of the files stands in `docs/results-schema.md`.
pub(crate) fn every_field_is_documented(out: &Path, files: &[&str]) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results-schema.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    for file in files {
        let mut values = vec![serde_json::from_slice(&std::fs::read(out.join(file)).unwrap()).unwrap()];
        while let Some(value) = values.pop() {
            match value {
                serde_json::Value::Object(fields) => {
                    for (key, value) in fields {
                        assert!(
                            docs.contains(&format!("`{key}`")) || docs.contains(&format!("\"{key}\"")),
                            "{key}"
                        );
                        values.push(value);
                    }
                }
                serde_json::Value::Array(entries) => values.extend(entries),
                _ => {}
            }
        }
    }
}

#[test]
fn splits_compare_at_the_same_number_of_showers() {
    let folder = tempfile::tempdir().unwrap();
    let photons = sample("photons.hdf5");
    let smeared = folder.path().join("smeared.hdf5");
    smear(&photons, &smeared, 0.9);
    let out = folder.path().join("out");
    let evaluate = |splits: &str| {
        let mut command = calo();
        command.args(["evaluate", "--detector", "ild-ecal", "--replicas", "5", "--splits", splits]);
        command.arg("--reference").arg(&photons).arg("--candidate").arg(&smeared).arg("--out").arg(&out);
        command.assert()
    };
    let assert = evaluate("4").success();
    assert!(stdout(&assert).contains("mean of 4 splits"));
    let found = results(&out);
    assert_eq!(found.n_splits, 4);
    let splits = &found.comparisons[0].splits;
    assert_eq!(splits.len(), PAPERS_IDS.len());
    let spectrum = &splits[0];
    assert_eq!((spectrum.observable.as_str(), spectrum.n_showers), ("cell_energy", 100));
    let [jsd, floor, excess] =
        [spectrum.distances.jsd, spectrum.distances.floor, spectrum.distances.excess].map(|e| e.value);
    assert!(jsd > 2.0 * floor && (excess - (jsd * jsd - floor * floor).sqrt()).abs() < 1e-12, "{spectrum:?}");
    assert_eq!(splits[1].parts.len(), 3);
    assert!(found.floor.splits.is_empty());
    every_field_is_documented(&out, &["results.json", "showers.json"]);
    calo().arg("report").arg(&out).assert().success();
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("At the same number of showers") && page.contains("excess of smeared"));
    for wrong in ["1", "65", "many"] {
        assert!(stderr(&evaluate(wrong).code(2)).contains("expected 0, or 2 to 64 splits"));
    }
}

#[test]
fn the_same_command_gives_the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let (pions, out) = (sample("pions.hdf5"), folder.path().join("out"));
    let mut bytes = Vec::new();
    for threads in ["1", "2"] {
        calo()
            .args(["evaluate", "--detector", "ild-ahcal", "--replicas", "5", "--threads", threads])
            .arg("--reference")
            .arg(&pions)
            .arg("--candidate")
            .arg(&pions)
            .arg("--out")
            .arg(&out)
            .assert()
            .success();
        bytes.push(std::fs::read(out.join("results.json")).unwrap());
    }
    assert!(bytes[0] == bytes[1]);
}

#[test]
fn energies_in_mev_and_cells_in_gev_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let photons = sample("photons.hdf5");
    let wrong = folder.path().join("wrong.hdf5");
    let out = folder.path().join("out");
    rewrite(&photons, &wrong, |batch| batch.cells_mev.mapv_inplace(|mev| mev * 1e-3));
    let message = stderr(&evaluate(&photons, &[&wrong], "ild-ecal", &out).code(1));
    assert!(message.contains("cells") && message.contains("mix-up of MeV and GeV"), "{message}");
    rewrite(&photons, &wrong, |batch| batch.energies_gev.iter_mut().for_each(|energy| *energy *= 1e3));
    let message = stderr(&evaluate(&photons, &[&wrong], "ild-ecal", &out).code(1));
    assert!(message.contains("incident energies") && message.contains("mix-up"), "{message}");
    // Nothing right to compare with: each file is judged by itself, the reference first.
    rewrite(&photons, &wrong, |batch| batch.cells_mev.mapv_inplace(|mev| mev * 1e-3));
    for candidate in [&wrong, &photons] {
        let message = stderr(&evaluate(&wrong, &[candidate], "ild-ecal", &out).code(1));
        assert!(message.contains("wrong.hdf5: 2.") && message.contains("mix-up of MeV and GeV"), "{message}");
    }
    assert!(!out.exists());
}

#[test]
fn another_grid_is_an_error_that_names_both() {
    let folder = tempfile::tempdir().unwrap();
    let assert =
        evaluate(&sample("photons.hdf5"), &[&sample("pions.hdf5")], "ild-ecal", &folder.path().join("out"))
            .code(1);
    let message = stderr(&assert);
    assert!(message.contains("48x13x13") && message.contains("30x30x30"), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn fixed_energy_files_count_where_every_sample_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let photons = sample("photons.hdf5");
    let at_50 = folder.path().join("at_50.hdf5");
    // Scaled to 50 GeV each: as good as a file of that energy for this test.
    rewrite(&photons, &at_50, |batch| {
        for (mut shower, energy) in batch.cells_mev.outer_iter_mut().zip(&mut batch.energies_gev) {
            shower *= (50.0 / *energy) as f32;
            *energy = 50.0;
        }
    });
    let fixed = format!("50={}", at_50.display());
    let out = folder.path().join("out");
    let mut command = calo();
    command.args(["evaluate", "--detector", "ild-ecal", "--replicas", "4", "--reference"]).arg(&photons);
    command.arg("--candidate").arg(&photons).args(["--reference-at", &fixed, "--candidate-at", &fixed]);
    command.arg("--out").arg(&out).assert().success();
    let points = results(&out).linearity;
    let point = points.iter().find(|p| p.energy_gev.total_cmp(&50.0).is_eq() && p.sample == 0).unwrap();
    assert_eq!((point.n_showers, point.source), (200, calo_metrics::results::EnergySource::FixedEnergyFile));
    let wrong = format!("20={}", at_50.display());
    let mut command = calo();
    command
        .args(["evaluate", "--detector", "ild-ecal", "--reference"])
        .arg(&photons)
        .arg("--candidate")
        .arg(&photons);
    let message = stderr(&command.args(["--reference-at", &wrong, "--out"]).arg(&out).assert().code(1));
    assert!(message.contains("50 GeV; expected 20 GeV"), "{message}");
}

#[test]
fn contradictory_options_are_wrong_usage() {
    let photons = sample("photons.hdf5");
    let file = photons.display().to_string();
    let (twice, at) = (format!("20={file}"), format!("other:20={file}"));
    for words in [
        &["--candidate", &file][..],
        &["--candidate", &file, "--detector", "ild-ecal", "--reference-at", &at],
        &["--candidate", &file, "--detector", "ild-ecal", "--candidate-at", &at],
        &["--candidate", &file, "--detector", "ild-ecal", "--candidate-at", &twice, "--candidate-at", &twice],
        &["--candidate", &file, "--candidate", &file, "--detector", "ild-ecal", "--candidate-at", &twice],
    ] {
        let assert =
            calo().args(["evaluate", "--out", "never", "--reference", &file]).args(words).assert().code(2);
        assert_eq!(stderr(&assert).lines().count(), 1);
    }
}

#[test]
fn empty_showers_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (photons, some_empty) = (sample("photons.hdf5"), folder.path().join("some_empty.hdf5"));
    rewrite(&photons, &some_empty, |batch| {
        batch.cells_mev.outer_iter_mut().step_by(10).for_each(|mut shower| shower.fill(0.0));
    });
    let out = folder.path().join("out");
    evaluate(&photons, &[&some_empty], "ild-ecal", &out).success();
    let gaps = results(&out).gaps;
    assert!(
        gaps.iter().any(|gap| gap.what.starts_with("some_empty") && gap.why.contains("above the cut")),
        "{gaps:?}"
    );
}

/// An observable whose binning a detector file does not have, by a slip or because it came later, is a gap.
#[test]
fn what_a_detector_has_no_bins_for_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let photons = sample("photons.hdf5");
    let detector = folder.path().join("detector.toml");
    let text = calo_core::Detector::load("ild-ecal").unwrap().to_toml().unwrap();
    std::fs::write(&detector, text.replace("binning.n_hits]", "binning.n_hist]")).unwrap();
    let out = folder.path().join("out");
    let detector = detector.display().to_string();
    let assert = evaluate(&photons, &[&photons, &photons], &detector, &out).success();
    let text = stdout(&assert);
    assert!(text.contains("not given: number of hits: detector ild-ecal has no binning.n_hits"), "{text}");
    assert!(text.contains("not given: S_JSD: comparison of n_hits"), "{text}");
    let found = results(&out);
    assert_eq!(found.observables.len(), PAPERS_IDS.len() - 1);
    assert_eq!(found.comparisons[0].histograms.len(), PAPERS_IDS.len() - 1);
    calo().arg("report").arg(&out).assert().success();
}
