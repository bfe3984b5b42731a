//! Linearity and resolution.

use calo_metrics::results::{EnergySource, Estimate, LinearityPoint, Results};

use crate::error::{Error, Result};
use crate::figures::{EnergyScan, ScanPoint, ScanSeries, energy_scan};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::plain;

/// Mean and relative width of the visible energy; none without a point.
pub(super) fn figures(results: &Results, style: &Style) -> Result<Vec<Figure>> {
    if results.linearity.is_empty() {
        return Ok(Vec::new());
    }
    let linearity = scan(results, |point| point.mu90_mev);
    let resolution = scan(results, |point| point.resolution);
    let windows = results.linearity.iter().any(|point| point.source == EnergySource::Window);
    let open = if windows {
        " Open markers come from windows of the full spectrum, scaled to the nominal energy."
    } else {
        ""
    };
    let below = "Below, the relative offset from the reference; bars are the candidate's standard errors, the grey band the reference's.";
    let names: Vec<_> = results.samples.iter().map(|sample| sample.name.as_str()).collect();
    let draw = |name: &str, title: &str, y_label: &str, series, caption: String| {
        let alt =
            format!("{title} for {}, with the relative offset from the reference below.", names.join(", "));
        let plot =
            EnergyScan { text: text(name, title, alt), y_label: y_label.to_owned(), from_zero: true, series };
        let svg = energy_scan(&plot, style)?;
        Ok::<_, Error>(Figure::half(name, Section::Response, caption, svg))
    };
    Ok(vec![
        draw(
            "linearity",
            "Linearity: mean visible energy",
            "μ₉₀ [MeV]",
            linearity,
            format!(
                "Mean visible energy within the shortest interval that holds 90 % of the showers. {below}{open}"
            ),
        )?,
        draw(
            "resolution",
            "Resolution: relative width",
            "σ₉₀ / μ₉₀",
            resolution,
            format!("Standard deviation over mean of the visible energy in that interval. {below}{open}"),
        )?,
    ])
}

fn scan(results: &Results, quantity: impl Fn(&LinearityPoint) -> Estimate) -> Vec<ScanSeries> {
    let series = results.samples.iter().enumerate().map(|(index, sample)| {
        let mine = results.linearity.iter().filter(|point| point.sample == index);
        let mut points: Vec<_> = mine
            .map(|point| ScanPoint {
                energy_gev: point.energy_gev,
                value: quantity(point).value,
                error: quantity(point).error.unwrap_or(0.0),
                hollow: point.source == EnergySource::Window,
            })
            .collect();
        points.sort_by(|a, b| a.energy_gev.total_cmp(&b.energy_gev));
        ScanSeries { name: sample.name.clone(), note: note(results, index), points }
    });
    series.collect()
}

/// Energies at which others have a point and this sample has too few showers for one.
fn note(results: &Results, index: usize) -> String {
    let mut energies: Vec<f64> = results.linearity.iter().map(|point| point.energy_gev).collect();
    energies.sort_by(f64::total_cmp);
    energies.dedup_by(|a, b| a.total_cmp(b).is_eq());
    let has =
        |e: &f64| results.linearity.iter().any(|p| p.sample == index && p.energy_gev.total_cmp(e).is_eq());
    let missing: Vec<_> = energies.iter().filter(|e| !has(e)).map(|e| plain(*e)).collect();
    if missing.is_empty() {
        String::new()
    } else if missing.len() == energies.len() {
        "too few showers".to_owned()
    } else {
        format!("too few showers at {} GeV", missing.join(", "))
    }
}
