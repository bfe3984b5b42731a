//! Latent spaces of several models side by side: numbers, figures and a page.

use std::path::PathBuf;

use calo_latent::{Kde, divergence_spectrum};
use calo_metrics::{Axis, Histogram};
use calo_report::ReportFiles;
use calo_report::latent::{LatentResults, read_latent};
use calo_report::latent_comparison::{
    ComparedMarginal, LatentComparison, SCHEMA_VERSION, SampledDensity, SampledZ, Space,
};
use ndarray::{Array1, ArrayView1};
use serde::Serialize;

use crate::error::{Context as _, ensure};
use crate::files::{create_folder, write_json};
use crate::latent_file::{self, LatentPosteriors};
use crate::monitor::Caller;
use crate::provenance::VERSION;
use crate::{Error, Result};

/// Ranks of the variables whose sampled z is compared.
const N_RANKS: usize = 2;

/// Bins of a distribution, and how far it reaches: where N(0, 1) has ended, at least.
const N_BINS: usize = 60;
const REACH: f64 = 4.0;

/// Share of the showers that may lie beyond the bins on either side.
const TAIL: f64 = 0.002;

/// Which latent spaces are compared.
#[derive(Debug, Clone, Serialize)]
pub struct CompareLatentRequest {
    /// Folders of `calo latent`; one at least.
    pub spaces: Vec<NamedPath>,
    /// Names of those whose correlations are drawn; of all where there is none.
    pub correlations: Vec<String>,
    /// Latent files of `calo encode`, whose sampled z is drawn.
    pub encoded: Vec<NamedPath>,
    /// A density of the first of these, to draw beside them.
    pub density: Option<NamedPath>,
    /// Showers of each of these files at most, from the first on.
    pub max_showers: Option<usize>,
    /// Folder for latent-comparison.json, latent-comparison.html and figures/.
    pub out: PathBuf,
}

/// A file or folder, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedPath {
    /// In tables and legends.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// Puts divergences, correlations and sampled z of several models beside each other.
///
/// # Errors
/// Folders or files that hold something else, models of several detectors, a name that is not among the spaces, a density of
/// another number of variables; a full disk.
pub fn compare_latent(
    request: &CompareLatentRequest,
    caller: Caller<'_>,
) -> Result<(LatentComparison, ReportFiles)> {
    let results = request.spaces.iter().map(|space| Ok(read_latent(&space.path)?));
    let results = results.collect::<Result<Vec<LatentResults>>>()?;
    let first = results.first().context("no latent space; expected one at least")?;
    for (space, other) in request.spaces.iter().zip(&results) {
        ensure!(
            other.detector == first.detector,
            "{}: of detector {}; expected {}, as the first",
            space.path.display(),
            other.detector.name,
            first.detector.name
        );
    }
    let comparison = LatentComparison {
        schema_version: SCHEMA_VERSION,
        calo_version: VERSION.trim_start_matches("calo ").to_owned(),
        detector: first.detector.clone(),
        spaces: request.spaces.iter().zip(&results).map(|(named, of)| space(named, of)).collect(),
        correlated: correlated(request)?,
        marginals: marginals(request, caller)?,
    };
    create_folder(&request.out)?;
    write_json(&request.out.join("latent-comparison.json"), &comparison)?;
    let files = calo_report::render_latent_comparison(&request.out)?;
    Ok((comparison, files))
}

fn space(named: &NamedPath, results: &LatentResults) -> Space {
    Space {
        name: named.name.clone(),
        epoch: results.model.epoch,
        encoded: results.model.encoded,
        beta_kld: results.model.beta_kld,
        n_showers: results.data.n_showers,
        divergence: results.divergence.clone(),
        correlations: results.correlations.clone(),
    }
}

/// Places of the spaces whose correlations are drawn.
fn correlated(request: &CompareLatentRequest) -> Result<Vec<usize>> {
    if request.correlations.is_empty() {
        return Ok((0..request.spaces.len()).collect());
    }
    let place = |name: &String| {
        request.spaces.iter().position(|space| space.name == *name).ok_or_else(|| {
            let names = request.spaces.iter().map(|space| space.name.as_str()).collect::<Vec<_>>();
            Error::Usage(format!("--correlations {name}: expected one of {}", names.join(", ")))
        })
    };
    request.correlations.iter().map(place).collect()
}

/// Sampled z of the leading variables of every latent file.
fn marginals<'a>(request: &'a CompareLatentRequest, caller: Caller<'_>) -> Result<Vec<ComparedMarginal>> {
    let mut files = Vec::new();
    for named in &request.encoded {
        let mut showers = latent_file::read_posteriors(&named.path, caller)?;
        if let Some(n) = request.max_showers {
            showers = showers.first(n);
        }
        let order = divergence_spectrum(showers.mean.view(), showers.log_variance.view())?.order;
        files.push((named, showers, order));
    }
    let Some((_, first, order)) = files.first() else {
        if request.density.is_some() {
            return Err(Error::Usage("--density: is of the first of --encoded; expected some".to_owned()));
        }
        return Ok(Vec::new());
    };
    let load = |named: &'a NamedPath| -> Result<_> { Ok((named, Kde::load(&named.path)?)) };
    let density = request.density.as_ref().map(load).transpose()?;
    if let Some((named, kde)) = &density {
        let n = first.z.ncols();
        ensure!(
            kde.latent_size() == n,
            "{}: a density of {} latent variables; expected {n}, as the first latent file has",
            named.path.display(),
            kde.latent_size()
        );
    }
    let n_ranks = files.iter().map(|(_, _, order)| order.len()).fold(N_RANKS, usize::min);
    let marginal = |rank: usize| -> Result<ComparedMarginal> {
        let columns = files.iter().map(|(_, showers, order)| showers.z.column(order[rank]));
        let axis = axis(columns)?;
        let edges = axis.edges().to_vec();
        let middles: Array1<f64> = edges.windows(2).map(|bin| f64::midpoint(bin[0], bin[1])).collect();
        let density = density.as_ref().map(|(named, kde)| {
            let values = kde.marginal(order[rank], middles.view())?.to_vec();
            Ok::<_, Error>(SampledDensity { name: named.name.clone(), values })
        });
        let sample = |(named, showers, order): &(&NamedPath, LatentPosteriors, Vec<usize>)| {
            sampled(named, order[rank], showers.z.column(order[rank]), axis.clone())
        };
        let samples = files.iter().map(sample).collect();
        Ok(ComparedMarginal { rank, edges, samples, density: density.transpose()? })
    };
    (0..n_ranks).map(marginal).collect()
}

/// Bins that hold nearly all of these values.
fn axis<'a>(columns: impl Iterator<Item = ArrayView1<'a, f64>>) -> Result<Axis> {
    let reach = columns.fold(REACH, |reach: f64, column| {
        let mut sizes: Vec<f64> = column.iter().map(|z| z.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let inner = ((1.0 - 2.0 * TAIL) * sizes.len() as f64) as usize;
        reach.max(sizes.get(inner.min(sizes.len().saturating_sub(1))).copied().unwrap_or(0.0))
    });
    let reach = reach.ceil();
    Ok(Axis::linear(N_BINS, -reach, reach)?)
}

fn sampled(named: &NamedPath, variable: usize, z: ArrayView1<'_, f64>, axis: Axis) -> SampledZ {
    let mut histogram = Histogram::new(axis);
    histogram.fill_all(z);
    let count = |value: f64| value.round() as u64;
    SampledZ {
        name: named.name.clone(),
        variable,
        counts: histogram.counts().iter().map(|&value| count(value)).collect(),
        n_outside: count(histogram.underflow() + histogram.overflow()),
    }
}
