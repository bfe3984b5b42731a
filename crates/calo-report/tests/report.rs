//! The report as a whole: what lands on disk, what the page says, and what bad input gives.

mod common;

use std::fs;

use calo_metrics::results::Results;
use calo_report::{read_results, read_showers, render};
use common::{VERSION_1, edit_results, edit_showers, fixture, page, strings};

#[test]
fn every_figure_is_well_formed_and_of_its_size() {
    let dir = fixture();
    let files = render(dir.path()).unwrap();
    assert!(files.html.ends_with("report.html"));
    let names: Vec<_> =
        files.figures.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    for name in [
        "cell_energy",
        "visible_energy",
        "n_hits",
        "cog_z",
        "radial",
        "longitudinal",
        "linearity",
        "resolution",
    ] {
        assert!(
            names.contains(&format!("{name}.svg").as_str())
                && names.contains(&format!("{name}.png").as_str())
        );
    }
    for name in [
        "pearson_reference",
        "pearson_1",
        "pearson_difference_2",
        "average_shower",
        "average_shower_3d",
        "shower_1",
    ] {
        assert!(names.contains(&format!("{name}.svg").as_str()), "{name} is missing in {names:?}");
    }
    for path in files.figures.iter().filter(|path| path.extension().unwrap() == "svg") {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.len() < 400_000, "{} has {} bytes", path.display(), text.len());
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        let size = |name| root.attribute(name).unwrap().parse::<u32>().unwrap();
        let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        assert!(ids.iter().all(|id| id.starts_with("fig-")), "{ids:?}");
        assert!(
            document
                .descendants()
                .any(|node| node.has_tag_name("desc") && node.text().is_some_and(|t| t.len() > 20))
        );

        let png = fs::read(path.with_extension("png")).unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert_eq!([side(16), side(20)], [2 * size("width"), 2 * size("height")]);
    }
    let left: Vec<_> =
        fs::read_dir(dir.path().join("figures")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), files.figures.len(), "no temporary file stays behind: {left:?}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (a, b) = (fixture(), fixture());
    let (first, second) = (render(a.path()).unwrap(), render(b.path()).unwrap());
    assert_eq!(fs::read(first.html).unwrap(), fs::read(second.html).unwrap());
    for (a, b) in first.figures.iter().zip(&second.figures) {
        assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap(), "{}", a.display());
    }
}

#[test]
fn numbers_names_and_gaps_of_the_results_stand_on_the_page() {
    let dir = fixture();
    let page = page(dir.path());
    let results = read_results(dir.path()).unwrap();
    // Written as the page writes them, but worked out here by hand from the fixture.
    let value_and_error = |value: f64, error: f64| {
        let digits = (1.0 - error.log10().floor()) as usize;
        format!("{value:.digits$} ± {error:.digits$}").replace('-', "−")
    };
    for comparison in std::iter::once(&results.floor).chain(&results.comparisons) {
        assert!(page.contains(&comparison.name));
        assert_eq!(comparison.scores.len(), 6);
        let scores = comparison.scores.iter().filter_map(calo_metrics::results::Score::estimate);
        for score in scores.chain(comparison.histograms.iter().map(|h| h.jsd)) {
            let text = value_and_error(score.value, score.error.unwrap());
            assert!(page.contains(&text), "{text} of {} is missing", comparison.name);
        }
    }
    for point in &results.linearity {
        let text = value_and_error(point.resolution.value, point.resolution.error.unwrap());
        assert!(page.contains(&text), "resolution {text} is missing");
        assert!(page.contains(&point.n_showers.to_string()));
    }
    for sample in &results.samples {
        assert!(sample.files.iter().all(|file| page.contains(&file.path) && page.contains(&file.blake3)));
    }
    for gap in &results.gaps {
        assert!(page.contains(&gap.what) && page.contains(&gap.why));
    }
    assert!(page.contains("no showers at 80 GeV") && page.contains("too few showers at 80 GeV"));
    assert!(page.contains(&format!("calo {}", results.calo_version)));
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let dir = fixture();
    let page = page(dir.path());
    for outside in ["<script", "src=", "@import", "url(http", "<object", "<iframe", "javascript:"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    assert!(links.into_iter().all(|link| link.starts_with('#') || link == "data:,"));
    let mut ids: Vec<_> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let n = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), n, "identifiers of inlined figures clash");
}

#[test]
fn missing_entries_are_named_and_drawn_around() {
    let dir = fixture();
    edit_results(dir.path(), |results: &mut Results| {
        results.distributions.retain(|d| d.observable != "radial");
        for comparison in &mut results.comparisons {
            comparison.histograms.retain(|h| h.observable != "radial");
            for score in &mut comparison.scores {
                if ["fpd", "pearson_max_difference"].contains(&score.id.as_str()) {
                    score.value = None;
                }
            }
        }
        for distribution in &mut results.distributions {
            distribution.samples[2] = None;
            if distribution.observable == "n_hits" {
                distribution.samples[0] = None;
            }
        }
        results.linearity.retain(|point| point.sample != 1);
        for (i, row) in results.pearson.matrices[1].iter_mut().enumerate() {
            row[3] = None;
            if i == 3 {
                row.fill(None);
            }
        }
        results.divisors = None;
    });
    edit_showers(dir.path(), |showers| {
        showers.samples[1].showers.clear();
        showers.samples[2].mean_mev.fill(0.0);
    });
    let page = page(dir.path());
    for named in [
        "no showers ·",
        "Radial profile</b>: no histogram",
        "not compared",
        "Crossed-out cells",
        "no shower<",
        ">no showers<",
        ">too few showers<",
    ] {
        assert!(page.contains(named), "{named} is missing");
    }
    assert!(!dir.path().join("figures/radial.svg").exists());
}

#[test]
fn an_evaluation_without_candidates_still_makes_a_page() {
    let dir = fixture();
    edit_results(dir.path(), |results: &mut Results| {
        results.samples.truncate(1);
        results.comparisons.clear();
        results.pearson.matrices.truncate(1);
        results.linearity.retain(|point| point.sample == 0);
        for distribution in &mut results.distributions {
            distribution.samples.truncate(1);
        }
    });
    edit_showers(dir.path(), |showers| showers.samples.truncate(1));
    assert!(page(dir.path()).contains("no candidate"));
}

#[test]
fn names_cannot_inject_markup() {
    const EVIL: &str =
        "</text></svg><script>alert('x')</script>\"><img src=x onerror=alert(1)>&\u{0}\u{202e}";
    let dir = fixture();
    edit_results(dir.path(), |results: &mut Results| {
        strings(results, |text| *text = EVIL.to_owned());
    });
    let page = page(dir.path());
    assert!(
        !page.contains("<script")
            && !page.contains("<img")
            && !page.contains('\0')
            && !page.contains('\u{202e}')
    );
    assert!(page.contains("&lt;script&gt;"));
    for entry in fs::read_dir(dir.path().join("figures")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().unwrap() == "svg" {
            let text = fs::read_to_string(&path).unwrap();
            let document = roxmltree::Document::parse(&text).unwrap();
            assert!(
                document.descendants().all(|node| !node.has_tag_name("script") && !node.has_tag_name("img"))
            );
        }
    }
}

#[test]
fn long_names_are_cut_in_figures_and_whole_on_the_page() {
    let dir = fixture();
    let name = "BIB-AE-PP ".repeat(40);
    edit_results(dir.path(), |results: &mut Results| results.samples[1].name.clone_from(&name));
    let page = page(dir.path());
    assert!(page.contains(&name) && page.contains('…'));
}

#[test]
fn many_candidates_find_room() {
    let dir = fixture();
    edit_results(dir.path(), |results: &mut Results| {
        for copy in 0..6 {
            results.samples.push(results.samples[1].clone());
            results.comparisons.push(results.comparisons[0].clone());
            results.samples.last_mut().unwrap().name = format!("copy {copy}");
            results.pearson.matrices.push(results.pearson.matrices[1].clone());
            for distribution in &mut results.distributions {
                distribution.samples.push(distribution.samples[1].clone());
            }
        }
    });
    edit_showers(dir.path(), |showers| showers.samples.extend(vec![showers.samples[1].clone(); 6]));
    assert!(page(dir.path()).contains("copy 5"));
    assert!(dir.path().join("figures/pearson_difference_8.png").exists());
}

#[test]
fn contradictions_are_refused_in_one_line() {
    type Edit = fn(&mut Results);
    let cases: [(Edit, &str); 17] = [
        (|r| r.samples.clear(), "`samples`: empty; expected the reference first"),
        (|r| r.detector.grid[1] = 0, "`detector.grid`: [30, 0, 30]"),
        (|r| r.distributions[0].edges.reverse(), "`distributions[0].edges`: do not rise"),
        (|r| r.distributions[0].edges[0] = -1.0, "`distributions[0].edges`: start at -1"),
        (|r| r.distributions[2].samples.truncate(1), "`distributions[2].samples`: 1 entries; expected 3"),
        (
            |r| r.distributions[1].samples[0].as_mut().unwrap().counts.truncate(7),
            "`distributions[1].samples[0].counts`: 7 entries",
        ),
        (
            |r| r.distributions[1].samples[0].as_mut().unwrap().errors[3] = -1.0,
            "`distributions[1].samples[0]`: -1; expected finite",
        ),
        (|r| r.comparisons.truncate(1), "`comparisons`: 1 entries; expected 2"),
        (|r| r.linearity[4].sample = 9, "`linearity[4].sample`: 9; expected an index into samples"),
        (|r| r.pearson.matrices[1][2][3] = Some(3.0), "`pearson.matrices[1]`: [2][3] is Some(3.0)"),
        (|r| r.pearson.labels.truncate(2), "`pearson.matrices[0]`: 12 entries; expected 2"),
        (|r| r.distributions.push(r.distributions[0].clone()), "there twice; expected each observable once"),
        (
            |r| r.observables[1].id = "../evil".into(),
            "`observables[1].id`: `../evil`; expected 1 to 64 small",
        ),
        (|r| r.observables[1].id = "cog_z".into(), "`observables[3].id`: `cog_z` there twice"),
        (|r| r.distributions[0].observable = "other".to_owned(), "`distributions[0].observable`: `other`"),
        (
            |r| r.comparisons[0].histograms[0].observable = "other".to_owned(),
            "`other`; expected one of observables",
        ),
        (
            |r| r.comparisons[1].scores.truncate(2),
            "`comparisons[1].scores`: s_jsd, s_area; expected the same scores as those of the floor",
        ),
    ];
    for (edit, expected) in cases {
        let dir = fixture();
        edit_results(dir.path(), edit);
        let message = render(dir.path()).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("results.json"), "{message}");
        assert!(!message.contains('\n'));
        assert!(!dir.path().join("report.html").exists());
    }
}

#[test]
fn showers_must_fit_the_results() {
    type Edit = fn(&mut calo_metrics::results::ShowerImages);
    let cases: [(Edit, &str); 5] = [
        (|s| s.samples.truncate(2), "`samples`: 2 entries; expected 3"),
        (|s| s.samples[1].mean_mev.truncate(99), "`samples[1].mean_mev`: 99 entries; expected 27000"),
        (|s| s.samples[1].mean_mev[7] = -0.5, "`samples[1].mean_mev`: Some(-0.5)"),
        (|s| s.samples[0].showers[1].cells[0] = [30, 0, 0], "`samples[0].showers[1]`: cell Some([30, 0, 0])"),
        (
            |s| s.samples[0].showers[0].energies_mev.truncate(3),
            "`samples[0].showers[0].energies_mev`: 3 entries",
        ),
    ];
    for (edit, expected) in cases {
        let dir = fixture();
        edit_showers(dir.path(), edit);
        let results = read_results(dir.path()).unwrap();
        let message = read_showers(dir.path(), &results).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("showers.json"), "{message}");
    }
}

#[test]
fn foreign_files_are_named_in_one_line() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "EOF while parsing"),
        (b"{}", "missing field `schema_version`"),
        (b"[1, 2]", "expected"),
        (b"\x89HDF\r\n\x1a\n", "expected value"),
        (b"{\"schema_version\": 3}", "schema version 3; expected version 1 to 2"),
        (b"{\"schema_version\": -1}", "expected u64"),
        (b"{\"schema_version\": 1, \"calo_version\": \"a\\nb\"}", "missing field"),
        (b"\xff\xfe", "expected value"),
    ];
    for (bytes, expected) in cases {
        let dir = fixture();
        fs::write(dir.path().join("results.json"), bytes).unwrap();
        let message = render(dir.path()).unwrap_err().to_string();
        assert!(message.contains("results.json: ") && message.contains(expected), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
    let dir = fixture();
    fs::remove_file(dir.path().join("showers.json")).unwrap();
    assert!(render(dir.path()).unwrap_err().to_string().contains("showers.json: cannot open for reading"));
    fs::create_dir(dir.path().join("showers.json")).unwrap();
    assert!(render(dir.path()).unwrap_err().to_string().contains("showers.json: cannot read"));
}

#[test]
fn what_cannot_be_written_is_named_and_leaves_the_old_page() {
    let dir = fixture();
    fs::write(dir.path().join("figures"), "a file in the way").unwrap();
    fs::write(dir.path().join("report.html"), "old").unwrap();
    let message = render(dir.path()).unwrap_err().to_string();
    assert!(message.contains("figures: cannot create the folder"), "{message}");
    assert_eq!(fs::read_to_string(dir.path().join("report.html")).unwrap(), "old");
}

#[test]
fn results_of_version_1_read_and_look_the_same() {
    let (old, new) = (fixture(), fixture());
    fs::write(old.path().join("results.json"), VERSION_1).unwrap();
    let (of_old, of_new) = (read_results(old.path()).unwrap(), read_results(new.path()).unwrap());
    assert_eq!(of_old, of_new);
    assert_eq!(of_old.schema_version, calo_metrics::results::SCHEMA_VERSION);
    assert_eq!(page(old.path()), page(new.path()));

    // Every number of the old file is there, under its new name.
    let raw: serde_json::Value = serde_json::from_str(VERSION_1).unwrap();
    let comparisons = raw["comparisons"].as_array().unwrap().iter().zip(&of_old.comparisons);
    for (raw, comparison) in comparisons.chain([(&raw["floor"], &of_old.floor)]) {
        for id in ["s_jsd", "s_area", "fpd", "kpd", "auc"] {
            let score = comparison.score(id).unwrap();
            assert_eq!(
                (score.value, score.error),
                (raw[id]["value"].as_f64(), raw[id]["error"].as_f64()),
                "{id}"
            );
        }
        let (score, pearson) =
            (comparison.score("pearson_max_difference").unwrap(), &raw["pearson_max_difference"]);
        assert_eq!(score.value, pearson["difference"]["value"].as_f64());
        let pair: Vec<&str> =
            pearson["pair"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        assert_eq!(score.detail, pair);
    }
    let divisors = of_old.divisors.unwrap();
    let jsd: Vec<f64> = divisors.jsd.values().copied().collect();
    assert_eq!(serde_json::json!(jsd), raw["divisors"]["jsd"]);
    assert_eq!(divisors.jsd.get("radial"), raw["divisors"]["jsd"][4].as_f64());
    let ids: Vec<_> = of_old.observables.iter().map(|observable| &*observable.id).collect();
    assert_eq!(ids, ["cell_energy", "visible_energy", "n_hits", "cog_z", "radial", "longitudinal"]);
}

#[test]
fn observables_and_scores_that_this_version_does_not_know_are_drawn() {
    let dir = fixture();
    edit_results(dir.path(), |results: &mut Results| {
        let mut seventh = results.observables[3].clone();
        (seventh.id, seventh.title) = ("shower_start".into(), "Start of the shower".into());
        let mut histograms = results.distributions.iter().find(|d| d.observable == "cog_z").unwrap().clone();
        histograms.observable = "shower_start".to_owned();
        results.distributions.push(histograms);
        results.observables.push(seventh);
        let Results { floor, comparisons, .. } = results;
        for comparison in comparisons.iter_mut().chain([floor]) {
            let mut histogram = comparison.histogram("cog_z").unwrap().clone();
            histogram.observable = "shower_start".to_owned();
            comparison.histograms.push(histogram);
            let mut score = comparison.score("kpd").unwrap().clone();
            (score.id, score.label, score.value) = ("w".to_owned(), "W_all".to_owned(), Some(0.777));
            comparison.scores.push(score);
        }
    });
    let page = page(dir.path());
    for part in ["Start of the shower", "JSD start of the shower", "<i>W</i><sub>all</sub>", "0.777"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(dir.path().join("figures/shower_start.svg").is_file());
}

#[test]
fn no_observable_takes_the_name_of_another_figure() {
    let dir = fixture();
    edit_results(dir.path(), |results: &mut Results| {
        results.observables[0].id = "linearity".into();
        for distribution in &mut results.distributions {
            distribution.observable = distribution.observable.replace("cell_energy", "linearity");
        }
        let Results { floor, comparisons, .. } = results;
        for histogram in comparisons.iter_mut().chain([floor]).flat_map(|one| &mut one.histograms) {
            histogram.observable = histogram.observable.replace("cell_energy", "linearity");
        }
    });
    let message = render(dir.path()).unwrap_err().to_string();
    assert!(message.contains("`linearity`: there twice"), "{message}");
}
