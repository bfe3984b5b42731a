//! Figure 3 and what stands behind it: correlations of sampled z with observables, and the joint distributions.

use super::names::z_name;
use crate::error::Result;
use crate::figures::{CorrelationTable, JointPanel, JointPlot, correlation_table, joint};
use crate::latent::{Joint, LatentResults};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::{estimate, fixed};

/// The table of correlations; none without an observable.
pub(super) fn correlations(results: &LatentResults, style: &Style) -> Result<Vec<Figure>> {
    let found = &results.correlations;
    if found.observables.is_empty() {
        return Ok(Vec::new());
    }
    let nats = |&variable: &usize| {
        let rank = results.rank(variable).unwrap_or(0);
        format!("{} nats", fixed(results.divergence.nats[rank], 1))
    };
    let columns = found.variables.iter().map(|&variable| z_name(results, variable));
    let plot = CorrelationTable {
        text: text(
            "correlations",
            "Correlation with sampled z",
            format!(
                "Pearson correlations of {} observables with the {} most informative latent variables and the energy.",
                found.observables.len(),
                found.variables.len()
            ),
        ),
        columns: columns.chain(["Einc".to_owned()]).collect(),
        notes: found.variables.iter().map(nats).chain([String::new()]).collect(),
        rows: found.observables.clone(),
        entries: found.coefficients.clone(),
    };
    let n = results.data.n_showers;
    let caption = format!(
        "Pearson correlations of {n} showers' observables with z, sampled from the encoder's N(μ, σ²), of the variables of \
         highest divergence, and with the incident energy. Standard errors are in latent.json."
    );
    let svg = correlation_table(&plot, style)?;
    Ok(vec![Figure::half("correlations", Section::Correlations, caption, svg)])
}

/// Leading variables against observables; none without one.
pub(super) fn variables(results: &LatentResults, style: &Style) -> Result<Vec<Figure>> {
    if results.joints.is_empty() {
        return Ok(Vec::new());
    }
    let first = results.joints[0].variable;
    let n_columns = results.joints.iter().take_while(|joint| joint.variable == first).count();
    let panels = results.joints.iter().map(|joint| {
        let name = joint.variable.map_or_else(|| "Einc".to_owned(), |variable| z_name(results, variable));
        JointPanel { x_label: format!("sampled {name}"), ..panel(joint, String::new()) }
    });
    let plot = JointPlot {
        text: text(
            "joint",
            "Sampled z against observables",
            "Joint distributions of the most informative latent variables and observables.",
        ),
        n_columns,
        panels: panels.collect(),
    };
    let caption = "Sampled z of the variables of highest divergence against observables of the same showers; colours are \
                   shares of the fullest bin, points the mean in each column of bins, ρ Pearson's correlation.";
    Ok(vec![Figure::wide("joint", Section::Correlations, caption, joint(&plot, style)?)])
}

/// Centre of gravity against incident energy, of encoded and generated showers; none without one.
pub(super) fn cog_z(results: &LatentResults, style: &Style) -> Result<Vec<Figure>> {
    if results.cog_z.is_empty() {
        return Ok(Vec::new());
    }
    let panels = results.cog_z.iter().map(|joint| {
        let name = match joint.sample.as_str() {
            "encoded" => "encoded",
            "normal" => "N(0, 1)",
            "density" => "KDE",
            other => other,
        };
        JointPanel { x_label: "incident energy [GeV]".to_owned(), ..panel(joint, name.to_owned()) }
    });
    let plot = JointPlot {
        text: text(
            "cog_z_energy",
            "Centre of gravity against incident energy",
            "Joint distributions of centre of gravity and incident energy, of encoded and generated showers.",
        ),
        n_columns: results.cog_z.len(),
        panels: panels.collect(),
    };
    let caption = "Centre of gravity in depth against the incident energy: of the showers that were encoded, and of showers \
                   generated at the same energies with z from N(0, 1) and from the kernel density of z and energy.";
    Ok(vec![Figure::wide("cog_z_energy", Section::Sampling, caption, joint(&plot, style)?)])
}

fn panel(joint: &Joint, name: String) -> JointPanel {
    let ends = |edges: &[f64]| [edges[0], edges[edges.len() - 1]];
    let unit = if joint.unit.is_empty() { String::new() } else { format!(" [{}]", joint.unit) };
    JointPanel {
        name,
        note: joint.correlation.map_or_else(String::new, |rho| format!("ρ = {}", estimate(&rho))),
        x_label: String::new(),
        y_label: format!("{}{unit}", joint.observable),
        x_range: ends(&joint.x_edges),
        y_range: ends(&joint.y_edges),
        counts: joint.counts.clone(),
        profile: joint.profile.iter().map(|mean| mean.map(|m| [m.value, m.error.unwrap_or(0.0)])).collect(),
    }
}
