//! Latent spaces of several models side by side, as written to `latent-comparison.json` (schema in `docs/latent.md`).
//!
//! Plain data: `calo compare-latent` fills it, [`render_latent_comparison`](crate::render_latent_comparison) draws it.

use std::path::Path;

use calo_metrics::results::DetectorInfo;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::input::{Place, read};
use crate::latent::{Correlations, Divergence};

/// Version of the schema below; raised when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// Latent spaces of several models.
///
/// # Reference
/// arXiv:2102.12491, figures 2, 3 and 8.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentComparison {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Version of the software.
    pub calo_version: String,
    /// The detector.
    pub detector: DetectorInfo,
    /// The models, in the order given.
    pub spaces: Vec<Space>,
    /// Places, in `spaces`, of the models whose correlations are drawn.
    pub correlated: Vec<usize>,
    /// Sampled z of the leading variables of some models.
    pub marginals: Vec<ComparedMarginal>,
}

/// What one model encodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// What it is called.
    pub name: String,
    /// Epoch of the weights.
    pub epoch: u64,
    /// Latent variables that are encoded.
    pub encoded: usize,
    /// Weight of the Kullback-Leibler divergence in the run.
    pub beta_kld: Option<f64>,
    /// Showers that were encoded.
    pub n_showers: u64,
    /// How much information each variable carries.
    pub divergence: Divergence,
    /// Correlations of the leading variables, and of the incident energy, with observables.
    pub correlations: Correlations,
}

/// Distributions of sampled z of the variable of one rank in several models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparedMarginal {
    /// Place by falling divergence, from 0.
    pub rank: usize,
    /// Bin edges, the same for all.
    pub edges: Vec<f64>,
    /// One for each model.
    pub samples: Vec<SampledZ>,
    /// A density's own marginal, where one was given.
    pub density: Option<SampledDensity>,
}

/// Sampled z of encoded showers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampledZ {
    /// Name of the model.
    pub name: String,
    /// Number of the variable.
    pub variable: usize,
    /// Showers in every bin.
    pub counts: Vec<u64>,
    /// Showers outside the edges.
    pub n_outside: u64,
}

/// The marginal of a density.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampledDensity {
    /// What it is called.
    pub name: String,
    /// At the middle of every bin.
    pub values: Vec<f64>,
}

/// Reads and checks a `latent-comparison.json`.
///
/// # Errors
/// [`Error::File`](crate::Error::File) where it cannot be read or is not ours, [`Error::Field`](crate::Error::Field)
/// where it contradicts itself.
pub fn read_latent_comparison(path: &Path) -> Result<LatentComparison> {
    let versions = SCHEMA_VERSION..=SCHEMA_VERSION;
    let comparison = read(path, versions, "a result of `calo compare-latent`")?;
    check(&comparison, &Place(path))?;
    Ok(comparison)
}

fn check(comparison: &LatentComparison, place: &Place<'_>) -> Result<()> {
    let n = comparison.spaces.len();
    place.demand(n > 0, || "spaces".into(), || "none".into(), "at least one")?;
    for (index, space) in comparison.spaces.iter().enumerate() {
        check_space(space, |what| format!("spaces[{index}].{what}"), place)?;
    }
    let unknown = comparison.correlated.iter().find(|&&index| index >= n);
    let expected = format!("places below {n}");
    place.demand(unknown.is_none(), || "correlated".into(), || format!("{unknown:?}"), &expected)?;
    for (index, marginal) in comparison.marginals.iter().enumerate() {
        let field = |what: &str| format!("marginals[{index}].{what}");
        place.edges(|| field("edges"), &marginal.edges)?;
        let n_bins = marginal.edges.len() - 1;
        for sample in &marginal.samples {
            place.length(|| field("samples.counts"), sample.counts.len(), n_bins)?;
        }
        if let Some(density) = &marginal.density {
            place.length(|| field("density.values"), density.values.len(), n_bins)?;
            place.not_negative(|| field("density.values"), &density.values)?;
        }
    }
    Ok(())
}

fn check_space(space: &Space, field: impl Fn(&str) -> String, place: &Place<'_>) -> Result<()> {
    let Space { divergence, correlations, encoded, .. } = space;
    place.demand(*encoded > 0, || field("encoded"), || "0".into(), "at least one")?;
    place.numbers(|| field("beta_kld"), space.beta_kld.as_ref())?;
    for values in [&divergence.nats, &divergence.errors, &divergence.cumulative_nats] {
        place.length(|| field("divergence"), values.len(), *encoded)?;
        place.not_negative(|| field("divergence"), values)?;
    }
    place.length(|| field("divergence.variables"), divergence.variables.len(), *encoded)?;
    let n_rows = correlations.observables.len();
    place.length(|| field("correlations.coefficients"), correlations.coefficients.len(), n_rows)?;
    for row in &correlations.coefficients {
        let expected = correlations.variables.len() + 1;
        place.length(|| field("correlations.coefficients"), row.len(), expected)?;
        place.numbers(|| field("correlations.coefficients"), row.iter().flatten())?;
    }
    Ok(())
}
