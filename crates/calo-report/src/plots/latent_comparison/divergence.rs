//! Figure 2: how much the latent variables say, of all models in one plot.

use crate::error::Result;
use crate::figures::{CurveData, CurvesPlot, Look, PlainCurve, curves};
use crate::latent_comparison::{LatentComparison, Space};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::fixed;

/// Variables above this carry information, nats.
const INFORMATIVE_NATS: f64 = 0.3;

/// The sum up to each variable, then the single ones.
pub(super) fn figures(comparison: &LatentComparison, style: &Style) -> Result<Vec<Figure>> {
    let n = comparison.spaces.iter().map(|space| space.encoded).max().unwrap_or(1);
    let names: Vec<&str> = comparison.spaces.iter().map(|space| space.name.as_str()).collect();
    let alt = format!("Divergence by latent variable of {}.", names.join(", "));
    let plot = |id: &str, title: &str, y_label: &str, log_y: bool, lines: Vec<PlainCurve>| CurvesPlot {
        text: text(id, title, alt.clone()),
        x_label: "latent variable, by falling KLD".to_owned(),
        y_label: y_label.to_owned(),
        x_range: Some([0.0, n as f64 + 0.5]),
        log_x: false,
        log_y,
        curves: lines,
    };
    let cumulative = plot(
        "kld_cumulative",
        "Encoded information",
        "summed KLD [nats]",
        false,
        lines(comparison, |space| {
            let total = space.divergence.cumulative_nats.last().copied().unwrap_or(0.0);
            (format!("{} nats", fixed(total, 1)), &space.divergence.cumulative_nats)
        }),
    );
    let single = plot(
        "kld",
        "Information by variable",
        "KLD [nats]",
        true,
        lines(comparison, |space| {
            let nats = &space.divergence.nats;
            let n = nats.iter().filter(|nats| **nats > INFORMATIVE_NATS).count();
            (format!("{n} above {INFORMATIVE_NATS} nats"), nats)
        }),
    );
    let of = |name: &str, caption: &str, plot: &CurvesPlot| -> Result<Figure> {
        Ok(Figure::half(name, Section::Information, caption, curves(plot, style)?))
    };
    Ok(vec![
        of(
            "kld_cumulative",
            "Kullback-Leibler divergence from N(0, 1), summed over the variables sorted by it, of every model.",
            &cumulative,
        )?,
        of("kld", "Divergence of every variable, sorted, of every model.", &single)?,
    ])
}

/// A curve for each model, of what `values` says, with its note.
fn lines(comparison: &LatentComparison, values: impl Fn(&Space) -> (String, &Vec<f64>)) -> Vec<PlainCurve> {
    let of = comparison.spaces.len();
    let line = |(index, space): (usize, &Space)| {
        let (note, nats) = values(space);
        let points = nats.iter().enumerate().map(|(rank, &nats)| [rank as f64 + 1.0, nats]);
        PlainCurve {
            name: space.name.clone(),
            note,
            look: Look::Ramp { index, of },
            data: CurveData::Line(points.collect()),
            faint_from: None,
        }
    };
    comparison.spaces.iter().enumerate().map(line).collect()
}
