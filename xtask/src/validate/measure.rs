//! From an evaluation to the requirements: what was measured, its limit, met or not.

use serde_json::Value;

use super::beams::Beam;
use super::entries::entries;
use super::mip::mip_peaks;
use super::row::{Compared, HistogramRow, Number, Row};

/// All that was measured of one beam.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) beam: &'static Beam,
    /// Showers of Geant4's and our full spectrum.
    pub(crate) n_showers: [u64; 2],
    pub(crate) histograms: Vec<HistogramRow>,
    pub(crate) rows: Vec<Row>,
    pub(crate) speed: Option<Speed>,
}

/// One run of `calo simulate`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    pub(crate) n_showers: u64,
    pub(crate) wall_s: f64,
    pub(crate) threads: usize,
}

impl Outcome {
    pub(crate) fn new(beam: &'static Beam, results: &Value, speed: Option<Speed>) -> Self {
        let n_showers = [0, 1].map(|sample| results["samples"][sample]["n_showers"].as_u64().unwrap_or(0));
        let mut rows = if beam.fixed.is_empty() { spectrum_rows(results) } else { energy_rows(results) };
        if let Some(speed) = speed {
            rows.push(Row {
                what: "showers per second".to_owned(),
                geant4: None,
                ours: Some(Number { value: speed.n_showers as f64 / speed.wall_s, error: 0.0 }),
                digits: 0,
                compared: Compared::AtLeast,
                limit: Some(beam.rate_limit),
            });
        }
        Self { beam, n_showers, histograms: histograms(results, beam.excess_limit), rows, speed }
    }

    pub(crate) fn n_limits(&self) -> usize {
        self.verdicts().count()
    }

    /// What is beyond its limit, or could not be measured.
    pub(crate) fn missed(&self) -> Vec<String> {
        let missed = self.verdicts().filter(|(_, met)| !met);
        missed.map(|(what, _)| format!("{}: {what}", self.beam.name)).collect()
    }

    fn verdicts(&self) -> impl Iterator<Item = (&str, bool)> {
        let histograms = self.histograms.iter().filter_map(|row| Some((row.what.as_str(), row.met()?)));
        histograms.chain(self.rows.iter().filter_map(|row| Some((row.what.as_str(), row.met()?))))
    }
}

fn histograms(results: &Value, limit: f64) -> Vec<HistogramRow> {
    let splits = &results["comparisons"][0]["splits"];
    let mut rows = Vec::new();
    for observable in entries(&results["observables"]) {
        let label = observable["label"].as_str().unwrap_or("?");
        let Some(found) = entries(splits).find(|split| split["observable"] == observable["id"]) else {
            // Not compared: no number can be below a limit.
            let none = Number { value: f64::NAN, error: f64::NAN };
            let what = label.to_owned();
            rows.push(HistogramRow {
                what,
                n_showers: 0,
                jsd: none,
                floor: none,
                excess: none,
                limit: Some(limit),
            });
            continue;
        };
        rows.push(histogram(found, label.to_owned(), Some(limit)));
        for part in entries(&found["parts"]) {
            if let Some(energy) = part["energy_gev"].as_f64() {
                rows.push(histogram(part, format!("{label}, {energy} GeV"), None));
            }
        }
    }
    rows
}

fn histogram(split: &Value, what: String, limit: Option<f64>) -> HistogramRow {
    let number = |name: &str| number(&split[name]).unwrap_or(Number { value: f64::NAN, error: f64::NAN });
    let n_showers = split["n_showers"].as_u64().unwrap_or(0);
    let [jsd, floor, excess] = ["jsd", "floor", "excess"].map(number);
    HistogramRow { what, n_showers, jsd, floor, excess, limit }
}

/// Where there are files of single energies: means, widths and hits at each.
fn energy_rows(results: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    for energy in [20.0, 50.0, 80.0] {
        let at = |what: &str| format!("{what}, {energy} GeV");
        let of = |list: &'static str, observable: Option<&'static str>, field: &'static str| {
            [0, 1].map(|sample| number(&entry(results, list, sample, observable, Some(energy))?[field]))
        };
        let moment = |observable| of("moments", Some(observable), "mean");
        rows.push(ratio(at("mean visible energy, MeV"), moment("visible_energy"), 1, Some(0.02)));
        rows.push(ratio(at("mu90, MeV"), of("linearity", None, "mu90_mev"), 1, Some(0.02)));
        rows.push(ratio(at("sigma90 / mu90"), of("linearity", None, "resolution"), 4, Some(0.1)));
        rows.push(ratio(at("hits"), moment("n_hits"), 1, Some(0.05)));
        rows.push(difference(at("centre of gravity z, layer"), moment("cog_z"), None));
    }
    rows.push(difference("centre of gravity z, layer".to_owned(), full(results, "cog_z"), Some(0.3)));
    rows.push(pearson(results, Some(0.1)));
    rows.push(ratio("MIP peak, MeV".to_owned(), mip_peaks(results), 4, None));
    rows
}

/// Where there is a spectrum only: response and width, punch-through.
fn spectrum_rows(results: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    let responses: Vec<&Value> =
        entries(&results["responses"]).filter(|response| response["sample"] == 0).collect();
    for reference in responses {
        let range = &reference["energy_range_gev"];
        let [low, high] = [0, 1].map(|i| range[i].as_f64().unwrap_or(f64::NAN));
        let ours = entries(&results["responses"])
            .find(|response| response["sample"] == 1 && response["energy_range_gev"] == *range);
        let both = |field: &str| [number(&reference[field]), ours.and_then(|ours| number(&ours[field]))];
        let at = |what: &str| format!("{what}, {low:.0} .. {high:.0} GeV");
        rows.push(ratio(at("visible energy, MeV/GeV"), both("mean_mev_per_gev"), 2, Some(0.05)));
        // Thirds have too few showers to hold a width against a limit.
        let width_limit = rows.len().eq(&1).then_some(0.15);
        rows.push(ratio(at("its width"), both("relative_width"), 4, width_limit));
    }
    let punch_through =
        [0, 1].map(|sample| number(&entry(results, "punch_through", sample, None, None)?["fraction"]));
    rows.push(ratio("punch-through fraction".to_owned(), punch_through, 4, Some(0.2)));
    rows.push(ratio("MIP peak, MeV".to_owned(), mip_peaks(results), 4, Some(0.05)));
    rows.push(ratio("hits".to_owned(), full(results, "n_hits"), 1, None));
    rows.push(difference("centre of gravity z, layer".to_owned(), full(results, "cog_z"), None));
    rows.push(pearson(results, None));
    rows
}

fn ratio(what: String, [geant4, ours]: [Option<Number>; 2], digits: usize, limit: Option<f64>) -> Row {
    Row { what, geant4, ours, digits, compared: Compared::Ratio, limit }
}

fn difference(what: String, [geant4, ours]: [Option<Number>; 2], limit: Option<f64>) -> Row {
    Row { what, geant4, ours, digits: 3, compared: Compared::Difference, limit }
}

fn pearson(results: &Value, limit: Option<f64>) -> Row {
    let scores = &results["comparisons"][0]["scores"];
    let largest =
        entries(scores).find(|score| score["id"] == "pearson_max_difference").unwrap_or(&Value::Null);
    let pair = [0, 1].map(|i| largest["detail"][i].as_str().unwrap_or("?"));
    Row {
        what: format!("largest Pearson difference ({} {})", pair[0], pair[1]),
        geant4: None,
        ours: number(largest),
        digits: 3,
        compared: Compared::Size,
        limit,
    }
}

/// Means over the full spectrum of both samples.
fn full(results: &Value, observable: &'static str) -> [Option<Number>; 2] {
    [0, 1].map(|sample| number(&entry(results, "moments", sample, Some(observable), None)?["mean"]))
}

/// The entry of a list for a sample, an observable and an energy, as far as it has them.
fn entry<'a>(
    results: &'a Value,
    list: &str,
    sample: u64,
    observable: Option<&str>,
    energy_gev: Option<f64>,
) -> Option<&'a Value> {
    entries(&results[list]).find(|entry| {
        entry["sample"] == sample
            && observable.is_none_or(|observable| entry["observable"] == observable)
            && entry["energy_gev"].as_f64().map(f64::to_bits) == energy_gev.map(f64::to_bits)
    })
}

/// An estimate; an error that is not known counts as none.
fn number(estimate: &Value) -> Option<Number> {
    Some(Number { value: estimate["value"].as_f64()?, error: estimate["error"].as_f64().unwrap_or(0.0) })
}
