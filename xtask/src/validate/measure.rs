//! From an evaluation to the requirements: what was measured, its limit, met or not.

use serde_json::Value;

use super::beams::Beam;

/// Names of the six histograms in results.json and in tables.
const HISTOGRAMS: [(&str, &str); 6] = [
    ("cell_energy", "cell energy"),
    ("visible_energy", "visible energy"),
    ("n_hits", "hits"),
    ("cog_z", "centre of gravity z"),
    ("radial", "radial profile"),
    ("longitudinal", "longitudinal profile"),
];

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

/// A histogram beside its floor.
#[derive(Debug)]
pub(crate) struct HistogramRow {
    pub(crate) what: String,
    pub(crate) n_showers: u64,
    pub(crate) jsd: Number,
    pub(crate) floor: Number,
    pub(crate) excess: Number,
    pub(crate) limit: Option<f64>,
}

/// A number of ours beside Geant4's.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) geant4: Option<Number>,
    pub(crate) ours: Option<Number>,
    pub(crate) digits: usize,
    pub(crate) compared: Compared,
    pub(crate) limit: Option<f64>,
}

/// How the two are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compared {
    /// By their ratio; the limit is on its distance from 1.
    Ratio,
    /// By their difference.
    Difference,
    /// Ours alone is to be small.
    Size,
    /// Ours alone is to be large.
    AtLeast,
}

/// A number with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    pub(crate) value: f64,
    pub(crate) error: f64,
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

impl HistogramRow {
    /// Whether the limit is met; none where there is no limit.
    pub(crate) fn met(&self) -> Option<bool> {
        Some(self.excess.value <= self.limit?)
    }
}

impl Row {
    /// Whether the limit is met; none where there is no limit. What could not be measured is not met.
    pub(crate) fn met(&self) -> Option<bool> {
        let limit = self.limit?;
        let Some(compared) = self.compare() else { return Some(false) };
        Some(match self.compared {
            Compared::Ratio => (compared.value - 1.0).abs() <= limit,
            Compared::Difference | Compared::Size => compared.value.abs() <= limit,
            Compared::AtLeast => compared.value >= limit,
        })
    }

    /// Ratio, difference, or ours.
    pub(crate) fn compare(&self) -> Option<Number> {
        let ours = self.ours?;
        Some(match self.compared {
            Compared::Size | Compared::AtLeast => ours,
            Compared::Difference => {
                let geant4 = self.geant4?;
                Number { value: ours.value - geant4.value, error: ours.error.hypot(geant4.error) }
            }
            Compared::Ratio => {
                let geant4 = self.geant4.filter(|geant4| geant4.value != 0.0)?;
                let value = ours.value / geant4.value;
                let error = (ours.error / geant4.value).hypot(value * geant4.error / geant4.value);
                Number { value, error: error.abs() }
            }
        })
    }
}

fn histograms(results: &Value, limit: f64) -> Vec<HistogramRow> {
    let splits = &results["comparisons"][0]["splits"];
    let mut rows = Vec::new();
    for (name, label) in HISTOGRAMS {
        let Some(found) = entries(splits).find(|split| split["observable"] == name) else {
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
    let largest = &results["comparisons"][0]["pearson_max_difference"];
    let pair = [0, 1].map(|i| largest["pair"][i].as_str().unwrap_or("?"));
    Row {
        what: format!("largest Pearson difference ({} {})", pair[0], pair[1]),
        geant4: None,
        ours: number(&largest["difference"]),
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

/// Most probable cell energy near one MIP in both samples, of cells per MeV: the vertex of the parabola through the
/// logarithms of the densest bin and its neighbours. Errors are those of counting cells: that showers differ in size
/// moves neighbouring bins together and leaves the vertex where it is.
fn mip_peaks(results: &Value) -> [Option<Number>; 2] {
    [0, 1].map(|sample| mip_peak(results, sample))
}

fn mip_peak(results: &Value, sample: usize) -> Option<Number> {
    let mip_mev = results["detector"]["mip_mev"].as_f64()?;
    let spectrum = entries(&results["distributions"]).find(|d| d["observable"] == "cell_energy")?;
    let edges: Vec<f64> = entries(&spectrum["edges"]).filter_map(Value::as_f64).collect();
    let counts: Vec<f64> =
        entries(&spectrum["samples"][sample]["counts"]).filter_map(Value::as_f64).collect();
    let density = |bin: usize| counts[bin] / (edges[bin + 1] - edges[bin]);
    let near = (1..counts.len().checked_sub(1)?)
        .filter(|&bin| edges[bin] > 0.5 * mip_mev && edges[bin + 1] < 2.0 * mip_mev);
    let top = near.max_by(|&a, &b| density(a).total_cmp(&density(b)))?;
    let logs = [top - 1, top, top + 1].map(|bin| density(bin).ln());
    let relative = [top - 1, top, top + 1].map(|bin| 1.0 / counts[bin].sqrt());
    let curvature = logs[0] - 2.0 * logs[1] + logs[2];
    let shift = 0.5 * (logs[0] - logs[2]) / curvature;
    // Derivatives of the vertex by the three logarithms.
    let by = [(0.5 - shift) / curvature, 2.0 * shift / curvature, -(0.5 + shift) / curvature];
    let shift_error = by.iter().zip(relative).map(|(by, error)| (by * error).powi(2)).sum::<f64>().sqrt();
    let width = (edges[top + 1] / edges[top]).ln();
    let value = (edges[top] * edges[top + 1]).sqrt() * (shift * width).exp();
    value.is_finite().then(|| Number { value, error: value * shift_error * width })
}

/// An estimate; an error that is not known counts as none.
fn number(estimate: &Value) -> Option<Number> {
    Some(Number { value: estimate["value"].as_f64()?, error: estimate["error"].as_f64().unwrap_or(0.0) })
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(compared: Compared, geant4: f64, ours: f64, limit: f64) -> Row {
        let number = |value| Some(Number { value, error: 0.03 * value });
        Row {
            what: String::new(),
            geant4: number(geant4),
            ours: number(ours),
            digits: 2,
            compared,
            limit: Some(limit),
        }
    }

    #[test]
    fn limits_are_on_ratio_difference_or_size() {
        assert_eq!(row(Compared::Ratio, 100.0, 102.1, 0.02).met(), Some(false));
        assert_eq!(row(Compared::Ratio, 100.0, 98.1, 0.02).met(), Some(true));
        assert_eq!(row(Compared::Difference, 13.0, 12.6, 0.3).met(), Some(false));
        assert_eq!(row(Compared::Size, 0.0, -0.11, 0.1).met(), Some(false));
        assert_eq!(row(Compared::AtLeast, 0.0, 131.0, 130.0).met(), Some(true));
        let ratio = row(Compared::Ratio, 100.0, 100.0, 0.02).compare().unwrap();
        assert!((ratio.error - 0.03 * 2.0_f64.sqrt()).abs() < 1e-12);
        let missing = Row { ours: None, ..row(Compared::Ratio, 1.0, 1.0, 1.0) };
        assert_eq!(missing.met(), Some(false), "what was not measured is not met");
    }

    #[test]
    fn the_mip_peak_is_the_vertex() {
        // A parabola in the logarithm with its top at 0.18 MeV.
        let edges: Vec<f64> = (0..=40).map(|i| 0.05 * 1.1_f64.powi(i)).collect();
        let counts: Vec<f64> = edges
            .windows(2)
            .map(|pair| {
                1e6 * (pair[1] - pair[0]) * (-((pair[0] * pair[1]).sqrt() / 0.18).ln().powi(2) * 8.0).exp()
            })
            .collect();
        let sample = json!({ "counts": counts });
        let results = json!({
            "detector": { "mip_mev": 0.2 },
            "distributions": [{ "observable": "cell_energy", "edges": edges, "samples": [sample] }],
        });
        let peak = mip_peak(&results, 0).unwrap();
        assert!((peak.value - 0.18).abs() < 1e-6, "{peak:?}");
        // Slope 16 x in the logarithm x, known to about 1 / (sqrt(2 counts) width) = 0.07 from 10^4 counts in 0.1.
        assert!((1e-4..2e-3).contains(&peak.error), "{peak:?}");
        assert_eq!(mip_peak(&results, 1), None);
    }
}
