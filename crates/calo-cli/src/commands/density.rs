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
    /// Width of the kernels in standard deviations: `cv` (cross-validated likelihood), `scott`, `silverman` or a number
    #[arg(long, value_name = "RULE|X", default_value = "cv")]
    bandwidth: Rule,
    /// Width along the energy in standard deviations, with a number as --bandwidth; the same unless told
    #[arg(long, value_name = "X", value_parser = positive)]
    energy_bandwidth: Option<f64>,
    /// Shape of the kernels: that of the standard deviations, or of the full covariance
    #[arg(long, value_enum, default_value_t = Covariance::Standardised)]
    covariance: Covariance,
    /// Points that the bandwidth is searched with at most
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
    CrossValidated,
    Scott,
    Silverman,
    Number(f64),
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cv" => Ok(Self::CrossValidated),
            "scott" => Ok(Self::Scott),
            "silverman" => Ok(Self::Silverman),
            _ => positive(text)
                .map(Self::Number)
                .map_err(|e| format!("{e}; expected cv, scott, silverman or a number")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Covariance {
    Standardised,
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
        (_, Some(_)) => {
            return Err(UsageError("--energy-bandwidth goes with a number as --bandwidth".to_owned()).into());
        }
        (Rule::Scott, None) => Bandwidth::Scott,
        (Rule::Silverman, None) => Bandwidth::Silverman,
        (Rule::CrossValidated, None) => density::cross_validated(args.cv_points, args.seed),
    };
    let scaling = match args.covariance {
        Covariance::Standardised => Scaling::Standardised,
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
        let best = search.best;
        format!(
            ", log likelihood of points left out {:.3} +- {:.3} ({} points)",
            best.log_likelihood, best.error, search.n_points
        )
    });
    output::print(&format!(
        "density of {} variables and energy from {} kernels, bandwidth {:.3}, of the energy {:.3}{likelihood}, written to {}\n",
        kde.latent_size(),
        kde.n_centres(),
        kde.bandwidth(),
        kde.condition_bandwidth().unwrap_or(f64::NAN),
        args.out.out.display()
    ))
}
