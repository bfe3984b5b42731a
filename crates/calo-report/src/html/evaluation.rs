//! The page of an evaluation: scores, figures of the observables, correlations and showers.

use std::fmt::Write as _;

use calo_metrics::results::Results;

use crate::html::frame::{gap_list, grid, start};
use crate::html::{definitions, splits, tables};
use crate::plots::{Figure, Section};
use crate::text::{escape, number, plain};

/// The whole document.
pub(crate) fn page(results: &Results, figures: &[Figure]) -> String {
    let title = format!("{}: comparison with {}", results.detector.name, results.samples[0].name);
    let mut page = start(&title, &results.calo_version);
    page.push_str(&head(results));
    page.push_str(&gaps(results));
    page.push_str(&tables::headline(results));
    page.push_str(&splits::section(results));
    let sections = [
        (Section::Distributions, "Distributions", DISTRIBUTIONS),
        (Section::Response, "Linearity and resolution", RESPONSE),
        (Section::Correlations, "Correlations", CORRELATIONS),
        (Section::Showers, "Showers", SHOWERS),
    ];
    for (section, heading, introduction) in sections {
        let id = heading.split(' ').next().unwrap_or(heading).to_lowercase();
        let _ = writeln!(page, "<section id=\"{id}\">\n<h2>{heading}</h2>\n<p>{introduction}</p>");
        page.push_str(&grid(section, figures));
        match section {
            Section::Distributions => page.push_str(&tables::distances(results)),
            Section::Response => page.push_str(&tables::linearity(results)),
            _ => {}
        }
        page.push_str("</section>\n");
    }
    page.push_str(&definitions::section(results));
    page.push_str(&tables::provenance(results));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

const DISTRIBUTIONS: &str = "The reference is the grey area, candidates are lines with a band of one standard error. \
    Below each is the ratio to the reference; there neighbouring bins are joined until the reference's own error, \
    the grey band, is at most 20 %, bars are the candidate's error, and a triangle at the edge marks a point beyond it.";
const RESPONSE: &str = "Mean and relative width of the visible energy at fixed incident energies.";
const CORRELATIONS: &str = "Pearson correlations of the high-level observables: first and second moments \
    (<i>m</i><sub>1</sub>, <i>m</i><sub>2</sub>) along each axis, visible and incident energy, number of hits, and the share of \
    the energy in each third of the depth. Blue is negative, red positive.";
const SHOWERS: &str = "The average over the full spectrum, and single events.";

/// Title, what was compared, and links to each part.
fn head(results: &Results) -> String {
    let detector = &results.detector;
    let [layers, nx, ny] = detector.grid;
    let names: Vec<_> =
        results.samples.iter().skip(1).map(|sample| format!("<b>{}</b>", escape(&sample.name))).collect();
    let compared = if names.is_empty() { "no candidate".to_owned() } else { names.join(", ") };
    format!(
        "<header>\n<h1>How well is <span>{}</span> imitated?</h1>\n<p class=\"lead\">{compared} against the reference \
         <b>{reference}</b>, in {detector} ({layers} layers of {nx} × {ny} cells of {dx} × {dy} mm, cells above {cut} MeV).</p>\n\
         <nav aria-label=\"Parts of this page\"><a href=\"#scores\">Scores</a> <a href=\"#distributions\">Distributions</a> \
         <a href=\"#linearity\">Linearity</a> <a href=\"#correlations\">Correlations</a> <a href=\"#showers\">Showers</a> \
         <a href=\"#definitions\">Definitions</a> <a href=\"#provenance\">Provenance</a></nav>\n</header>\n",
        escape(&results.samples[0].name),
        reference = escape(&results.samples[0].name),
        detector = escape(&detector.name),
        dx = plain(detector.cell_size_mm[0]),
        dy = plain(detector.cell_size_mm[1]),
        cut = number(detector.cell_cut_mev, 2),
    )
}

/// What is missing; it stands before the numbers.
fn gaps(results: &Results) -> String {
    gap_list(&results.gaps, &tables::missing_observables(results))
}
