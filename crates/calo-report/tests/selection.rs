//! The figures of runs, epoch by epoch.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a test's report")]

use std::fs;
use std::path::Path;

use calo_metrics::results::{DetectorInfo, Divisors, PAPERS_IDS};
use calo_report::render_selection;
use calo_report::selection::{SCHEMA_VERSION, SelectedEpoch, SelectedRun, Selection, read_selection};

/// A run whose score falls to epoch 7 and rises again, and whose divergence saturates.
fn run(name: &str, beta_kld: f64, n_epochs: u32, has_post_processor: bool) -> SelectedRun {
    let epochs = (1..=n_epochs).map(|epoch| {
        let away = (f64::from(epoch) - 7.0) / 10.0;
        let s_jsd = 0.8 + away * away;
        SelectedEpoch {
            epoch,
            step: 100 * u64::from(epoch),
            kept: true,
            s_jsd_raw: s_jsd + 0.4,
            s_jsd_post_processed: has_post_processor.then_some(s_jsd),
            kld_nats: Some((1.0 - (-f64::from(epoch) / 5.0).exp()) / beta_kld),
        }
    });
    let epochs: Vec<_> = epochs.collect();
    let best_s_jsd = epochs[6].s_jsd();
    SelectedRun {
        name: name.to_owned(),
        path: format!("runs/{name}"),
        seed: 1,
        beta_kld: Some(beta_kld),
        best_epoch: 7,
        best_s_jsd,
        epochs,
    }
}

fn selection(runs: Vec<SelectedRun>) -> Selection {
    Selection {
        schema_version: SCHEMA_VERSION,
        calo_version: "0.1.0".to_owned(),
        detector: DetectorInfo {
            name: "ild-ecal-pooled".to_owned(),
            grid: [30, 10, 10],
            cell_size_mm: [15.0, 15.0],
            mip_mev: 0.13,
            cell_cut_mev: 0.065,
        },
        n_showers: None,
        divisors: Divisors {
            jsd: PAPERS_IDS.into_iter().zip(1..).map(|(id, i)| (id, 0.1 * f64::from(i))).collect(),
            area_difference: None,
            n_comparisons: 40,
        },
        runs,
    }
}

fn write(dir: &Path, selection: &Selection) {
    fs::write(dir.join("selection.json"), serde_json::to_string(selection).unwrap()).unwrap();
}

#[test]
fn both_figures_are_drawn_with_the_best_epochs_and_the_same_each_time() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let runs = vec![run("beta-0.05", 0.05, 20, true), run("beta-0.4", 0.4, 25, true)];
    let [first, second] = dirs.each_ref().map(|dir| {
        write(dir.path(), &selection(runs.clone()));
        render_selection(dir.path()).unwrap()
    });
    assert_eq!(fs::read(&first.html).unwrap(), fs::read(&second.html).unwrap());
    for (a, b) in first.figures.iter().zip(&second.figures) {
        assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap(), "{}", a.display());
    }
    let svg = |name: &str| fs::read_to_string(dirs[0].path().join(format!("figures/{name}.svg"))).unwrap();
    for name in ["s_jsd_epochs", "kld_epochs"] {
        roxmltree::Document::parse(&svg(name)).unwrap();
        assert!(dirs[0].path().join(format!("figures/{name}.png")).is_file());
    }
    let scores = svg("s_jsd_epochs");
    for text in ["β = 0.05", "β = 0.4, without post-processor", "best: epoch 7, 0.80"] {
        assert!(scores.contains(text), "{text}");
    }
    assert!(svg("kld_epochs").contains("nats at the end"));
    let page = fs::read_to_string(&first.html).unwrap();
    assert!(page.contains("means over 40 comparisons") && page.trim_end().ends_with("</html>"), "{page}");
}

#[test]
fn runs_of_one_beta_go_by_their_names_and_one_without_post_processor_has_one_curve() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &selection(vec![run("a", 0.05, 9, false), run("b", 0.05, 9, false)]));
    render_selection(dir.path()).unwrap();
    let scores = fs::read_to_string(dir.path().join("figures/s_jsd_epochs.svg")).unwrap();
    assert!(scores.contains("β = 0.05 (a)") && scores.contains("β = 0.05 (b)"), "{scores}");
    assert!(!scores.contains("post-processor"), "{scores}");
}

#[test]
fn contradictions_are_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |selection: &Selection, part: &str| {
        write(dir.path(), selection);
        let message = render_selection(dir.path()).unwrap_err().to_string();
        assert!(message.contains(part) && message.lines().count() == 1, "{message}");
    };
    refused(&selection(vec![]), "`runs`");
    let mut other = run("a", 0.05, 9, true);
    other.best_epoch = 10;
    refused(&selection(vec![other]), "runs[0].best_epoch");
    let mut other = run("a", 0.05, 9, true);
    other.epochs[3].s_jsd_post_processed = Some(-1.0);
    refused(&selection(vec![other]), "runs[0].epochs");
    let mut other = selection(vec![run("a", 0.05, 9, true)]);
    other.schema_version += 1;
    refused(&other, "schema version");
}

/// Version 1 had six numbers for each of the divisors, in the papers' order.
#[test]
fn a_selection_of_version_1_reads() {
    let dir = tempfile::tempdir().unwrap();
    let new = selection(vec![run("a", 0.05, 9, true)]);
    write(dir.path(), &new);
    render_selection(dir.path()).unwrap();
    let page = || fs::read_to_string(dir.path().join("selection.html")).unwrap();
    let of_new = page();
    let mut old = serde_json::to_value(&new).unwrap();
    old["schema_version"] = 1.into();
    old["divisors"]["jsd"] = new.divisors.jsd.values().copied().collect();
    fs::write(dir.path().join("selection.json"), old.to_string()).unwrap();
    assert_eq!(read_selection(&dir.path().join("selection.json")).unwrap().divisors, new.divisors);
    render_selection(dir.path()).unwrap();
    assert_eq!(page().replace("schema 1.", "schema 2."), of_new);
    assert!(of_new.contains("Centre of gravity in depth</th><td>0.4000"), "{of_new}");
}
