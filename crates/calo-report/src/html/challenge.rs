//! The page of an evaluation on layers of voxels: scores, ranking, separation powers, histograms.

use std::fmt::Write as _;

use calo_metrics::challenge::CHALLENGE_SCORES;
use calo_metrics::ranking;
use calo_metrics::results::Score;
use calo_metrics::results::challenge::{ChallengeComparison, ChallengeResults};

use crate::html::frame::{gap_list, grid, start};
use crate::html::{definitions, tables};
use crate::plots::{Figure, Section};
use crate::text::{escape, number};

const SEPARATION: &str =
    "The separation power of each layer's histogram, 0 where they agree and 1 where they share no bin.";
const DISTRIBUTIONS: &str = "The reference is the grey area, candidates are lines; each histogram is normalised to one inside \
    its axis. Below each is the ratio to the reference; there neighbouring bins are joined until the reference's own error, the \
    grey band, is at most 20 %.";
const LAYERS: &str =
    "The same of single layers, some of them where there are many. All are in <code>results.json</code>.";

/// The whole document.
pub(crate) fn page(results: &ChallengeResults, figures: &[Figure]) -> String {
    let title = format!("{}: comparison with {}", results.detector.name, results.samples[0].name);
    let mut page = start(&title, &results.calo_version);
    page.push_str(&head(results));
    page.push_str(&gap_list(&results.gaps, &[]));
    page.push_str(&scores(results));
    page.push_str(&ranked(results));
    for (section, id, heading, introduction) in [
        (Section::Separation, "separation", "Separation powers", SEPARATION),
        (Section::Distributions, "distributions", "Distributions", DISTRIBUTIONS),
        (Section::Layers, "layers", "Layers", LAYERS),
    ] {
        let _ = writeln!(page, "<section id=\"{id}\">\n<h2>{heading}</h2>\n<p>{introduction}</p>");
        page.push_str(&grid(section, figures));
        page.push_str("</section>\n");
    }
    page.push_str(&meanings());
    page.push_str(&provenance(results));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn head(results: &ChallengeResults) -> String {
    let names: Vec<_> =
        results.samples.iter().skip(1).map(|sample| format!("<b>{}</b>", escape(&sample.name))).collect();
    format!(
        "<header>\n<h1>How well is <span>{reference}</span> imitated?</h1>\n<p class=\"lead\">{} against the reference \
         <b>{reference}</b>, in {} ({} voxels in {} layers, those below {} MeV taken as empty).</p>\n\
         <nav aria-label=\"Parts of this page\"><a href=\"#scores\">Scores</a> <a href=\"#separation\">Separation powers</a> \
         <a href=\"#distributions\">Distributions</a> <a href=\"#layers\">Layers</a> <a href=\"#definitions\">Definitions</a> \
         <a href=\"#provenance\">Provenance</a></nav>\n</header>\n",
        names.join(", "),
        escape(&results.detector.name),
        results.detector.n_voxels,
        results.detector.layer_ids.len(),
        number(results.detector.cell_cut_mev, 3),
        reference = escape(&results.samples[0].name),
    )
}

/// The scores of every candidate beside the floor.
fn scores(results: &ChallengeResults) -> String {
    let mut table = String::from(
        "<section id=\"scores\">\n<h2>Scores</h2>\n<p>The floor compares showers of even with showers of odd number of the \
         reference: no imitation can be expected to score better with this many showers.</p>\n",
    );
    let all = || std::iter::once(&results.floor).chain(&results.comparisons);
    let row = |table: &mut String, label: &str, cell: &dyn Fn(&ChallengeComparison) -> String| {
        let _ = write!(table, "<tr><th scope=\"row\">{label}</th>");
        for (index, comparison) in all().enumerate() {
            let class = if index == 0 { " class=\"floor\"" } else { "" };
            let _ = write!(table, "<td{class}>{}</td>", cell(comparison));
        }
        table.push_str("</tr>\n");
    };
    tables::open(&mut table, "Scores");
    table.push_str("<thead><tr><th scope=\"col\"></th>");
    for comparison in all() {
        let _ = write!(table, "<th scope=\"col\">{}</th>", escape(&comparison.name));
    }
    table.push_str("</tr></thead>\n<tbody>\n");
    row(&mut table, "Showers, reference and candidate", &|comparison| {
        format!("{} / {}", comparison.n_showers[0], comparison.n_showers[1])
    });
    for score in &results.floor.scores {
        row(&mut table, &tables::score_label(&score.label), &|comparison| {
            tables::score_cell(comparison.score(&score.id))
        });
    }
    tables::close(&mut table);
    let kept = results.kept;
    let _ = writeln!(
        table,
        "<p class=\"note\">AUC: 0.5 is indistinguishable, 1 told apart always. FPD, KPD, separation power: 0 is identical; \
         published FPD are 1000 times those with replacement. Precision, recall, density, coverage: 1 is right. ± is one \
         standard error. Of larger samples, evenly spread showers are used: at most {} for FPD and KPD, {} for trees, {} for \
         precision, recall, density and coverage.</p>\n</section>",
        kept.distances, kept.trees, kept.neighbours
    );
    table
}

/// Several candidates in order.
fn ranked(results: &ChallengeResults) -> String {
    if results.comparisons.len() < 2 {
        return String::new();
    }
    let scores: Vec<&[Score]> = results.comparisons.iter().map(|found| found.scores.as_slice()).collect();
    let ranking = ranking(&scores);
    let Some(by) = ranking.by else { return String::new() };
    let mut list = format!("<section id=\"ranking\">\n<h2>Ranking</h2>\n<p>By {}.</p>\n<ol>\n", escape(&by));
    for index in ranking.order {
        let comparison = &results.comparisons[index];
        let score = comparison.scores.iter().find(|score| score.label == by);
        let _ = writeln!(list, "<li>{}: {}</li>", escape(&comparison.name), tables::score_cell(score));
    }
    list.push_str("</ol>\n</section>\n");
    list
}

fn meanings() -> String {
    let mut section = String::from("<section id=\"definitions\">\n<h2>Definitions</h2>\n<dl>\n");
    for kind in &CHALLENGE_SCORES {
        let (label, meaning) = (tables::score_label(kind.label), definitions::with_formulas(kind.definition));
        let _ = writeln!(section, "<div><dt>{label}</dt><dd>{meaning}</dd></div>");
    }
    section.push_str("</dl>\n</section>\n");
    section
}

fn provenance(results: &ChallengeResults) -> String {
    format!(
        "<section id=\"provenance\">\n<h2>Provenance</h2>\n{}<p>calo {}, schema {} of {}, seed {}. All numbers are in \
         <code>results.json</code>, every figure as SVG and PNG in <code>figures/</code>, next to this page.</p>\n</section>\n",
        tables::samples(&results.samples),
        escape(&results.calo_version),
        results.schema_version,
        escape(&results.kind),
        results.seed,
    )
}
