//! `calo report`: figures and one HTML page from what a folder holds.

use std::path::PathBuf;

use crate::output;

/// Draw the figures of an evaluation, a latent space, the epochs of runs or an amplification, and one HTML page with all
/// of it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder that `calo evaluate`, `calo latent`, `calo select` or `calo amplification` wrote
    folder: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let figures = args.folder.join("figures");
    for report in calo_run::report::report(&args.folder)? {
        output::print(&format!(
            "{}\n{} files in {}, an SVG and a PNG of each figure\n",
            report.html.display(),
            report.figures.len(),
            figures.display()
        ))?;
    }
    Ok(())
}
