//! Densities of latent variables and incident energy, estimated from latent files.

use std::path::PathBuf;

use calo_latent::{Bandwidth, CrossValidation, Kde, KdeSettings, KernelCovariance, PerDimension, Storage};
use ndarray::{Array2, ArrayView2, s};
use serde::Serialize;

use crate::density_file::ENERGY;
use crate::error::Context as _;
use crate::monitor::Caller;
use crate::{Error, Result, latent_file, provenance};

/// Points that bandwidths are searched with at most.
pub const SEARCH_POINTS: usize = 20_000;

/// What density is wanted, of which points.
#[derive(Debug, Clone, Serialize)]
pub struct DensityRequest {
    /// Latent file, as [`crate::encode::encode`] writes it.
    pub latent: PathBuf,
    /// File to write.
    pub out: PathBuf,
    /// How wide kernels are.
    pub bandwidth: BandwidthRule,
    /// Width along the energy in standard deviations, with [`BandwidthRule::EachVariable`] or a number; by default
    /// searched, or the same number.
    pub energy_bandwidth: Option<f64>,
    /// Shape of the kernels.
    #[serde(rename = "scaling")]
    pub covariance: KernelCovariance,
    /// Points that bandwidths are searched with at most.
    pub n_search_points: usize,
    /// Make at most so many points kernels, drawn by the seed before anything is fitted.
    pub max_centres: Option<usize>,
    /// Seed of the points that are drawn.
    pub seed: u64,
}

/// How wide kernels are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum BandwidthRule {
    /// A bandwidth for each variable, by the likelihood of held-out points.
    EachVariable,
    /// One for all variables and one for the energy, by cross-validated likelihood.
    CrossValidated,
    /// One for all variables and the energy, by cross-validated likelihood.
    One,
    /// Scott's rule.
    Scott,
    /// Silverman's rule.
    Silverman,
    /// So many standard deviations.
    Number(f64),
}

/// Estimates the density of latent variables and incident energy, and writes it.
///
/// # Errors
/// A width along the energy with a rule that has none, a file that is no latent file, points that have no density.
pub fn estimate(request: &DensityRequest, caller: Caller<'_>) -> Result<Kde> {
    let bandwidth = bandwidth(request)?;
    let points = latent_file::read(&request.latent, caller)?;
    let place = request.latent.display();
    let settings = KdeSettings {
        covariance: request.covariance,
        bandwidth,
        max_centres: request.max_centres,
        seed: request.seed,
        ..KdeSettings::default()
    };
    let mut kde = fit(points.z.view(), &points.energies_gev, settings)
        .with_context(|| format!("{place}: no density can be estimated"))?;
    let provenance = kde.provenance_mut();
    provenance.extend(provenance::attributes(&[&request.latent], caller)?);
    provenance.insert("density_seed".to_owned(), request.seed.to_string());
    // Coordinates to 1e-7: far below any bandwidth.
    kde.save(&request.out, Storage::F32)?;
    Ok(kde)
}

fn bandwidth(request: &DensityRequest) -> Result<Bandwidth> {
    let DensityRequest { n_search_points, seed, .. } = *request;
    match (request.bandwidth, request.energy_bandwidth) {
        (BandwidthRule::Number(bandwidth), condition) => Ok(Bandwidth::Fixed { bandwidth, condition }),
        (BandwidthRule::EachVariable, condition) => Ok(each_variable(n_search_points, condition, seed)),
        (_, Some(_)) => {
            let problem = "--energy-bandwidth goes with `each` or a number as --bandwidth";
            Err(Error::Usage(problem.to_owned()))
        }
        (BandwidthRule::Scott, None) => Ok(Bandwidth::Scott),
        (BandwidthRule::Silverman, None) => Ok(Bandwidth::Silverman),
        (rule @ (BandwidthRule::CrossValidated | BandwidthRule::One), None) => {
            let common = rule == BandwidthRule::One;
            let search =
                CrossValidation { n_points: n_search_points, common, seed, ..CrossValidation::default() };
            Ok(Bandwidth::CrossValidated(search))
        }
    }
}

/// A bandwidth for each variable, searched on at most `n_points`, drawn by `seed`, and one of the energy unless it is given.
pub(crate) fn each_variable(n_points: usize, energy: Option<f64>, seed: u64) -> Bandwidth {
    Bandwidth::PerDimension(PerDimension { n_points, condition: energy, seed, ..PerDimension::default() })
}

/// Density of z `[n, encoded]` and the energies, which z can be sampled at; the columns of `settings` are set here.
pub(crate) fn fit(
    z: ArrayView2<'_, f64>,
    energies_gev: &[f64],
    settings: KdeSettings,
) -> calo_latent::Result<Kde> {
    let encoded = z.ncols();
    let mut points = Array2::zeros((z.nrows(), encoded + 1));
    points.slice_mut(s![.., ..encoded]).assign(&z);
    for (point, &energy) in points.column_mut(encoded).iter_mut().zip(energies_gev) {
        *point = energy;
    }
    let columns = (0..encoded).map(|variable| format!("z {variable}")).chain([ENERGY.to_owned()]);
    let settings = KdeSettings { condition: Some(encoded), columns: columns.collect(), ..settings };
    Kde::fit(points.view(), &settings)
}
