//! `calo report`: figures and one HTML page from what a folder holds.

use std::path::PathBuf;

use crate::output;

/// Draw the figures of an evaluation, of a latent space or of the epochs of trainings, and one HTML page with all of it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder that `calo evaluate`, `calo latent` or `calo select` wrote
    folder: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let holds = |name: &str| args.folder.join(name).exists();
    let others = [holds("latent.json"), holds("selection.json")];
    let mut reports = Vec::new();
    // Where nothing is, an evaluation is missed.
    if holds("results.json") || !others.contains(&true) {
        reports.push(calo_report::render(&args.folder)?);
    }
    if others[0] {
        reports.push(calo_report::render_latent(&args.folder)?);
    }
    if others[1] {
        reports.push(calo_report::render_selection(&args.folder)?);
    }
    let figures = args.folder.join("figures");
    for report in reports {
        output::print(&format!(
            "{}\n{} files in {}, an SVG and a PNG of each figure\n",
            report.html.display(),
            report.figures.len(),
            figures.display()
        ))?;
    }
    Ok(())
}
