//! `calo compare-latent`: latent spaces of several models side by side.

use std::path::PathBuf;

use calo_run::latent_comparison::{CompareLatentRequest, NamedPath, compare_latent};
use calo_run::monitor::Caller;

use crate::args::NamedFile;
use crate::output;

/// Put latent spaces of several models side by side: information by variable, correlations and sampled z;
/// latent-comparison.json, a page and figures
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of `calo latent`; may be given again
    #[arg(long, value_name = "[NAME=]FOLDER", required = true)]
    latent: Vec<NamedFile>,
    /// Name of one whose correlations are drawn, instead of those of all; may be given again
    #[arg(long, value_name = "NAME")]
    correlations: Vec<String>,
    /// Latent file of `calo encode`, whose sampled z is drawn; may be given again
    #[arg(long, value_name = "[NAME=]FILE")]
    encoded: Vec<NamedFile>,
    /// Density of the first of these, drawn beside them
    #[arg(long, value_name = "[NAME=]FILE", requires = "encoded")]
    density: Option<NamedFile>,
    /// Showers of each latent file at most; by default all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
    max_showers: Option<u64>,
    /// Folder for latent-comparison.json, latent-comparison.html and figures/
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let named = |file: &NamedFile| NamedPath { name: file.name.clone(), path: file.path.clone() };
    let request = CompareLatentRequest {
        spaces: args.latent.iter().map(named).collect(),
        correlations: args.correlations.clone(),
        encoded: args.encoded.iter().map(named).collect(),
        density: args.density.as_ref().map(named),
        max_showers: args.max_showers.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
        out: args.out.clone(),
    };
    let (comparison, files) = compare_latent(&request, caller)?;
    let mut text = String::new();
    for space in &comparison.spaces {
        let total = space.divergence.cumulative_nats.last().copied().unwrap_or_default();
        text += &format!("{}: {total:.2} nats in {} variables\n", space.name, space.encoded);
    }
    text += &format!(
        "{}\n{} files in figures/, an SVG and a PNG of each figure\n",
        files.html.display(),
        files.figures.len()
    );
    output::print(&text)
}
