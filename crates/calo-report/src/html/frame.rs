//! What all pages share: their head, the box of missing values, and figures beside each other.

use std::fmt::Write as _;

use calo_metrics::results::Gap;

use crate::plots::{Figure, Place, Section};
use crate::text::escape;

const STYLE: &str = include_str!("report.css");

/// Everything before the content.
pub(super) fn start(title: &str, calo_version: &str) -> String {
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

/// A box that names what is missing: gaps with their reasons, then observables without a histogram.
pub(super) fn gap_list(gaps: &[Gap], missing: &[&str]) -> String {
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

/// A scrolling box must be reachable by keyboard and have a name.
const SCROLLS: &str = " tabindex=\"0\" role=\"group\" aria-label=\"Drawing, scrolls sideways\"";

/// The figures of a section, small ones beside each other.
pub(super) fn grid(section: Section, figures: &[Figure]) -> String {
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
