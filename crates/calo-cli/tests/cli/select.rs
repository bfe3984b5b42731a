//! `calo select` on hand-made run folders, and an evaluation by its divisors.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use calo_core::Detector;
use calo_metrics::results::{ById, HistogramComparison, Results};
use calo_report::selection::{Selection, read_selection};

use crate::common::{calo, sample, smear, stderr, stdout};

/// A run folder whose epochs have the given distances, the same for all six histograms but the first, raw and behind the
/// post-processor. Weights are there but empty: nothing loads them.
fn run_folder(path: &Path, kld: f64, epochs: &[[f64; 3]]) {
    fs::create_dir_all(path.join("epochs")).unwrap();
    let run = format!(
        r#"{{"software": "calo", "command": "calo train", "name": "BIB-AE", "seed": 7, "detector": "ild-ecal",
            "grid": [30, 30, 30], "n_weights": 1, "device": "cpu", "data": {{"path": "{}", "blake3": "0",
            "n_showers": 200, "split": [0.8, 0.1, 0.1], "split_seed": 1}}}}"#,
        path.display()
    );
    fs::write(path.join("run.json"), run).unwrap();
    fs::write(path.join("detector.toml"), Detector::load("ild-ecal").unwrap().to_toml().unwrap()).unwrap();
    fs::write(path.join("config.toml"), format!("[training.losses]\nkld = {kld}\n")).unwrap();
    let mut lines = String::new();
    for (epoch, [spectrum, others, raw]) in (1..).zip(epochs) {
        let six = |cell_energy: f64, others: f64| {
            let names = ["visible_energy", "n_hits", "cog_z", "radial", "longitudinal"];
            let others = names.map(|name| format!("\"{name}\": {others}")).join(", ");
            format!("{{\"cell_energy\": {cell_energy}, {others}}}")
        };
        writeln!(
            lines,
            "{{\"epoch\": {epoch}, \"step\": {}, \"n_showers\": 20, \"jsd\": {{\"raw\": {}, \"post_processed\": {}}}, \
             \"area_difference\": {{\"raw\": {}, \"post_processed\": {}}}, \"kld_nats\": [{epoch}, 0.5]}}",
            10 * epoch,
            six(*raw, *raw),
            six(*spectrum, *others),
            six(raw / 2.0, raw / 2.0),
            six(spectrum / 2.0, others / 2.0)
        )
        .unwrap();
        fs::write(path.join(format!("epochs/epoch-{epoch:04}.safetensors")), "").unwrap();
    }
    fs::write(path.join("validation.jsonl"), lines).unwrap();
}

fn select(runs: &[&Path], out: &Path) -> assert_cmd::assert::Assert {
    let mut command = calo();
    command.arg("select");
    for run in runs {
        command.arg("--run").arg(run);
    }
    command.arg("--out").arg(out).assert()
}

/// Epoch 2 of the first run is best by the run's own divisors; with those of both runs epoch 1 is.
fn two_runs(folder: &Path) -> [std::path::PathBuf; 2] {
    let runs = ["beta-0.05", "beta-0.4"].map(|name| folder.join(name));
    run_folder(&runs[0], 0.05, &[[0.2, 0.10, 0.2], [0.02, 0.13, 0.2]]);
    run_folder(&runs[1], 0.4, &[[2.0, 0.10, 0.2], [1.8, 0.12, 0.2]]);
    runs
}

#[test]
fn all_epochs_of_all_runs_make_the_divisors_and_these_the_best_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let runs = two_runs(folder.path());
    let alone = folder.path().join("alone");
    select(&[&runs[0]], &alone).success();
    assert_eq!(read_selection(&alone.join("selection.json")).unwrap().runs[0].best_epoch, 2);

    let out = folder.path().join("selection");
    let text = stdout(&select(&[&runs[0], &runs[1]], &out).success());
    assert!(text.contains("beta-0.05") && text.contains("selection.html"), "{text}");
    let Selection { divisors, runs: selected, .. } = read_selection(&out.join("selection.json")).unwrap();
    // Four epochs, each raw and post-processed.
    assert_eq!(divisors.n_comparisons, 8);
    let expected =
        [(0.2 + 0.02 + 2.0 + 1.8 + 4.0 * 0.2) / 8.0, (0.10 + 0.13 + 0.10 + 0.12 + 4.0 * 0.2) / 8.0];
    let jsd: Vec<f64> = divisors.jsd.values().copied().collect();
    assert_eq!(divisors.jsd.iter().next().unwrap().0, "cell_energy");
    assert!((jsd[0] - expected[0]).abs() < 1e-12, "{divisors:?}");
    assert!(jsd[1..].iter().all(|divisor| (divisor - expected[1]).abs() < 1e-12), "{divisors:?}");
    let areas = divisors.area_difference.unwrap();
    assert!(areas.values().zip(&jsd).all(|(area, jsd)| (2.0 * area - jsd).abs() < 1e-12), "{areas:?}");
    assert_eq!(selected.iter().map(|run| run.best_epoch).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(selected.iter().map(|run| run.beta_kld).collect::<Vec<_>>(), [Some(0.05), Some(0.4)]);
    let score = (0.2 / expected[0] + 5.0 * 0.10 / expected[1]) / 6.0;
    assert!((selected[0].best_s_jsd - score).abs() < 1e-12);
    assert!((selected[0].epochs[1].kld_nats.unwrap() - 2.5).abs() < 1e-12);
    // The mean over everything compared is 1 by construction.
    let epochs = selected.iter().flat_map(|run| &run.epochs);
    let all: Vec<f64> = epochs.flat_map(|e| [e.s_jsd_raw, e.s_jsd_post_processed.unwrap()]).collect();
    assert!((all.iter().sum::<f64>() / 8.0 - 1.0).abs() < 1e-12, "{all:?}");
    let again = stdout(&calo().arg("report").arg(&out).assert().success());
    assert!(again.contains("selection.html"), "{again}");
}

#[test]
fn an_epoch_whose_weights_are_gone_is_not_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let [run, _] = two_runs(folder.path());
    let out = folder.path().join("selection");
    fs::remove_file(run.join("epochs/epoch-0002.safetensors")).unwrap();
    let text = stdout(&select(&[&run], &out).success());
    assert!(text.contains("a better one was not kept"), "{text}");
    assert_eq!(read_selection(&out.join("selection.json")).unwrap().runs[0].best_epoch, 1);
    fs::remove_file(run.join("epochs/epoch-0001.safetensors")).unwrap();
    let message = stderr(&select(&[&run], &out).code(1));
    assert!(message.contains("no weights of a validated epoch"), "{message}");
}

#[test]
fn runs_that_cannot_be_compared_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = two_runs(folder.path());
    let out = folder.path().join("selection");
    let refused = |part: &str| {
        let message = stderr(&select(&[&first, &second], &out).code(1));
        assert!(message.contains(part) && message.lines().count() == 1, "{message}");
        assert!(!out.join("selection.json").exists());
    };
    let validation = second.join("validation.jsonl");
    let lines = fs::read_to_string(&validation).unwrap();
    fs::write(&validation, lines.replace("\"n_showers\": 20", "\"n_showers\": 30")).unwrap();
    refused("validated with 30 showers");
    fs::write(&validation, "").unwrap();
    refused("no epoch was validated");
    fs::write(&validation, lines).unwrap();
    let pooled = Detector::load("ild-ecal-pooled").unwrap().to_toml().unwrap();
    fs::write(second.join("detector.toml"), pooled).unwrap();
    refused("ild-ecal-pooled");
    fs::remove_file(second.join("run.json")).unwrap();
    refused("run.json");
}

#[test]
fn an_evaluation_takes_the_divisors_of_a_selection() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = two_runs(folder.path());
    let selection = folder.path().join("selection");
    select(&[&first, &second], &selection).success();
    let (photons, smeared) = (sample("photons.hdf5"), folder.path().join("smeared.hdf5"));
    smear(&photons, &smeared, 0.9);
    let out = folder.path().join("out");
    let evaluate = |detector: &str| {
        let mut command = calo();
        command.args(["evaluate", "--replicas", "10", "--detector", detector, "--reference"]).arg(&photons);
        command.arg("--candidate").arg(&smeared).arg("--out").arg(&out);
        command.arg("--divisors").arg(selection.join("selection.json")).assert()
    };
    evaluate("ild-ecal").success();
    let results: Results = serde_json::from_slice(&fs::read(out.join("results.json")).unwrap()).unwrap();
    let divisors = results.divisors.unwrap();
    let comparison = &results.comparisons[0];
    let score = |distance: fn(&HistogramComparison) -> f64, divisors: &ById| {
        let quotient = |(id, divisor)| distance(comparison.histogram(id).unwrap()) / divisor;
        assert_eq!(divisors.len(), 6);
        divisors.iter().map(quotient).sum::<f64>() / 6.0
    };
    let found = |id: &str| comparison.score(id).unwrap().value.unwrap();
    let s_jsd = score(|histogram| histogram.jsd.value, &divisors.jsd);
    assert!((found("s_jsd") - s_jsd).abs() < 1e-12 * s_jsd);
    let s_area = score(|histogram| histogram.area_difference.value, &divisors.area_difference.unwrap());
    assert!((found("s_area") - s_area).abs() < 1e-12 * s_area);
    assert!(results.gaps.iter().all(|gap| gap.what != "S_area"), "{:?}", results.gaps);

    // As runs of earlier versions are.
    for run in [&first, &second] {
        let lines = fs::read_to_string(run.join("validation.jsonl")).unwrap();
        fs::write(run.join("validation.jsonl"), lines.replace("area_difference", "unknown")).unwrap();
    }
    select(&[&first, &second], &selection).success();
    evaluate("ild-ecal").success();
    let results: Results = serde_json::from_slice(&fs::read(out.join("results.json")).unwrap()).unwrap();
    assert_eq!(results.comparisons[0].score("s_area").unwrap().value, None);
    assert!(results.gaps.iter().any(|gap| gap.what == "S_area"), "{:?}", results.gaps);

    // As selections of earlier versions are: six numbers in the papers' order.
    let path = selection.join("selection.json");
    let s_jsd = results.comparisons[0].score("s_jsd").unwrap().value;
    let text = fs::read_to_string(&path).unwrap();
    let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
    old["schema_version"] = 1.into();
    old["divisors"]["jsd"] = results.divisors.unwrap().jsd.values().copied().collect();
    fs::write(&path, old.to_string()).unwrap();
    evaluate("ild-ecal").success();
    let results: Results = serde_json::from_slice(&fs::read(out.join("results.json")).unwrap()).unwrap();
    assert_eq!(results.comparisons[0].score("s_jsd").unwrap().value, s_jsd);
    old["schema_version"] = 3.into();
    fs::write(&path, old.to_string()).unwrap();
    assert!(stderr(&evaluate("ild-ecal").code(1)).contains("schema version 3; expected 1 to 2"));

    fs::write(&path, text.replacen("\"cell_cut_mev\":0.1", "\"cell_cut_mev\":0.2", 1)).unwrap();
    assert!(stderr(&evaluate("ild-ecal").code(1)).contains("other readout settings"));
}
