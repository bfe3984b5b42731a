//! Figure 8: sampled z of the leading variables of several models, beside N(0, 1) and a density.

use crate::error::Result;
use crate::figures::{CurveData, CurvesPlot, Look, PlainCurve, curves};
use crate::latent_comparison::{ComparedMarginal, LatentComparison, SampledZ};
use crate::plots::figure::{Figure, Section, text};
use crate::plots::latent::{normal_curve, z_name_of_rank};
use crate::style::Style;

/// One figure for each rank.
pub(super) fn figures(comparison: &LatentComparison, style: &Style) -> Result<Vec<Figure>> {
    comparison.marginals.iter().map(|marginal| figure(marginal, style)).collect()
}

fn figure(marginal: &ComparedMarginal, style: &Style) -> Result<Figure> {
    let ComparedMarginal { rank, edges, samples, density } = marginal;
    let z = z_name_of_rank(*rank);
    let (low, high) = (edges[0], edges[edges.len() - 1]);
    let mut lines: Vec<PlainCurve> =
        samples.iter().enumerate().map(|(index, sample)| sampled(index, sample, edges)).collect();
    lines.push(PlainCurve {
        name: "N(0, 1)".to_owned(),
        note: String::new(),
        look: Look::Theory,
        data: CurveData::Line(normal_curve(low, high)),
        faint_from: None,
    });
    if let Some(density) = density {
        let middles = edges.windows(2).map(|bin| f64::midpoint(bin[0], bin[1]));
        lines.push(PlainCurve {
            name: density.name.clone(),
            note: "kernel density".to_owned(),
            look: Look::Reference,
            data: CurveData::Line(middles.zip(&density.values).map(|(z, &value)| [z, value]).collect()),
            faint_from: None,
        });
    }
    let name = format!("sampled_{rank}");
    let plot = CurvesPlot {
        text: text(
            &name,
            format!("Sampled {z}"),
            format!("Distribution of sampled {z} of {} models next to a normal distribution.", samples.len()),
        ),
        x_label: format!("sampled {z}"),
        y_label: "probability density".to_owned(),
        x_range: Some([low, high]),
        log_x: false,
        log_y: false,
        curves: lines,
    };
    let caption = format!(
        "Sampled z of the variable of {} divergence in each model. Where it departs from N(0, 1), showers from N(0, 1) have \
         other z than real ones.",
        match rank {
            0 => "highest".to_owned(),
            1 => "second-highest".to_owned(),
            rank => format!("{}th-highest", rank + 1),
        }
    );
    Ok(Figure::half(name, Section::Sampling, caption, curves(&plot, style)?))
}

/// The histogram of one model, as a density.
fn sampled(index: usize, sample: &SampledZ, edges: &[f64]) -> PlainCurve {
    let total = sample.counts.iter().sum::<u64>() + sample.n_outside;
    let density = |(bin, &count): (&[f64], &u64)| count as f64 / (total.max(1) as f64 * (bin[1] - bin[0]));
    PlainCurve {
        name: sample.name.clone(),
        note: format!("{total} showers"),
        look: Look::Candidate(index),
        data: CurveData::Steps {
            edges: edges.to_vec(),
            values: edges.windows(2).zip(&sample.counts).map(density).collect(),
        },
        faint_from: None,
    }
}
