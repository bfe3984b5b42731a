//! `calo density`: the density of latent variables and incident energy, to sample new showers from.

use std::path::PathBuf;
use std::str::FromStr;

use calo_latent::{Kde, KernelCovariance};
use calo_run::density::{BandwidthRule, DensityRequest, SEARCH_POINTS, estimate};
use calo_run::monitor::Caller;
use calo_run::positive;
use clap::ValueEnum;

use crate::options::Out;
use crate::output;

/// Estimate the density of sampled latent variables and incident energy, with Gaussian kernels
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Latent file of `calo encode`
    #[arg(long, value_name = "FILE")]
    latent: PathBuf,
    #[command(flatten)]
    out: Out,
    /// Width of the kernels in standard deviations: `each` (one for each variable, likelihood of held-out points), `cv` (one
    /// for all variables and one for the energy, cross-validated likelihood), `one` (one for all and the energy), `scott`,
    /// `silverman` or a number
    #[arg(long, value_name = "RULE|X", default_value = "each")]
    bandwidth: Rule,
    /// Width along the energy in standard deviations, with `each` or a number as --bandwidth; by default
    /// searched, or the same number
    #[arg(long, value_name = "X", value_parser = positive)]
    energy_bandwidth: Option<f64>,
    /// Shape of the kernels
    #[arg(long, value_enum, default_value_t = Covariance::Regressed)]
    covariance: Covariance,
    /// Points that bandwidths are searched with at most; where there are more kernels, these are narrower by (m / n)^(1 / (d +
    /// 4))
    #[arg(long, value_name = "N", default_value_t = SEARCH_POINTS, value_parser = search_points)]
    cv_points: usize,
    /// Make at most this many points kernels, drawn by the seed before anything is fitted; by default all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
    max_centres: Option<u64>,
    /// Seed of the points that are drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How wide kernels are, as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rule(BandwidthRule);

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = match text {
            "each" => BandwidthRule::EachVariable,
            "cv" => BandwidthRule::CrossValidated,
            "one" => BandwidthRule::One,
            "scott" => BandwidthRule::Scott,
            "silverman" => BandwidthRule::Silverman,
            _ => positive(text)
                .map(BandwidthRule::Number)
                .map_err(|e| format!("{e}; expected each, cv, one, scott, silverman or a number"))?,
        };
        Ok(Self(rule))
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

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let covariance = match args.covariance {
        Covariance::Standardised => KernelCovariance::Standardised,
        Covariance::Regressed => KernelCovariance::Regressed,
        Covariance::Full => KernelCovariance::FullCovariance,
    };
    let request = DensityRequest {
        latent: args.latent.clone(),
        out: args.out.path()?,
        bandwidth: args.bandwidth.0,
        energy_bandwidth: args.energy_bandwidth,
        covariance,
        n_search_points: args.cv_points,
        max_centres: args.max_centres.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
        seed: args.seed,
    };
    let kde = estimate(&request, caller)?;
    output::print(&summary(&kde, args))
}

fn summary(kde: &Kde, args: &Args) -> String {
    let likelihood = kde.search().map_or_else(String::new, |search| {
        let [value, error] = search.log_likelihood();
        format!(", log likelihood of held-out points {value:.3} +- {error:.3} ({} points)", search.n_points())
    });
    let end = |pick: fn(f64, f64) -> f64| kde.bandwidths().iter().copied().reduce(pick).unwrap_or(f64::NAN);
    format!(
        "density of {} variables and energy from {} kernels, bandwidths {:.3} to {:.3}, of the energy {:.3}{likelihood}, written to {}\n",
        kde.latent_size(),
        kde.n_centres(),
        end(f64::min),
        end(f64::max),
        kde.condition_bandwidth().unwrap_or(f64::NAN),
        args.out.out.display()
    )
}
