//! The figures of a latent space: what lands on disk, what they show, and what bad input gives.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a test's report")]

use std::fs;
use std::path::Path;

use calo_report::latent::{LatentResults, read_latent};
use calo_report::render_latent;
use tempfile::TempDir;

const LATENT: &str = include_str!("../tests/fixtures/latent/latent.json");

/// Real photons in the components of a linear model (`tests/fixtures/README.md`).
fn fixture(edit: impl FnOnce(&mut LatentResults)) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut results: LatentResults = serde_json::from_str(LATENT).unwrap();
    edit(&mut results);
    fs::write(dir.path().join("latent.json"), serde_json::to_string(&results).unwrap()).unwrap();
    dir
}

fn svg(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join("figures").join(format!("{name}.svg"))).unwrap()
}

#[test]
fn every_figure_of_the_paper_is_drawn_well_formed_and_the_same_each_time() {
    let (a, b) = (fixture(|_| {}), fixture(|_| {}));
    let (first, second) = (render_latent(a.path()).unwrap(), render_latent(b.path()).unwrap());
    assert_eq!(fs::read(&first.html).unwrap(), fs::read(&second.html).unwrap());
    for (a, b) in first.figures.iter().zip(&second.figures) {
        assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap(), "{}", a.display());
    }
    let page = fs::read_to_string(&first.html).unwrap();
    for name in [
        "kld_cumulative",
        "kld",
        "correlations",
        "joint",
        "traversal_0_3d",
        "traversal_0",
        "traversal_1",
        "marginal_0",
        "marginal_1",
        "cog_z_energy",
    ] {
        let drawing = svg(a.path(), name);
        roxmltree::Document::parse(&drawing).unwrap();
        assert!(page.contains(&format!("id=\"fig-{name}\"")), "{name} is not on the page");
        assert!(first.figures.contains(&a.path().join(format!("figures/{name}.png"))), "{name}.png");
    }
    for outside in ["<script", "src=", "url(http", "NaN"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn variables_go_by_their_rank_and_figures_carry_the_numbers() {
    let dir = fixture(|_| {});
    let results = read_latent(dir.path()).unwrap();
    render_latent(dir.path()).unwrap();
    let table = svg(dir.path(), "correlations");
    for row in &results.correlations.coefficients {
        for value in row.iter().flatten() {
            let text = format!(">{value:.2}<").replace('-', "−").replace("−0.00", "0.00");
            assert!(table.contains(&text), "{text} is missing");
        }
    }
    assert!(table.contains(">z₀<") && table.contains(">z₄<") && !table.contains("z₅"));
    // The leading variable is not the encoder's first: its number stands in the caption alone.
    let leading = results.divergence.variables[0];
    assert_ne!(leading, 0);
    let page = fs::read_to_string(dir.path().join("latent.html")).unwrap();
    assert!(page.contains(&format!("(the encoder&#39;s variable {leading})")));
    let total = results.divergence.cumulative_nats.last().unwrap();
    assert!(svg(dir.path(), "kld_cumulative").contains(&format!(">{total:.1} nats<")));
}

#[test]
fn what_is_missing_is_named_and_drawn_around() {
    let dir = fixture(|results| {
        results.density = None;
        results.traversals.clear();
        results.cog_z.truncate(1);
        for marginal in &mut results.marginals {
            marginal.density = None;
        }
        results.correlations.coefficients[0].fill(None);
        results.gaps.push(calo_metrics::results::Gap {
            what: "density".into(),
            why: "all showers have 50 GeV".into(),
        });
    });
    let files = render_latent(dir.path()).unwrap();
    assert!(files.figures.iter().all(|path| !path.display().to_string().contains("traversal")));
    assert!(!svg(dir.path(), "marginal_0").contains("KDE"));
    assert!(svg(dir.path(), "correlations").contains("class=\"shade\""));
    assert!(fs::read_to_string(files.html).unwrap().contains("all showers have 50 GeV"));
}

#[test]
fn contradictions_are_one_line_with_the_field() {
    type Edit = fn(&mut LatentResults);
    let cases: [(Edit, &str); 10] = [
        (|r| r.schema_version = 1, "schema version 1; expected version 2"),
        (
            |r| r.density.as_mut().unwrap().bandwidths.truncate(11),
            "`density.bandwidths`: 11 entries; expected 12",
        ),
        (|r| r.divergence.variables[1] = r.divergence.variables[0], "`divergence.variables`"),
        (|r| r.divergence.nats[3] = -1.0, "`divergence.nats`: -1"),
        (|r| r.correlations.coefficients[2][1] = Some(1.5), "`correlations.coefficients`: Some(1.5)"),
        (|r| r.joints[1].variable = Some(12), "`joints[1].variable`: 12; expected a variable below 12"),
        (|r| r.cog_z[0].counts[3].truncate(2), "`cog_z[0].counts`: 2 entries"),
        (|r| r.joints[0].x_edges.reverse(), "`joints[0].x_edges`: do not rise"),
        (|r| r.traversals[0].points[1].cells[0][0] = 30, "`traversals[0].points[1]`: cell"),
        (|r| r.marginals[0].counts.push(1), "`marginals[0].counts`: 41 entries; expected 40"),
    ];
    for (edit, expected) in cases {
        let dir = fixture(edit);
        let message = render_latent(dir.path()).unwrap_err().to_string();
        assert!(message.contains(expected) && !message.contains('\n'), "{message}");
        assert!(!dir.path().join("figures").exists(), "{expected}: figures were drawn");
    }
    let dir = fixture(|_| {});
    fs::write(dir.path().join("latent.json"), &LATENT[..5000]).unwrap();
    let message = render_latent(dir.path()).unwrap_err().to_string();
    assert!(message.contains("a result of `calo latent`"), "{message}");
}
