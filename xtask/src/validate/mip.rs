//! Where the cell spectrum of a minimum ionising particle peaks.

use serde_json::Value;

use super::entries::entries;
use super::row::Number;

/// Most probable cell energy near one MIP in both samples, of cells per MeV: the vertex of the parabola through the
/// logarithms of the densest bin and its neighbours. Errors are those of counting cells: that showers differ in size
/// moves neighbouring bins together and leaves the vertex where it is.
pub(crate) fn mip_peaks(results: &Value) -> [Option<Number>; 2] {
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
    value.is_finite().then_some(Number { value, error: value * shift_error * width })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
