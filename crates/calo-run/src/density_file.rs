//! Densities of latent variables and incident energy as files hold them, and the models that they fit.

use std::path::Path;

use calo_latent::Kde;

use crate::Result;
use crate::error::ensure;

/// Name of the conditioned column.
pub(crate) const ENERGY: &str = "energy_gev";

/// Entry of the provenance by which a density is tied to the weights that encoded its points.
pub(crate) const WEIGHTS: &str = "weights_blake3";

/// Reads a density of the latent variables of a model with these weights.
///
/// # Errors
/// A file that is no density, one without the incident energy as its condition, of another number of variables, or of
/// points that other weights encoded.
pub(crate) fn load(path: &Path, encoded: usize, weights_blake3: &str) -> Result<Kde> {
    checked(Kde::load(path)?, path, encoded, weights_blake3)
}

/// `kde`, which `path` holds, if it is one of the latent variables of a model with these weights.
///
/// # Errors
/// As [`load`].
pub(crate) fn checked(kde: Kde, path: &Path, encoded: usize, weights_blake3: &str) -> Result<Kde> {
    let place = path.display();
    ensure!(
        kde.condition().is_some_and(|column| kde.columns()[column] == ENERGY),
        "{place}: a density without `{ENERGY}` as its condition; expected what `calo density` writes"
    );
    ensure!(
        kde.latent_size() == encoded,
        "{place}: a density of {} latent variables; expected {encoded}, as the model encodes",
        kde.latent_size()
    );
    if let Some(found) = kde.provenance().get(WEIGHTS) {
        ensure!(
            found == weights_blake3,
            "{place}: a density of showers that other weights encoded ({found}); expected those of this epoch \
             ({weights_blake3})"
        );
    }
    Ok(kde)
}
