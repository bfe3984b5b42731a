//! Figure 8: sampled z of the leading variables beside N(0, 1) and the density.

use super::names::z_name;
use crate::error::Result;
use crate::figures::{CurveData, CurvesPlot, Look, PlainCurve, curves};
use crate::latent::{LatentResults, Marginal};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::{estimate, plain};

/// Points of a smooth curve.
const N_POINTS: usize = 241;

/// One figure for each variable.
pub(super) fn marginals(results: &LatentResults, style: &Style) -> Result<Vec<Figure>> {
    results.marginals.iter().map(|marginal| figure(results, marginal, style)).collect()
}

/// The density of N(0, 1) from `low` to `high`.
pub(crate) fn normal_curve(low: f64, high: f64) -> Vec<[f64; 2]> {
    let point = |i: usize| {
        let z = low + (high - low) * i as f64 / (N_POINTS - 1) as f64;
        [z, (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()]
    };
    (0..N_POINTS).map(point).collect()
}

fn figure(results: &LatentResults, marginal: &Marginal, style: &Style) -> Result<Figure> {
    let name = z_name(results, marginal.variable);
    let rank = results.rank(marginal.variable).unwrap_or(marginal.variable);
    let edges = &marginal.edges;
    let total = marginal.counts.iter().sum::<u64>() + marginal.n_outside;
    let density = |(bin, &count): (&[f64], &u64)| count as f64 / (total.max(1) as f64 * (bin[1] - bin[0]));
    let (low, high) = (edges[0], edges[edges.len() - 1]);
    let mut lines = vec![
        PlainCurve {
            name: "sampled z".to_owned(),
            note: format!("mean {}, σ {}", estimate(&marginal.mean), estimate(&marginal.standard_deviation)),
            look: Look::Reference,
            data: CurveData::Steps {
                edges: edges.clone(),
                values: edges.windows(2).zip(&marginal.counts).map(density).collect(),
            },
            faint_from: None,
        },
        PlainCurve {
            name: "N(0, 1)".to_owned(),
            note: String::new(),
            look: Look::Theory,
            data: CurveData::Line(normal_curve(low, high)),
            faint_from: None,
        },
    ];
    if let Some(values) = &marginal.density {
        let middles = edges.windows(2).map(|bin| f64::midpoint(bin[0], bin[1]));
        let note = results.density.as_ref().and_then(|density| density.bandwidths.get(marginal.variable));
        lines.push(PlainCurve {
            name: "KDE of z and energy".to_owned(),
            note: note.map_or_else(String::new, |&bandwidth| format!("bandwidth {}", plain(bandwidth))),
            look: Look::Candidate(1),
            data: CurveData::Line(middles.zip(values).map(|(z, &value)| [z, value]).collect()),
            faint_from: None,
        });
    }
    let file = format!("marginal_{rank}");
    let plot = CurvesPlot {
        text: text(
            &file,
            format!("Sampled {name}"),
            format!("Distribution of sampled {name} next to a normal distribution and the kernel density."),
        ),
        x_label: format!("sampled {name}"),
        y_label: "probability density".to_owned(),
        x_range: Some([low, high]),
        log_x: false,
        log_y: false,
        curves: lines,
    };
    let outside = match marginal.n_outside {
        0 => String::new(),
        n => format!(" {n} of {total} showers lie outside."),
    };
    let caption = format!(
        "Sampled z of the encoder's variable {} ({} by divergence, {} nats).{outside} Where it departs from N(0, 1), showers \
         from N(0, 1) have other z than real ones.",
        marginal.variable,
        if rank == 0 { "highest".to_owned() } else { format!("number {}", rank + 1) },
        plain(results.divergence.nats[rank]),
    );
    Ok(Figure::half(file, Section::Sampling, caption, curves(&plot, style)?))
}
