//! Figure 3: correlations of sampled z with observables, of some models side by side.

use crate::error::Result;
use crate::figures::{CorrelationTable, correlation_table};
use crate::latent_comparison::{LatentComparison, Space};
use crate::plots::figure::{Figure, Section, text};
use crate::plots::latent::z_name_of_rank;
use crate::style::Style;
use crate::text::fixed;

/// A table for each model; none of one without an observable.
pub(super) fn figures(comparison: &LatentComparison, style: &Style) -> Result<Vec<Figure>> {
    let spaces = comparison.correlated.iter().filter_map(|&index| comparison.spaces.get(index));
    let with_rows = spaces.filter(|space| !space.correlations.observables.is_empty());
    with_rows.enumerate().map(|(number, space)| figure(number, space, style)).collect()
}

fn figure(number: usize, space: &Space, style: &Style) -> Result<Figure> {
    let found = &space.correlations;
    let rank = |variable: usize| space.divergence.variables.iter().position(|&known| known == variable);
    let ranks: Vec<usize> = found.variables.iter().map(|&variable| rank(variable).unwrap_or(0)).collect();
    let note = |&rank: &usize| {
        let nats = space.divergence.nats.get(rank).copied().unwrap_or(0.0);
        format!("{} nats", fixed(nats, 1))
    };
    let name = format!("correlations_{number}");
    let plot = CorrelationTable {
        text: text(
            &name,
            space.name.as_str(),
            format!(
                "Pearson correlations of {} observables with the {} most informative latent variables and the energy.",
                found.observables.len(),
                found.variables.len()
            ),
        ),
        columns: ranks.iter().map(|&rank| z_name_of_rank(rank)).chain(["Einc".to_owned()]).collect(),
        notes: ranks.iter().map(note).chain([String::new()]).collect(),
        rows: found.observables.clone(),
        entries: found.coefficients.clone(),
    };
    let caption = format!(
        "{}: Pearson correlations of {} showers' observables with sampled z and with the incident energy.",
        space.name, space.n_showers
    );
    Ok(Figure::half(name, Section::Correlations, caption, correlation_table(&plot, style)?))
}
