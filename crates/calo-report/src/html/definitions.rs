//! What the scores mean, in a few lines each.

use std::fmt::Write as _;

use calo_metrics::results::{Divisors, Observable, Results};

use crate::html::tables;
use crate::names;
use crate::text::number;

/// Terms and their explanations, in HTML.
const TERMS: [(&str, &str); 10] = [
    (
        "JSD",
        "Jensen-Shannon distance of two normalised histograms <i>p</i>, <i>q</i> with mean <i>m</i>: \
         <span class=\"formula\">√( ½ Σ <i>p</i> ln(<i>p</i>/<i>m</i>) + ½ Σ <i>q</i> ln(<i>q</i>/<i>m</i>) )</span>, from 0 to \
         √ln 2 ≈ 0.83. Under- and overflow are a bin each; several energies make the root of the mean square.",
    ),
    (
        "<i>S</i><sub>JSD</sub>",
        "Mean of the six JSDs, each over its divisor: \
         <span class=\"formula\">⅙ Σ<sub><i>k</i></sub> JSD<sub><i>k</i></sub> / ⟨JSD<sub><i>k</i></sub>⟩</span>. The divisor is the mean over \
         everything compared, so scores of different comparisons are not comparable.",
    ),
    (
        "<i>S</i><sub>area</sub>",
        "The same recipe with the area between the normalised histograms, <span class=\"formula\">½ Σ |<i>p</i> − <i>q</i>|</span>.",
    ),
    (
        "μ<sub>90</sub>, σ<sub>90</sub>",
        "Mean and standard deviation of the visible energy inside the shortest interval that holds 90 % of the showers; their \
         errors are <span class=\"formula\">σ<sub>90</sub>/√<i>n</i></span> and <span class=\"formula\">σ<sub>90</sub>/√(2<i>n</i>)</span> with the \
         <i>n</i> showers inside.",
    ),
    (
        "Pearson difference",
        "Candidate minus reference of the linear correlation <span class=\"formula\">cov(<i>a</i>, <i>b</i>) / (σ<sub><i>a</i></sub> σ<sub><i>b</i></sub>)</span>; \
         the table gives the largest in size.",
    ),
    (
        "FPD",
        "Fréchet distance of the high-level observables, standardised with the reference and taken as Gaussian: \
         <span class=\"formula\">|Δ<i>μ</i>|² + tr(Σ₁ + Σ₂ − 2√(Σ₁Σ₂))</span>, extrapolated to infinitely many showers. It may be negative by chance.",
    ),
    (
        "KPD",
        "Kernel distance of the same observables: squared maximum mean discrepancy with a polynomial kernel. It may be negative by chance.",
    ),
    (
        "AUC",
        "Area under the ROC curve of a classifier trained to tell candidate from reference by the same observables.",
    ),
    (
        "KS, Wasserstein-1, separation power",
        "Largest difference of the cumulative distributions; area between them, in units of the axis; \
         <span class=\"formula\">½ Σ (<i>p</i> − <i>q</i>)² / (<i>p</i> + <i>q</i>)</span>, from 0 to 1.",
    ),
    (
        "Floor",
        "One half of the reference against the other. Distances fall with the number of showers, and each half has only half of them.",
    ),
];

/// Definitions, with the divisors of the scores where there are any.
pub(super) fn section(results: &Results) -> String {
    let mut section = String::from("<section id=\"definitions\">\n<h2>Definitions</h2>\n<dl>\n");
    for (term, meaning) in TERMS {
        let _ = writeln!(section, "<div><dt>{term}</dt><dd>{meaning}</dd></div>");
    }
    section.push_str("</dl>\n");
    if let Some(divisors) = &results.divisors {
        section.push_str(&self::divisors(divisors));
    }
    section.push_str("</section>\n");
    section
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
    for (i, observable) in Observable::ALL.into_iter().enumerate() {
        let jsd = number(divisors.jsd[i], 4);
        let area = divisors.area_difference.map_or_else(|| "—".to_owned(), |areas| number(areas[i], 4));
        let _ = writeln!(
            section,
            "<tr><th scope=\"row\">{}</th><td>{jsd}</td><td>{area}</td></tr>",
            names::of(observable).title
        );
    }
    tables::close(&mut section);
    section
}
