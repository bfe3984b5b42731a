//! The page: one file without script, network or font, for a screen, a phone and paper.

mod definitions;
mod latent;
mod selection;
mod splits;
mod tables;

use std::fmt::Write as _;

use calo_metrics::results::{Gap, Results};

pub(crate) use latent::page as latent_page;
pub(crate) use selection::page as selection_page;

use crate::plots::{Figure, Place, Section};
use crate::text::{escape, number, plain};

const STYLE: &str = include_str!("html/report.css");

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
    Below each stands the ratio to the reference; there neighbouring bins are joined until the reference's own error, \
    the grey band, is at most 20 %, bars are the candidate's error, and a triangle at the edge marks a point beyond it.";
const RESPONSE: &str = "Mean and relative width of the visible energy at fixed incident energies.";
const CORRELATIONS: &str = "Pearson correlations of the high-level observables: first and second moments \
    (<i>m</i><sub>1</sub>, <i>m</i><sub>2</sub>) along each axis, visible and incident energy, number of hits, and the share of \
    the energy in each third of the depth. Blue is negative, red positive.";
const SHOWERS: &str = "The average over the full spectrum, and single events.";

/// Everything before the content.
fn start(title: &str, calo_version: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"calo {}\">\n<title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(calo_version),
        escape(title)
    )
}

/// Title, what was compared, and the way to each part.
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

/// What is missing, before anyone reads a number.
fn gaps(results: &Results) -> String {
    gap_list(&results.gaps, &tables::missing_observables(results))
}

/// A box that names what is missing: gaps with their reasons, then observables without a histogram.
fn gap_list(gaps: &[Gap], missing: &[&str]) -> String {
    if gaps.is_empty() && missing.is_empty() {
        return String::new();
    }
    let mut list =
        String::from("<section class=\"gaps\" aria-label=\"Gaps\">\n<h2>What is missing</h2>\n<ul>\n");
    for gap in gaps {
        let _ = writeln!(list, "<li><b>{}</b>: {}</li>", escape(&gap.what), escape(&gap.why));
    }
    for what in missing {
        let _ = writeln!(list, "<li><b>{}</b>: no histogram in the results</li>", escape(what));
    }
    list.push_str("</ul>\n</section>\n");
    list
}

/// What scrolls must be reachable by keyboard, and say what it is.
const SCROLLS: &str = " tabindex=\"0\" role=\"group\" aria-label=\"Drawing, scrolls sideways\"";

/// The figures of a section, small ones beside each other.
fn grid(section: Section, figures: &[Figure]) -> String {
    let mut grid = String::from("<div class=\"figures\">\n");
    let mut any = false;
    for figure in figures.iter().filter(|figure| figure.section == section) {
        any = true;
        let scrolls = figure.place == Place::Wide || section == Section::Correlations;
        let class = match figure.place {
            Place::Half => "",
            Place::Alone => " class=\"alone\"",
            Place::Wide => " class=\"wide\"",
        };
        let _ = writeln!(
            grid,
            "<figure{class}>\n<div class=\"drawing\"{}>\n{}</div>\n<figcaption>{}</figcaption>\n</figure>",
            if scrolls { SCROLLS } else { "" },
            figure.svg,
            escape(&figure.caption)
        );
    }
    grid.push_str("</div>\n");
    if any {
        grid
    } else {
        "<p class=\"none\">Nothing to show: the results hold no data for this part.</p>\n".to_owned()
    }
}
