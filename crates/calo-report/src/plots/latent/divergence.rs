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
    Ok(vec![cumulative(results, style)?, single(results, style)?])
}

fn cumulative(results: &LatentResults, style: &Style) -> Result<Figure> {
    let divergence = &results.divergence;
    let n = divergence.nats.len();
    let total = divergence.cumulative_nats.last().copied().unwrap_or(0.0);
    let points = divergence.cumulative_nats.iter().enumerate();
    let points = points.map(|(rank, &nats)| [rank as f64 + 1.0, nats, 0.0]).collect();
    let total_nats = format!("{} nats", fixed(total, 1));
    let alt = format!("Rises to {total_nats} over {n} variables.");
    let plot = CurvesPlot {
        text: text("kld_cumulative", "Encoded information", alt),
        x_label: "number of latent variables".to_owned(),
        y_label: "summed KLD [nats]".to_owned(),
        x_range: Some([0.0, n as f64 + 0.5]),
        log_x: false,
        log_y: false,
        curves: vec![curve(results, total_nats.clone(), points)],
    };
    let caption = format!(
        "Kullback-Leibler divergence from N(0, 1), summed over the variables sorted by it: {total_nats} ({} bits) in all.",
        fixed(total / std::f64::consts::LN_2, 1)
    );
    Ok(Figure::half("kld_cumulative", Section::Information, caption, curves(&plot, style)?))
}

fn single(results: &LatentResults, style: &Style) -> Result<Figure> {
    let divergence = &results.divergence;
    let n = divergence.nats.len();
    let informative = divergence.nats.iter().filter(|&&nats| nats > 0.3).count();
    let points = divergence.nats.iter().zip(&divergence.errors).enumerate();
    let points = points.map(|(rank, (&nats, &error))| [rank as f64 + 1.0, nats, error]).collect();
    let alt = format!("Falls over {n} variables, {informative} of them above 0.3 nats.");
    let plot = CurvesPlot {
        text: text("kld", "Information by variable", alt),
        x_label: "latent variable, by falling KLD".to_owned(),
        y_label: "KLD [nats]".to_owned(),
        x_range: Some([0.0, n as f64 + 0.5]),
        log_x: false,
        log_y: true,
        curves: vec![curve(results, format!("{informative} above 0.3 nats"), points)],
    };
    let caption = format!(
        "Divergence of every variable, sorted; bars are standard errors over the showers. {informative} of {n} variables \
         carry more than 0.3 nats."
    );
    Ok(Figure::half("kld", Section::Information, caption, curves(&plot, style)?))
}

fn curve(results: &LatentResults, note: String, points: Vec<[f64; 3]>) -> PlainCurve {
    PlainCurve {
        name: model_name(results),
        note,
        look: Look::Candidate(0),
        data: CurveData::Points(points),
        faint_from: None,
    }
}
