//! What the table says of a latent space.

use calo_report::latent::LatentResults;
use serde::Serialize;

use crate::experiment::seed::LatentSpace;

/// What a latent space holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LatentRow {
    /// Name of the run on the page.
    pub label: String,
    /// Latent variables that are encoded.
    pub encoded: usize,
    /// Their divergence in all, nats.
    pub kld_nats: f64,
    /// Correlation of the variable of the highest divergence with the centre of gravity in depth.
    pub cog_z: Option<f64>,
    /// The largest correlation in size of one of the other leading variables with the second moment in depth.
    pub m2_z: Option<f64>,
    /// Correlation of the incident energy with the centre of gravity in depth.
    pub energy_cog_z: Option<f64>,
    /// Whether variables were activated one after another, so that the first one carries the depth by construction.
    pub is_staged: bool,
}

impl LatentRow {
    pub(super) fn new(space: &LatentSpace) -> Self {
        let LatentResults { divergence, correlations, model, .. } = &space.results;
        let row = |name: &str| -> &[Option<f64>] {
            let row = correlations.observables.iter().position(|known| known == name);
            row.and_then(|row| correlations.coefficients.get(row)).map_or(&[][..], Vec::as_slice)
        };
        // The incident energy comes last.
        let others = row("m2z").iter().skip(1).rev().skip(1).flatten();
        Self {
            label: space.label.clone(),
            encoded: model.encoded,
            kld_nats: divergence.cumulative_nats.last().copied().unwrap_or_default(),
            cog_z: row("m1z").first().copied().flatten(),
            m2_z: others.copied().max_by(|a, b| a.abs().total_cmp(&b.abs())),
            energy_cog_z: row("m1z").last().copied().flatten(),
            is_staged: space.is_staged,
        }
    }
}
