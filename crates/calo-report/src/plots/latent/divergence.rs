//! Figure 2: how much each latent variable says, and all of them together.

use super::names::model_name;
use crate::error::Result;
use crate::figures::{CurveData, CurvesPlot, Look, PlainCurve, curves};
use crate::latent::LatentResults;
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::fixed;

/// The sum up to each variable, then the single ones.
pub(super) fn figures(results: &LatentResults, style: &Style) -> Result<Vec<Figure>> {
    let divergence = &results.divergence;
    let total = divergence.cumulative_nats.last().copied().unwrap_or(0.0);
    let n = divergence.nats.len();
    let draw = |name: &str, title: &str, alt: String, x_label: &str, y_label: &str, log_y, note, points| {
        let plot = CurvesPlot {
            text: text(name, title, alt),
            x_label: x_label.to_owned(),
            y_label: y_label.to_owned(),
            x_range: Some([0.0, n as f64 + 0.5]),
            log_y,
            curves: vec![PlainCurve {
                name: model_name(results),
                note,
                look: Look::Candidate(0),
                data: CurveData::Points(points),
            }],
        };
        curves(&plot, style)
    };
    let cumulative = divergence.cumulative_nats.iter().enumerate();
    let cumulative = cumulative.map(|(rank, &nats)| [rank as f64 + 1.0, nats, 0.0]).collect();
    let single = divergence.nats.iter().zip(&divergence.errors).enumerate();
    let single = single.map(|(rank, (&nats, &error))| [rank as f64 + 1.0, nats, error]).collect();
    let bits = total / std::f64::consts::LN_2;
    let informative = divergence.nats.iter().filter(|&&nats| nats > 0.3).count();
    let caption = format!(
        "Kullback-Leibler divergence from N(0, 1), summed over the variables sorted by it: {} nats ({} bits) in all.",
        fixed(total, 1),
        fixed(bits, 1)
    );
    let alt = format!("Rises to {} nats over {n} variables.", fixed(total, 1));
    let note = format!("{} nats", fixed(total, 1));
    let labels = ["number of latent variables", "summed KLD [nats]"];
    let svg =
        draw("kld_cumulative", "Encoded information", alt, labels[0], labels[1], false, note, cumulative)?;
    let mut figures = vec![Figure::half("kld_cumulative", Section::Information, caption, svg)];
    let caption = format!(
        "Divergence of every variable, sorted; bars are standard errors over the showers. {informative} of {n} variables \
         carry more than 0.3 nats."
    );
    let alt = format!("Falls over {n} variables, {informative} of them above 0.3 nats.");
    let note = format!("{informative} above 0.3 nats");
    let labels = ["latent variable, by falling KLD", "KLD [nats]"];
    let svg = draw("kld", "Information by variable", alt, labels[0], labels[1], true, note, single)?;
    figures.push(Figure::half("kld", Section::Information, caption, svg));
    Ok(figures)
}
