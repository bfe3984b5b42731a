//! Tables of the validation, and their place in `docs/simulation.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::measure::Outcome;
use super::row::{Compared, HistogramRow, Number, Row};
use crate::bench::machine;

/// Figures of the reports that the page shows, for each beam.
pub(crate) const FIGURES: [&str; 9] = [
    "cell_energy",
    "visible_energy",
    "n_hits",
    "cog_z",
    "radial",
    "longitudinal",
    "linearity",
    "resolution",
    "shower_2",
];

const BEGIN: &str = "<!-- begin: written by cargo xtask validate-sim -->\n";
const END: &str = "<!-- end: written by cargo xtask validate-sim -->";

/// Everything measured of one beam, in Markdown.
pub(crate) fn beam(outcome: &Outcome) -> String {
    let beam = outcome.beam;
    let [reference, ours] = outcome.n_showers;
    let mut text = format!(
        "### {}\n\n`{}` in `{}`, {} GeV: {ours} showers against Geant4's {reference}.\n\n",
        capitalised(beam.name),
        beam.particle,
        beam.detector,
        beam.spectrum.energy
    );
    text.push_str(
        "| histogram | showers a side | JSD | floor | excess | limit | |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in &outcome.histograms {
        histogram(&mut text, row);
    }
    text.push_str(
        "\n| what | Geant4 | calo-sim | compared | limit | |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for row in &outcome.rows {
        requirement(&mut text, row);
    }
    if let Some(speed) = outcome.speed {
        let (cpu_s, geant4_s) =
            (speed.wall_s * speed.threads as f64 / speed.n_showers as f64, beam.geant4_cpu_s);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\nSpeed: {} showers in {:.1} s on {} threads, start and file included: at most {cpu_s:.4} s of CPU time a shower, \
             {:.0} times less than Geant4's {geant4_s} s.\n",
            speed.n_showers,
            speed.wall_s,
            speed.threads,
            geant4_s / cpu_s
        );
    }
    text
}

fn histogram(text: &mut String, row: &HistogramRow) {
    let limit = row.limit.map_or_else(String::new, |limit| format!("{limit:.2}"));
    let [jsd, floor, excess] = [row.jsd, row.floor, row.excess].map(|number| plus_minus(number, 4));
    let (n, verdict) = (row.n_showers, verdict(row.met()));
    let _ = writeln!(text, "| {} | {n} | {jsd} | {floor} | {excess} | {limit} | {verdict} |", row.what);
}

fn requirement(text: &mut String, row: &Row) {
    let number =
        |number: Option<Number>| number.map_or_else(|| "-".to_owned(), |n| plus_minus(n, row.digits));
    let compared = row.compare().map_or_else(
        || "not measured".to_owned(),
        |compared| match row.compared {
            Compared::Ratio => {
                let [percent, error] = [compared.value - 1.0, compared.error].map(|x| 100.0 * x);
                format!("{percent:+.1} ± {error:.1} %")
            }
            Compared::Difference => format!("{:+.3} ± {:.3}", compared.value, compared.error),
            Compared::Size | Compared::AtLeast => "-".to_owned(),
        },
    );
    let limit = row.limit.map_or_else(String::new, |limit| match row.compared {
        Compared::Ratio => format!("±{:.0} %", 100.0 * limit),
        Compared::Difference | Compared::Size => format!("±{limit}"),
        Compared::AtLeast => format!("at least {limit}"),
    });
    let (geant4, ours, verdict) = (number(row.geant4), number(row.ours), verdict(row.met()));
    let _ = writeln!(text, "| {} | {geant4} | {ours} | {compared} | {limit} | {verdict} |", row.what);
}

fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "**not met**",
        None => "",
    }
}

fn plus_minus(number: Number, digits: usize) -> String {
    let Number { value, error } = number;
    if value.is_nan() {
        "not measured".to_owned()
    } else if error > 0.0 {
        format!("{value:.digits$} ± {error:.digits$}")
    } else {
        format!("{value:.digits$}")
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Replaces what stands between the markers of the page, and leaves the rest.
pub(crate) fn update(path: &Path, outcomes: &[Outcome]) -> Result<()> {
    let page = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut generated = format!("{}\n", machine::hardware());
    for outcome in outcomes {
        let _ = write!(generated, "\n{}", beam(outcome));
    }
    let page = replace(&page, &generated).with_context(|| {
        format!("{}: the lines `{}` and `{END}` are missing", path.display(), BEGIN.trim_end())
    })?;
    fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// `page` with the text between the markers replaced; none where there are no markers.
fn replace(page: &str, generated: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{generated}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let page = format!("# Title\n\n{BEGIN}old\n{END}\n\nmore\n");
        assert_eq!(replace(&page, "new\n").unwrap(), format!("# Title\n\n{BEGIN}new\n{END}\n\nmore\n"));
        assert_eq!(replace("no markers", "new"), None);
    }

    #[test]
    fn a_row_says_how_far_and_whether_that_is_near_enough() {
        let row = Row {
            what: "mu90, MeV".to_owned(),
            geant4: Some(Number { value: 100.0, error: 1.0 }),
            ours: Some(Number { value: 103.0, error: 0.0 }),
            digits: 1,
            compared: Compared::Ratio,
            limit: Some(0.02),
        };
        let mut text = String::new();
        requirement(&mut text, &row);
        assert_eq!(text, "| mu90, MeV | 100.0 ± 1.0 | 103.0 | +3.0 ± 1.0 % | ±2 % | **not met** |\n");
    }
}
