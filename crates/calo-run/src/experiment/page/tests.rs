use std::collections::BTreeMap;
use std::path::PathBuf;

use calo_metrics::results::Results;
use calo_report::latent::{Correlations, DataInfo, Divergence, LatentResults, ModelInfo};
use calo_report::selection::{SelectedEpoch, SelectedRun};
use serde_json::{Value, json};

use super::*;
use crate::experiment::seed::{DivisorsOrigin, LatentSpace, Outcome, UsedEpoch, ValidatedRun};
use crate::experiment::stages::Request;

/// Observables of an evaluation.
const OBSERVABLES: [(&str, &str); 6] = [
    ("cell_energy", "visible cell energy"),
    ("visible_energy", "visible energy"),
    ("n_hits", "number of hits"),
    ("cog_z", "centre of gravity z"),
    ("radial", "radial profile"),
    ("longitudinal", "longitudinal profile"),
];

/// A result of `calo evaluate` with the given distances of the three candidates; their means are off by 2, -1 and 0 %.
fn results(jsd: [f64; 3], source: &str) -> Results {
    let histograms = |jsd: f64| -> Vec<Value> {
        let jsd = json!({"value": jsd, "error": 0.01});
        OBSERVABLES
            .iter()
            .map(|(id, _)| {
                json!({
                    "observable": id, "jsd": jsd, "area_difference": jsd, "parts": []
                })
            })
            .collect()
    };
    let score = |id: &str, label: &str, value: Option<f64>, error: f64| json!({"id": id, "label": label, "value": value, "error": value.map(|_| error), "digits": 3});
    let scores = |s_jsd: Option<f64>, s_area: Option<f64>, auc: Option<f64>| {
        let mut pearson = score("pearson_max_difference", "largest Pearson difference", auc, 0.1);
        pearson["detail"] = json!(["m1z", "nhit"]);
        json!([
            score("s_jsd", "S_JSD", s_jsd, 0.05),
            score("s_area", "S_area", s_area, 0.06),
            pearson,
            score("fpd", "FPD", None, 0.0),
            score("auc", "classifier AUC", auc, 0.01),
        ])
    };
    let names = ["beta 0.05", "beta 0.4", "beta 0.05 + KDE"];
    let comparisons = names.iter().zip(jsd).map(|(name, jsd)| {
        let scores = scores(Some(10.0 * jsd), Some(11.0 * jsd), Some(0.5 + jsd));
        let estimate = |value: f64, error: f64| json!({"value": value, "error": error});
        // Six equal errors e of distances over divisors of 0.1 are e / 0.1 / sqrt(6) of the score.
        let error = 0.005 * 6.0_f64.sqrt();
        let splits = OBSERVABLES.map(|(id, _)| {
            json!({
                "observable": id, "n_showers": 750, "parts": [], "jsd": estimate(1.5 * jsd, error),
                "floor": estimate(0.05, error), "excess": estimate(0.1, 0.01)
            })
        });
        json!({
            "name": name, "n_showers": [1500, 1500], "histograms": histograms(jsd), "scores": scores, "splits": splits
        })
    });
    let observables = OBSERVABLES.map(|(id, label)| {
        json!({
            "id": id, "label": label, "title": label, "phrase": label, "unit": "", "compared_at": "full_spectrum",
            "scored": true, "x_label": "", "y_label": "", "log_y": false, "mip_axis": false, "explanation": "",
            "normalisation": ""
        })
    });
    let mut moments = Vec::new();
    for (sample, factor) in [1.0, 1.02, 0.99, 1.0].into_iter().enumerate() {
        for (observable, mean) in [("visible_energy", 1000.0), ("n_hits", 400.0), ("cog_z", 12.0)] {
            for energy in [json!(null), json!(20.0), json!(80.0)] {
                moments.push(json!({
                    "sample": sample, "observable": observable, "energy_gev": energy, "source": source, "n_showers": 100,
                    "mean": {"value": mean * factor, "error": mean * factor * 0.003},
                    "standard_deviation": {"value": 1.0, "error": null}
                }));
            }
        }
    }
    // mu90 is off by 2, -1 and 0 %, resolutions by 30 %, -10 % and 0; windows that nobody asked for do not count.
    let mut linearity = Vec::new();
    for (sample, (mean, width)) in [(1.0, 1.0), (1.02, 1.3), (0.99, 0.9), (1.0, 1.0)].into_iter().enumerate()
    {
        for (energy, source) in [(20.0, source), (80.0, source), (35.0, "window")] {
            let resolution = json!({"value": 0.05 * width, "error": 0.001});
            let mu90 = json!({"value": 1000.0 * mean, "error": 3.0 * mean});
            linearity.push(json!({
                "sample": sample, "energy_gev": energy, "source": source, "n_showers": 100, "resolution": resolution,
                "mu90_mev": mu90, "sigma90_mev": {"value": 0.05, "error": null}
            }));
        }
    }
    let samples = ["calo-sim", "beta 0.05", "beta 0.4", "beta 0.05 + KDE"];
    let samples = samples.map(|name| {
        json!({
            "name": name, "files": [], "n_showers": 1500, "energy_range_gev": [10.0, 100.0],
            "mean_visible_energy_mev": 1000.0
        })
    });
    let floor = json!({
        "name": "half / half", "n_showers": [750, 750], "histograms": histograms(0.02),
        "scores": scores(None, None, None)
    });
    let divisors: BTreeMap<&str, f64> = OBSERVABLES.map(|(id, _)| (id, 0.1)).into();
    serde_json::from_value(json!({
        "schema_version": 2,
        "calo_version": "calo 0.1.0",
        "seed": 1,
        "detector": detector(),
        "distributions": [],
        "divisors": {"jsd": divisors, "area_difference": null, "n_comparisons": 0},
        "pearson": {"labels": [], "matrices": []},
        "samples": samples,
        "observables": observables,
        "floor": floor,
        "comparisons": comparisons.collect::<Vec<_>>(),
        "moments": moments,
        "linearity": linearity,
        "gaps": [{"what": "S_area", "why": "no divisors"}],
    }))
    .unwrap()
}

fn detector() -> Value {
    json!({
        "name": "ild-ecal-pooled", "grid": [30, 10, 10], "cell_size_mm": [15.0, 15.0], "mip_mev": 0.2, "cell_cut_mev": 0.1
    })
}

fn run(name: &str, seed: u64, beta_kld: f64, best_s_jsd: f64) -> SelectedRun {
    let epoch = |epoch, kld_nats| SelectedEpoch {
        epoch,
        step: 10,
        kept: true,
        s_jsd_raw: best_s_jsd,
        s_jsd_post_processed: None,
        kld_nats: Some(kld_nats),
    };
    SelectedRun {
        name: name.to_owned(),
        path: name.to_owned(),
        seed,
        beta_kld: Some(beta_kld),
        best_epoch: 2,
        best_s_jsd,
        epochs: vec![epoch(1, 3.0), epoch(2, 5.25)],
    }
}

fn latent() -> LatentResults {
    LatentResults {
        schema_version: 2,
        calo_version: "0.1.0".to_owned(),
        seed: 1,
        detector: serde_json::from_value(detector()).unwrap(),
        model: ModelInfo {
            name: "BIB-AE".to_owned(),
            epoch: 2,
            weights_blake3: String::new(),
            encoded: 2,
            latent: 2,
            beta_kld: Some(0.05),
            post_processed: true,
        },
        data: DataInfo {
            path: String::new(),
            blake3: String::new(),
            part: "all".to_owned(),
            n_showers: 1,
            energy_range_gev: [10.0, 100.0],
        },
        density: None,
        divergence: Divergence {
            variables: vec![],
            nats: vec![],
            errors: vec![],
            cumulative_nats: vec![18.0, 28.04],
        },
        correlations: Correlations {
            variables: vec![0, 1],
            observables: ["m1x", "m1z", "m2z"].map(str::to_owned).to_vec(),
            coefficients: vec![
                vec![Some(0.1), None, Some(0.0)],
                vec![Some(-0.87), Some(0.2), Some(0.4)],
                vec![Some(0.9), Some(-0.51), Some(0.7)],
            ],
            errors: vec![],
        },
        joints: vec![],
        traversals: vec![],
        marginals: vec![],
        cog_z: vec![],
        gaps: vec![],
    }
}

fn seed(seed: u64, jsd: [f64; 3], source: &str) -> SeedRow {
    SeedRow::new(&outcome(seed, jsd, source), &table2())
}

fn outcome(seed: u64, jsd: [f64; 3], source: &str) -> Outcome {
    let baseline = run("beta-0.05", seed, 0.05, 0.9);
    Outcome {
        seed,
        results: results(jsd, source),
        latent: vec![LatentSpace {
            label: "beta 0.05".to_owned(),
            folder: PathBuf::from("latent"),
            results: latent(),
            is_staged: true,
        }],
        repeated_s_jsd: vec![0.9, 1.1],
        used: [baseline.clone(), run("beta-0.4", seed, 0.4, 1.0), baseline]
            .map(|run| Some(UsedEpoch { epoch: run.best_epoch, run }))
            .into(),
        died: vec![],
        divisors: DivisorsOrigin {
            n_comparisons: 8,
            n_showers: Some(1000),
            runs: vec![
                ValidatedRun { name: "beta-0.05".to_owned(), epochs: vec![2, 4, 6] },
                ValidatedRun { name: "beta-0.4".to_owned(), epochs: vec![6] },
            ],
        },
        folder: PathBuf::from(format!("out/seed-{seed}")),
    }
}

fn table2() -> Experiment {
    let mut experiment = Experiment::load("table2").unwrap();
    // One density stands for all.
    experiment.candidates.truncate(3);
    experiment.candidates[2].name = "beta 0.05 + KDE".to_owned();
    experiment
}

fn page_of(seeds: Vec<SeedRow>) -> String {
    page(&table(seeds), &table2())
}

fn table(seeds: Vec<SeedRow>) -> Table {
    let request = [("profile", "quick"), ("data", ""), ("device", "cpu")];
    let request: Request = request.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let stages = serde_json::from_value(json!([
        {"name": "simulate training showers", "hash": "0", "seconds": 90.0, "complete": true},
        {"name": "seed-11: train beta-0.05", "hash": "1", "seconds": 330.0, "complete": true},
    ]));
    let detector = "ild-ecal-pooled".to_owned();
    let mut table = Table::new(detector, request, seeds, stages.unwrap(), Some(200.0));
    table.calo = "calo 0.1.0".to_owned();
    table
}

const ONE_SEED: &str = "\
# Table 2 of decoding-photons, reproduced

Profile quick, simulated showers in `ild-ecal-pooled`, seed 11; calo 0.1.0, on cpu. The reference has 1500 showers of the full spectrum.

| against the reference           | beta 0.05       | beta 0.4        | beta 0.05 + KDE | floor           |
| ------------------------------- | --------------- | --------------- | --------------- | --------------- |
| S_JSD                           | 1.000 ± 0.050   | 1.200 ± 0.050   | 0.800 ± 0.050   | -               |
| S_JSD, half the showers         | 1.500 ± 0.050   | 1.800 ± 0.050   | 1.200 ± 0.050   | 0.500 ± 0.050   |
| S_JSD, paper (its own divisors) | 0.83            | 0.88            | 0.67            | -               |
| JSD visible cell energy         | 0.1000 ± 0.0100 | 0.1200 ± 0.0100 | 0.0800 ± 0.0100 | 0.0200 ± 0.0100 |
| JSD visible energy              | 0.1000 ± 0.0100 | 0.1200 ± 0.0100 | 0.0800 ± 0.0100 | 0.0200 ± 0.0100 |
| JSD number of hits              | 0.1000 ± 0.0100 | 0.1200 ± 0.0100 | 0.0800 ± 0.0100 | 0.0200 ± 0.0100 |
| JSD centre of gravity z         | 0.1000 ± 0.0100 | 0.1200 ± 0.0100 | 0.0800 ± 0.0100 | 0.0200 ± 0.0100 |
| JSD radial profile              | 0.1000 ± 0.0100 | 0.1200 ± 0.0100 | 0.0800 ± 0.0100 | 0.0200 ± 0.0100 |
| JSD longitudinal profile        | 0.1000 ± 0.0100 | 0.1200 ± 0.0100 | 0.0800 ± 0.0100 | 0.0200 ± 0.0100 |
| S_area                          | 1.100 ± 0.060   | 1.320 ± 0.060   | 0.880 ± 0.060   | -               |
| classifier AUC                  | 0.600 ± 0.010   | 0.620 ± 0.010   | 0.580 ± 0.010   | -               |
| mu90 of visible energy at 20 GeV, % | +2.0 ± 0.4      | -1.0 ± 0.4      | +0.0 ± 0.4      | -               |
";

#[test]
fn one_seed_shows_values_with_their_own_errors() {
    let text = page_of(vec![seed(11, [0.1, 0.12, 0.08], "fixed_energy_file")]);
    let squeeze = |text: &str| {
        let squeezed = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        squeezed.filter(|line| !line.starts_with("| --")).collect::<Vec<_>>()
    };
    let (found, expected) = (squeeze(&text), squeeze(ONE_SEED));
    assert_eq!(found[..expected.len()], expected);
    for part in [
        "| mean number of hits at 80 GeV, %",
        "| sigma90/mu90 at 20 GeV, %           | +30.0 ± 3.3",
        "| best epoch",
        "|ρ| of the latent variable of the highest KLD with the centre of gravity z (beta 0.05): 0.87 (paper: about 0.9).",
        "2 runs of beta 0.05, S_JSD of the best epochs against validation showers 1.00 ± 0.14 (paper: 1.02 ± 0.12 of seven)",
        "the best, 0.90, is used",
        "## Latent spaces",
        "| beta 0.05 | 2   | 28.0      | 0.87 ",
        "| 0.51 ",
        "the first one carries the depth by construction",
        "not given: S_area: no divisors",
        "so the two compare in order, not in size. The floor is one half",
        "over 8 comparisons: all validated epochs of all runs (3 from 2 to 6 of beta-0.05, 6 of beta-0.4), at every stage",
        "prior, with 1000 validation showers of the full spectrum and as many of the model.",
        "half the showers: 750 of the full spectrum on each side",
        "in `out/seed-11`: `evaluation/report.html` (figures 6 and 7), `selection/selection.html` (figure 9), `latent-*/",
        "| seed-11: train beta-0.05",
        "| all stages, added up      | 7.0 min |",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("FPD") && !text.contains("at 35 GeV"), "{text}");
    assert!(!text.contains("\\*") && !text.contains("several seeds"), "{text}");
    // Columns stand below one another.
    let table: Vec<usize> =
        text.lines().skip_while(|l| !l.starts_with('|')).map_while(|l| l.find(" | ")).collect();
    assert!(table.len() > 10 && table.iter().all(|at| *at == table[0]), "{table:?}");
}

#[test]
fn several_seeds_show_mean_and_deviation_and_how_often_the_density_wins() {
    let seeds = vec![seed(11, [0.1, 0.12, 0.08], "window"), seed(12, [0.1, 0.12, 0.12], "window")];
    let text = page_of(seeds);
    // 0.08 and 0.12: mean 0.10, standard deviation 0.0283.
    assert!(text.contains("0.1000 ± 0.0283") && text.contains("1.000 ± 0.283"), "{text}");
    let last = ["0.080 (longitudinal profile)", "+0.0 % (80 GeV)", "+0.0 % (80 GeV)", "0.87"];
    let first = text.lines().find(|line| line.starts_with("| 11 ")).unwrap();
    let cells: Vec<&str> = first.split('|').map(str::trim).collect();
    assert_eq!(cells[cells.len() - 5..cells.len() - 1], last, "{text}");
    assert!(text.contains("seeds 11, 12") && text.contains("0.87, 0.87"), "{text}");
    assert!(text.contains("beta 0.05 + KDE beats N(0, 1) from the same model in S_JSD for 1 and in the centre of gravity z for 1 of 2"), "{text}");
    assert!(
        text.contains("mu90 of visible energy at 20 GeV *, %") && text.contains("\\* not from files"),
        "{text}"
    );
}

/// The second of three runs ended with empty showers: there are two comparisons.
#[test]
fn a_run_that_did_not_recover_is_a_column_of_dashes() {
    let mut all = results([0.1, 0.12, 0.08], "fixed_energy_file");
    all.comparisons.remove(1);
    let used = || {
        let run = run("beta-0.05", 11, 0.05, 0.9);
        Some(UsedEpoch { epoch: run.best_epoch, run })
    };
    let outcome = Outcome {
        results: all,
        used: vec![used(), None, used()],
        died: vec![("beta 0.4".to_owned(), "empty showers".to_owned())],
        ..outcome(11, [0.1, 0.12, 0.08], "fixed_energy_file")
    };
    let text = page_of(vec![SeedRow::new(&outcome, &table2())]);
    let line = text.lines().find(|line| line.starts_with("| S_JSD  ")).unwrap();
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    assert_eq!(cells[1..], ["S_JSD", "1.000 ± 0.050", "-", "0.800 ± 0.050", "-", ""]);
    assert!(text.contains("Seed 11: run beta 0.4 did not recover: empty showers."), "{text}");
}

#[test]
fn what_is_missing_is_a_dash() {
    let mut row = seed(11, [0.1, 0.12, 0.08], "fixed_energy_file");
    row.configurations[0].scores[0].value = None;
    row.configurations[0].jsd[3].value = None;
    row.top_variable_cog_z = None;
    assert_eq!(row.density_is_better([0, 2]), [None, None]);
    let text = page_of(vec![row]);
    assert!(text.contains("| S_JSD                               | -  "), "{text}");
    assert!(!text.contains("|ρ|"), "{text}");
}

#[test]
fn stages_of_another_program_are_marked_with_its_revision() {
    let mut table = table(vec![seed(11, [0.1, 0.12, 0.08], "window")]);
    let plain = page(&table, &table2());
    assert!(!plain.contains("kept"), "{plain}");
    (table.stages[1].kept, table.stages[1].revision) = (true, "1a2b3c4d5e6f".to_owned());
    let text = page(&table, &table2());
    assert!(text.contains("| seed-11: train beta-0.05 (kept: 1a2b3c4d5e6f) | 5.5 min"), "{text}");
    assert!(text.contains("another calo than calo 0.1.0") && text.contains("--keep-stages"), "{text}");
}
