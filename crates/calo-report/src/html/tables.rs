//! Tables: scores, all distances, linearity, provenance.

use std::fmt::Write as _;

use calo_metrics::results::{Comparison, EnergySource, ObservableInfo, Results, SampleInfo, Score};

use crate::text::{escape, estimate, fixed, number, plain};

/// Where there is no number.
pub(super) const NONE: &str = "<span class=\"none\">—</span>";

/// Observables without a single histogram.
pub(super) fn missing_observables(results: &Results) -> Vec<&str> {
    let has = |o: &&ObservableInfo| results.distributions.iter().any(|d| d.observable == o.id);
    results.observables.iter().filter(|o| !has(o)).map(|o| &*o.title).collect()
}

/// The scores of every candidate beside the floor.
pub(super) fn headline(results: &Results) -> String {
    let floor = &results.floor;
    let mut table = String::from(
        "<section id=\"scores\">\n<h2>Scores</h2>\n<p>The floor is one half of the reference against the other: no imitation \
         can be expected to score better with this many showers. Small figures say how many times the floor a distance is.</p>\n",
    );
    open(&mut table, "Scores");
    table.push_str("<thead><tr><th scope=\"col\"></th>");
    for comparison in std::iter::once(floor).chain(&results.comparisons) {
        let _ = write!(table, "<th scope=\"col\">{}</th>", escape(&comparison.name));
    }
    table.push_str("</tr></thead>\n<tbody>\n");
    row(&mut table, "Showers, reference and candidate", results, |c, _| {
        format!("{} / {}", c.n_showers[0], c.n_showers[1])
    });
    for observable in &results.observables {
        let label = format!("JSD {}", escape(&observable.title.to_lowercase()));
        let base = floor.histogram(&observable.id).map(|h| h.jsd.value);
        row(&mut table, &label, results, |c, is_floor| {
            let Some(found) = c.histogram(&observable.id) else { return NONE.to_owned() };
            let times = base.filter(|base| !is_floor && *base > 0.0).map(|base| found.jsd.value / base);
            let times = times.map(|t| format!(" <small>{} ×</small>", number(t, 2)));
            format!("{}{}", estimate(&found.jsd), times.unwrap_or_default())
        });
    }
    for score in &floor.scores {
        row(&mut table, &score_label(&score.label), results, |c, _| score_cell(c.score(&score.id)));
    }
    close(&mut table);
    table.push_str(
        "<p class=\"note\">JSD, FPD, KPD: smaller is better, 0 is identical. AUC: 0.5 is indistinguishable, 1 told apart always. \
         <i>S</i> scores compare candidates of this page only. ± is one standard error.</p>\n</section>\n",
    );
    table
}

/// A score with its error, and what it belongs to.
pub(super) fn score_cell(score: Option<&Score>) -> String {
    match score.and_then(|score| Some((score, score.estimate()?))) {
        None => NONE.to_owned(),
        Some((score, value)) if score.detail.is_empty() => estimate(&value),
        Some((score, value)) => {
            format!("{} <small>{}</small>", estimate(&value), escape(&score.detail.join(", ")))
        }
    }
}

/// A score's label in HTML: `X_name` as an X with an index, others with a capital.
pub(super) fn score_label(label: &str) -> String {
    match label.split_once('_') {
        Some((letter, index)) if letter.chars().count() == 1 => {
            format!("<i>{}</i><sub>{}</sub>", escape(letter), escape(index))
        }
        _ => {
            let mut letters = label.chars();
            let capital = letters.next().map(|first| first.to_uppercase().to_string());
            escape(&format!("{}{}", capital.unwrap_or_default(), letters.as_str()))
        }
    }
}

/// One row over the floor and all candidates.
fn row(table: &mut String, label: &str, results: &Results, cell: impl Fn(&Comparison, bool) -> String) {
    let _ = write!(
        table,
        "<tr><th scope=\"row\">{label}</th><td class=\"floor\">{}</td>",
        cell(&results.floor, true)
    );
    for comparison in &results.comparisons {
        let _ = write!(table, "<td>{}</td>", cell(comparison, false));
    }
    table.push_str("</tr>\n");
}

/// Every distance between every pair of histograms, folded away.
pub(super) fn distances(results: &Results) -> String {
    let mut table = String::from("<details>\n<summary>All distances between the histograms</summary>\n");
    open(&mut table, "All distances");
    table.push_str(
        "<thead><tr><th scope=\"col\">histogram</th><th scope=\"col\">sample</th><th scope=\"col\">JSD</th>\
         <th scope=\"col\">area difference</th><th scope=\"col\">χ² / dof</th><th scope=\"col\">KS</th>\
         <th scope=\"col\">Wasserstein-1</th><th scope=\"col\">separation power</th></tr></thead>\n<tbody>\n",
    );
    for observable in &results.observables {
        let (title, unit) = (escape(&observable.title), escape(&observable.unit));
        for comparison in std::iter::once(&results.floor).chain(&results.comparisons) {
            let name = escape(&comparison.name);
            let Some(found) = comparison.histogram(&observable.id) else {
                let _ = writeln!(
                    table,
                    "<tr><th scope=\"row\">{title}</th><td>{name}</td><td colspan=\"6\" class=\"none\">not compared</td></tr>"
                );
                continue;
            };
            for part in &found.parts {
                let at = part.energy_gev.map(|e| format!(", {} GeV", plain(e))).unwrap_or_default();
                let _ = writeln!(
                    table,
                    "<tr><th scope=\"row\">{title}{at}</th><td>{name}</td><td>{}</td><td>{}</td><td>({}) / {}</td><td>{}</td><td>({}) {unit}</td><td>{}</td></tr>",
                    estimate(&part.jsd),
                    estimate(&part.area_difference),
                    estimate(&part.chi2),
                    part.chi2_dof,
                    estimate(&part.ks),
                    estimate(&part.wasserstein1),
                    estimate(&part.separation_power),
                );
            }
            if found.parts.len() > 1 {
                let _ = writeln!(
                    table,
                    "<tr><th scope=\"row\">{title}, together</th><td>{name}</td><td>{}</td><td>{}</td><td colspan=\"4\"></td></tr>",
                    estimate(&found.jsd),
                    estimate(&found.area_difference)
                );
            }
        }
    }
    close(&mut table);
    table.push_str("</details>\n");
    table
}

/// Mean and width at each energy.
pub(super) fn linearity(results: &Results) -> String {
    if results.linearity.is_empty() {
        return String::new();
    }
    let mut points: Vec<_> = results.linearity.iter().collect();
    points.sort_by(|a, b| a.energy_gev.total_cmp(&b.energy_gev).then(a.sample.cmp(&b.sample)));
    let mut table = String::new();
    open(&mut table, "Linearity and resolution");
    table.push_str(
        "<thead><tr><th scope=\"col\">incident energy</th><th scope=\"col\">sample</th><th scope=\"col\">μ<sub>90</sub> [MeV]</th>\
         <th scope=\"col\">offset</th><th scope=\"col\">σ<sub>90</sub> [MeV]</th><th scope=\"col\">σ<sub>90</sub> / μ<sub>90</sub></th>\
         <th scope=\"col\">offset</th><th scope=\"col\">showers</th></tr></thead>\n<tbody>\n",
    );
    for point in &points {
        let same = |other: &&&_| {
            let other: &calo_metrics::results::LinearityPoint = other;
            other.sample == 0 && other.energy_gev.total_cmp(&point.energy_gev).is_eq()
        };
        let reference = points.iter().find(same).filter(|_| point.sample != 0);
        let offset = |quantity: fn(&calo_metrics::results::LinearityPoint) -> f64| {
            let base = reference.map(|r| quantity(r)).filter(|base| base.abs() > 0.0);
            base.map_or_else(String::new, |base| {
                format!("{} %", fixed(100.0 * (quantity(point) / base - 1.0), 2))
            })
        };
        let source = match point.source {
            EnergySource::FixedEnergyFile => "",
            EnergySource::Window => " <small>window</small>",
        };
        let _ = writeln!(
            table,
            "<tr><th scope=\"row\">{} GeV</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}{source}</td></tr>",
            plain(point.energy_gev),
            escape(&results.samples[point.sample].name),
            estimate(&point.mu90_mev),
            offset(|p| p.mu90_mev.value),
            estimate(&point.sigma90_mev),
            estimate(&point.resolution),
            offset(|p| p.resolution.value),
            point.n_showers,
        );
    }
    close(&mut table);
    table
}

/// Where the numbers come from.
pub(super) fn provenance(results: &Results) -> String {
    let mut table = String::from("<section id=\"provenance\">\n<h2>Provenance</h2>\n");
    table.push_str(&samples(&results.samples));
    let _ = writeln!(
        table,
        "<p>calo {}, results schema {}, seed {}, detector {}: 1 MIP = {} MeV, cell cut {} MeV. All numbers are in \
         <code>results.json</code>, every figure as SVG and PNG in <code>figures/</code>, next to this page.</p>\n</section>",
        escape(&results.calo_version),
        results.schema_version,
        results.seed,
        escape(&results.detector.name),
        plain(results.detector.mip_mev),
        plain(results.detector.cell_cut_mev),
    );
    table
}

/// Every sample with its files.
pub(super) fn samples(samples: &[SampleInfo]) -> String {
    let mut table = String::new();
    open(&mut table, "Samples and files");
    table.push_str(
        "<thead><tr><th scope=\"col\">sample</th><th scope=\"col\">showers</th><th scope=\"col\">incident energy</th>\
         <th scope=\"col\">mean visible energy</th><th scope=\"col\">files, with their BLAKE3 hashes</th></tr></thead>\n<tbody>\n",
    );
    for sample in samples {
        let [low, high] = sample.energy_range_gev;
        let _ = write!(
            table,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{} to {} GeV</td><td>{} MeV</td><td class=\"files\">",
            escape(&sample.name),
            sample.n_showers,
            plain(low),
            plain(high),
            plain(sample.mean_visible_energy_mev)
        );
        for file in &sample.files {
            let what =
                file.energy_gev.map_or_else(|| "full spectrum".to_owned(), |e| format!("{} GeV", plain(e)));
            let (path, hash) = (escape(&file.path), escape(&file.blake3));
            let _ = write!(
                table,
                "<div><code>{path}</code> ({what})<br><code class=\"hash\">{hash}</code></div>"
            );
        }
        table.push_str("</td></tr>\n");
    }
    close(&mut table);
    table
}

/// A table in a box that scrolls by itself, reachable by keyboard.
pub(super) fn open(table: &mut String, label: &str) {
    let _ = writeln!(
        table,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{label}\">\n<table>"
    );
}

/// Ends what [`open`] began.
pub(super) fn close(table: &mut String) {
    table.push_str("</tbody>\n</table>\n</div>\n");
}
