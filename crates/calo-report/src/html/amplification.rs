//! The page of what samples are worth: factors, figures, bandwidths and bins.

use std::fmt::Write as _;

use calo_metrics::results::Estimate;

use crate::amplification::{Amplification, AmplifiedObservable, AmplifiedSample, SampleKind};
use crate::html::frame::{gap_list, grid, start};
use crate::html::tables;
use crate::plots::{Figure, Section};
use crate::text::{escape, estimate};

const INTRODUCTION: &str = "The truth is split into quantiles, bins of equal share. A sample is worth as many independent \
    showers as have its divergence on average, at the largest power of two of quantiles that still has ten of them a bin. \
    The table has that number over the size of the training set.";

/// The whole document.
pub(crate) fn page(amplification: &Amplification, figures: &[Figure]) -> String {
    let detector = escape(&amplification.detector.name);
    let mut page =
        start(&format!("{}: amplification", amplification.detector.name), &amplification.calo_version);
    let truth = match amplification.n_truth {
        Some(n) => format!("{n} showers"),
        None => "a formula".to_owned(),
    };
    let _ = writeln!(
        page,
        "<header>\n<h1>How many showers is a sample worth?</h1>\n<p class=\"lead\">Showers in <b>{detector}</b>: truth {truth}, \
         independent {}.</p>\n</header>\n<section id=\"factors\">\n<h2>Factors</h2>\n<p>{INTRODUCTION}</p>",
        amplification.n_independent
    );
    page.push_str(&gap_list(&amplification.gaps, &[]));
    factors(&mut page, amplification);
    page.push_str(
        "<p class=\"note\">In brackets: one error down and up, and the number of quantiles. * rests on more \
         or fewer independent showers than there were. ∞: no further from the truth than the truth's own fluctuations make.</p>\n",
    );
    page.push_str("</section>\n<section id=\"quantiles\">\n<h2>Generated showers</h2>\n");
    page.push_str(&grid(Section::Quantiles, figures));
    if figures.iter().any(|figure| figure.section == Section::Distributions) {
        page.push_str("</section>\n<section id=\"distributions\">\n<h2>Distributions</h2>\n");
        page.push_str(&grid(Section::Distributions, figures));
    }
    if figures.iter().any(|figure| figure.section == Section::Estimators) {
        page.push_str("</section>\n<section id=\"estimators\">\n<h2>Density estimators</h2>\n");
        page.push_str(&grid(Section::Estimators, figures));
        settings(&mut page, amplification);
    }
    let mut origin = String::new();
    for input in &amplification.inputs {
        let _ = write!(
            origin,
            "<li>{}: <code>{}</code>, <code class=\"hash\">{}</code></li>",
            escape(&input.sample),
            escape(&input.path),
            escape(&input.blake3)
        );
    }
    if !origin.is_empty() {
        origin = format!("<ul>{origin}</ul>\n");
    }
    let seed = amplification.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
    let holdout =
        amplification.holdout.map(|share| format!(", a share of {share} of the reference held out"));
    let _ = writeln!(
        page,
        "</section>\n<section id=\"provenance\">\n<h2>Provenance</h2>\n{origin}<p>calo {}, schema {}{seed}{}. All numbers are in \
         <code>amplification.json</code>, every figure as SVG and PNG in <code>figures/</code>, next to this page.</p>\n\
         </section>\n</main>\n</body>\n</html>",
        escape(&amplification.calo_version),
        amplification.schema_version,
        holdout.unwrap_or_default()
    );
    page
}

/// Head of a table with a column for each of `samples`.
fn head(page: &mut String, title: &str, samples: &[&AmplifiedSample]) {
    tables::open(page, title);
    page.push_str("<thead><tr><th scope=\"col\"></th>");
    for sample in samples {
        let _ = write!(page, "<th scope=\"col\">{}</th>", escape(&sample.name));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
}

fn factors(page: &mut String, amplification: &Amplification) {
    let samples: Vec<&AmplifiedSample> = amplification.samples.iter().collect();
    head(page, "Factors", &samples);
    let sizes = samples.iter().map(|sample| format!("<td>{} / {}</td>", sample.n_showers, sample.n_train));
    let _ = writeln!(
        page,
        "<tr><th scope=\"row\">Showers, and of the training set</th>{}</tr>",
        sizes.collect::<String>()
    );
    for observable in &amplification.observables {
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", escape(&observable.label));
        for index in 0..samples.len() {
            let curve = observable.curves.iter().find(|curve| curve.sample == index);
            let factor = curve.and_then(|curve| curve.factor);
            let _ = write!(
                page,
                "<td>{}</td>",
                factor.map_or_else(|| tables::NONE.to_owned(), |factor| factor.to_string())
            );
        }
        page.push_str("</tr>\n");
    }
    tables::close(page);
}

/// Bandwidths and numbers of bins: the paper's table 1.
fn settings(page: &mut String, amplification: &Amplification) {
    let is_estimator =
        |sample: &&AmplifiedSample| matches!(sample.kind, SampleKind::Kde | SampleKind::Histogram);
    let samples: Vec<&AmplifiedSample> = amplification.samples.iter().filter(is_estimator).collect();
    page.push_str("<h3>Bandwidths in standard deviations, and numbers of bins</h3>\n");
    head(page, "Bandwidths and bins", &samples);
    for observable in &amplification.observables {
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", escape(&observable.label));
        for sample in &samples {
            let _ = write!(page, "<td>{}</td>", settings_of(amplification, observable, sample));
        }
        page.push_str("</tr>\n");
    }
    tables::close(page);
}

fn settings_of(
    amplification: &Amplification,
    observable: &AmplifiedObservable,
    sample: &AmplifiedSample,
) -> String {
    let is_its = |index: usize| std::ptr::eq(&raw const amplification.samples[index], sample);
    let curve = observable.curves.iter().find(|curve| is_its(curve.sample));
    // Numbers of bins of one training set are whole.
    let shown = |setting: &Estimate| match setting {
        Estimate { value, error: None } if value.fract() == 0.0 => value.to_string(),
        setting => estimate(setting),
    };
    match curve.map(|curve| curve.settings.iter().map(shown).collect::<Vec<_>>()) {
        Some(settings) if !settings.is_empty() => settings.join(" × "),
        _ => tables::NONE.to_owned(),
    }
}
