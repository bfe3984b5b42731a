//! What latent spaces hold.

use calo_metrics::results::Estimate;

use super::combined;
use crate::experiment::markdown::aligned;
use crate::experiment::table::{LatentRow, Table};

/// What latent spaces hold, and how the first variable came to hold the depth.
pub(super) fn latent_spaces(table: &Table) -> String {
    let Some(first) = table.seeds.first().filter(|row| !row.latent_spaces.is_empty()) else {
        return String::new();
    };
    let names = [
        "run",
        "n",
        "KLD, nats",
        "\\|ρ\\| of the first variable with CoG-z",
        "largest \\|ρ\\| of another with m2z",
        "\\|ρ\\| of the energy with CoG-z",
        "variables activated",
    ];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    for (index, space) in first.latent_spaces.iter().enumerate() {
        let over_seeds = |quantity: fn(&LatentRow) -> Option<f64>, digits: usize| {
            let values = table.seeds.iter().filter_map(|row| quantity(row.latent_spaces.get(index)?));
            combined(values.map(|value| Estimate { value: value.abs(), error: None }), digits)
        };
        rows.push(vec![
            space.label.clone(),
            space.encoded.to_string(),
            over_seeds(|space| Some(space.kld_nats), 1),
            over_seeds(|space| space.cog_z, 2),
            over_seeds(|space| space.m2_z, 2),
            over_seeds(|space| space.energy_cog_z, 2),
            if space.is_staged { "one by one" } else { "all at once" }.to_owned(),
        ]);
    }
    let mut text = format!("\n## Latent spaces\n\n{}", aligned(&rows));
    if first.latent_spaces.iter().any(|space| space.is_staged) {
        text += "\nWhere latent variables were activated one by one (`losses.staged_activation`), the first one carries the depth \
                 by construction. Its correlation does not compare with the paper's, whose variables are all active from the \
                 first step.\n";
    }
    text
}
