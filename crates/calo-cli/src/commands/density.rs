//! `calo density`: the density of latent variables and incident energy, to sample new showers from.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use calo_latent::{Bandwidth, Scaling, Storage};
use clap::ValueEnum;

use crate::args::positive;
use crate::files::Out;
use crate::{UsageError, density, latent_file, output, provenance};

/// Estimate the density of sampled latent variables and incident energy, with Gaussian kernels
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Latent file of `calo encode`
    #[arg(long, value_name = "FILE")]
    latent: PathBuf,
    #[command(flatten)]
    out: Out,
    /// Width of the kernels in standard deviations: `each` (one for each variable, likelihood of points left out), `cv` (one
    /// for all, cross-validated likelihood), `scott`, `silverman` or a number
    #[arg(long, value_name = "RULE|X", default_value = "each")]
    bandwidth: Rule,
    /// Width along the energy in standard deviations, with `each` or a number as --bandwidth; searched, or the same number,
    /// unless told
    #[arg(long, value_name = "X", value_parser = positive)]
    energy_bandwidth: Option<f64>,
    /// Shape of the kernels
    #[arg(long, value_enum, default_value_t = Covariance::Regressed)]
    covariance: Covariance,
    /// Points that bandwidths are searched with at most
    #[arg(long, value_name = "N", default_value_t = density::SEARCH_POINTS, value_parser = search_points)]
    cv_points: usize,
    /// Keep at most so many points as kernels, drawn by the seed; all unless told
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_centres: Option<u64>,
    /// Seed of the points that are drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How wide kernels are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    EachVariable,
    CrossValidated,
    Scott,
    Silverman,
    Number(f64),
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "each" => Ok(Self::EachVariable),
            "cv" => Ok(Self::CrossValidated),
            "scott" => Ok(Self::Scott),
            "silverman" => Ok(Self::Silverman),
            _ => positive(text)
                .map(Self::Number)
                .map_err(|e| format!("{e}; expected each, cv, scott, silverman or a number")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Covariance {
    /// That of the standard deviations
    Standardised,
    /// That of the standard deviations around the regression on the energy, along which kernels lie
    Regressed,
    /// That of the full covariance
    Full,
}

fn search_points(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (10..=50_000).contains(&n) => Ok(n),
        _ => Err("expected 10 to 50000 points".to_owned()),
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let bandwidth = match (args.bandwidth, args.energy_bandwidth) {
        (Rule::Number(bandwidth), condition) => Bandwidth::Fixed { bandwidth, condition },
        (Rule::EachVariable, condition) => density::each_variable(args.cv_points, condition, args.seed),
        (_, Some(_)) => {
            let problem = "--energy-bandwidth goes with `each` or a number as --bandwidth";
            return Err(UsageError(problem.to_owned()).into());
        }
        (Rule::Scott, None) => Bandwidth::Scott,
        (Rule::Silverman, None) => Bandwidth::Silverman,
        (Rule::CrossValidated, None) => density::cross_validated(args.cv_points, args.seed),
    };
    let scaling = match args.covariance {
        Covariance::Standardised => Scaling::Standardised,
        Covariance::Regressed => Scaling::Regressed,
        Covariance::Full => Scaling::FullCovariance,
    };
    let points = latent_file::read(&args.latent)?;
    let place = args.latent.display();
    let mut kde = density::fit(points.z.view(), &points.energies_gev, bandwidth, scaling)
        .with_context(|| format!("{place}: no density can be estimated"))?;
    if let Some(n) = args.max_centres {
        kde = kde.reduced(usize::try_from(n).unwrap_or(usize::MAX), args.seed)?;
    }
    let provenance = kde.provenance_mut();
    provenance.extend(provenance::attributes(&[&args.latent])?);
    provenance.insert("density_seed".to_owned(), args.seed.to_string());
    // Coordinates to 1e-7: far below any bandwidth.
    kde.save(&args.out.out, Storage::F32)?;
    let likelihood = kde.search().map_or_else(String::new, |search| {
        let [value, error] = search.log_likelihood();
        format!(", log likelihood of points left out {value:.3} +- {error:.3} ({} points)", search.n_points())
    });
    let end = |pick: fn(f64, f64) -> f64| kde.bandwidths().iter().copied().reduce(pick).unwrap_or(f64::NAN);
    output::print(&format!(
        "density of {} variables and energy from {} kernels, bandwidths {:.3} to {:.3}, of the energy {:.3}{likelihood}, written to {}\n",
        kde.latent_size(),
        kde.n_centres(),
        end(f64::min),
        end(f64::max),
        kde.condition_bandwidth().unwrap_or(f64::NAN),
        args.out.out.display()
    ))
}
