//! What the scores mean, in a few lines each.

use std::fmt::Write as _;

use calo_metrics::results::{Divisors, Results};
use calo_metrics::{SCORES, observable_info};

use crate::html::tables;
use crate::text::{escape, number};

/// A term of the page and its explanation, in HTML.
struct Term {
    term: &'static str,
    meaning: &'static str,
}

/// What scores are made of.
const JSD: Term = Term {
    term: "JSD",
    meaning: "Jensen-Shannon distance of two normalised histograms <i>p</i>, <i>q</i> with mean <i>m</i>: \
     <span class=\"formula\">√( ½ Σ <i>p</i> ln(<i>p</i>/<i>m</i>) + ½ Σ <i>q</i> ln(<i>q</i>/<i>m</i>) )</span>, from 0 to \
     √ln 2 ≈ 0.83. Under- and overflow are a bin each; several energies make the root of the mean square.",
};

/// Other terms of the page.
const TERMS: [Term; 3] = [
    Term {
        term: "μ<sub>90</sub>, σ<sub>90</sub>",
        meaning: "Mean and standard deviation of the visible energy inside the shortest interval that holds 90 % of the showers; their \
         errors are <span class=\"formula\">σ<sub>90</sub>/√<i>n</i></span> and <span class=\"formula\">σ<sub>90</sub>/√(2<i>n</i>)</span> with the \
         <i>n</i> showers inside.",
    },
    Term {
        term: "KS, Wasserstein-1, separation power",
        meaning: "Largest difference of the cumulative distributions; area between them, in units of the axis; \
         <span class=\"formula\">½ Σ (<i>p</i> − <i>q</i>)² / (<i>p</i> + <i>q</i>)</span>, from 0 to 1.",
    },
    Term {
        term: "Floor",
        meaning: "One half of the reference against the other. Distances fall with the number of showers, and each half has only half of them.",
    },
];

/// Definitions, with the divisors of the scores where there are any.
pub(super) fn section(results: &Results) -> String {
    let mut section = String::from("<section id=\"definitions\">\n<h2>Definitions</h2>\n<dl>\n");
    let mut define = |term: &str, meaning: &str| {
        let _ = writeln!(section, "<div><dt>{term}</dt><dd>{meaning}</dd></div>");
    };
    define(JSD.term, JSD.meaning);
    for kind in &SCORES {
        if results.floor.score(kind.id).is_some() {
            define(&tables::score_label(kind.label), &with_formulas(kind.definition));
        }
    }
    for Term { term, meaning } in TERMS {
        define(term, meaning);
    }
    section.push_str("</dl>\n");
    if let Some(divisors) = &results.divisors {
        section.push_str(&self::divisors(divisors));
    }
    section.push_str("</section>\n");
    section
}

/// Text in HTML, what stands between backticks as formulas.
pub(super) fn with_formulas(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(i, part)| match i % 2 {
        0 => escape(part),
        _ => format!("<span class=\"formula\">{}</span>", escape(part)),
    });
    parts.collect()
}

/// The divisors of the scores as a table.
pub(super) fn divisors(divisors: &Divisors) -> String {
    let mut section = String::new();
    let origin = match divisors.n_comparisons {
        0 => "They were given.".to_owned(),
        n => format!("They are means over {n} comparisons."),
    };
    let _ = writeln!(section, "<h3>Divisors of the scores</h3>\n<p>{origin}</p>");
    tables::open(&mut section, "Divisors");
    section.push_str(
        "<thead><tr><th scope=\"col\">histogram</th><th scope=\"col\">JSD</th><th scope=\"col\">area difference</th></tr></thead>\n<tbody>\n",
    );
    for (id, jsd) in divisors.jsd.iter() {
        let title = observable_info(id).map_or(id, |info| &info.title);
        let area = divisors.area_difference.as_ref().and_then(|areas| areas.get(id));
        let _ = writeln!(
            section,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            escape(title),
            number(jsd, 4),
            area.map_or_else(|| "—".to_owned(), |area| number(area, 4))
        );
    }
    tables::close(&mut section);
    section
}
