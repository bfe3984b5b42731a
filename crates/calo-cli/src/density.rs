//! Densities of latent variables and incident energy: how they are fitted and read back.

use std::path::Path;

use anyhow::ensure;
use calo_latent::{Bandwidth, CrossValidation, EachColumn, Kde, KdeSettings, Scaling};
use ndarray::{Array2, ArrayView2, s};

/// Name of the conditioned column.
const ENERGY: &str = "energy_gev";

/// Entry of the provenance by which a density is tied to the weights that encoded its points.
pub(crate) const WEIGHTS: &str = "weights_blake3";

/// Points that bandwidths are searched with at most.
pub(crate) const SEARCH_POINTS: usize = 10_000;

/// A bandwidth for each variable, searched on at most `n_points`, drawn by `seed`, and one of the energy unless it is given.
pub(crate) fn each_variable(n_points: usize, energy: Option<f64>, seed: u64) -> Bandwidth {
    Bandwidth::EachColumn(EachColumn { n_points, condition: energy, seed, ..EachColumn::default() })
}

/// A bandwidth for all variables by cross-validation on at most `n_points`, drawn by `seed`.
pub(crate) fn cross_validated(n_points: usize, seed: u64) -> Bandwidth {
    Bandwidth::CrossValidated(CrossValidation { n_points, seed, ..CrossValidation::default() })
}

/// Density of z `[n, encoded]` and the energies, which z can be sampled at.
pub(crate) fn fit(
    z: ArrayView2<'_, f64>,
    energies_gev: &[f64],
    bandwidth: Bandwidth,
    scaling: Scaling,
) -> calo_latent::Result<Kde> {
    let encoded = z.ncols();
    let mut points = Array2::zeros((z.nrows(), encoded + 1));
    points.slice_mut(s![.., ..encoded]).assign(&z);
    for (point, &energy) in points.column_mut(encoded).iter_mut().zip(energies_gev) {
        *point = energy;
    }
    let columns = (0..encoded).map(|variable| format!("z {variable}")).chain([ENERGY.to_owned()]);
    let settings = KdeSettings { scaling, bandwidth, condition: Some(encoded), columns: columns.collect() };
    Kde::fit(points.view(), &settings)
}

/// Reads a density of the latent variables of a model with these weights.
///
/// # Errors
/// A file that is no density, one without the incident energy as its condition, of another number of variables, or of
/// points that other weights encoded.
pub(crate) fn load(path: &Path, encoded: usize, weights_blake3: &str) -> anyhow::Result<Kde> {
    checked(Kde::load(path)?, path, encoded, weights_blake3)
}

/// `kde`, which `path` holds, if it is one of the latent variables of a model with these weights.
///
/// # Errors
/// As [`load`].
pub(crate) fn checked(kde: Kde, path: &Path, encoded: usize, weights_blake3: &str) -> anyhow::Result<Kde> {
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
