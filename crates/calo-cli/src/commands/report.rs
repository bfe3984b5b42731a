//! `calo report`: figures and one HTML page from the folder of an evaluation.

use std::path::PathBuf;

use crate::output;

/// Draw the figures of an evaluation and one HTML page with all of it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder that `calo evaluate --out` wrote
    folder: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let report = calo_report::render(&args.folder)?;
    let (page, figures) = (report.html.display(), args.folder.join("figures"));
    output::print(&format!(
        "{page}\n{} files in {}, an SVG and a PNG of each figure\n",
        report.figures.len(),
        figures.display()
    ))
}
