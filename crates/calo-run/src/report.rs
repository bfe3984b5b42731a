//! Figures and pages from what a folder holds.

use std::path::Path;

use calo_report::ReportFiles;

use crate::Result;

/// Draws the figures of an evaluation, of a latent space or of the epochs of runs in `folder`, with a page for each.
///
/// # Errors
/// A folder that holds none of them, or damaged ones; a full disk.
pub fn report(folder: &Path) -> Result<Vec<ReportFiles>> {
    let holds = |name: &str| folder.join(name).exists();
    let others = [holds("latent.json"), holds("selection.json")];
    let mut reports = Vec::new();
    // Where nothing is, an evaluation is missed.
    if holds("results.json") || !others.contains(&true) {
        reports.push(calo_report::render(folder)?);
    }
    if others[0] {
        reports.push(calo_report::render_latent(folder)?);
    }
    if others[1] {
        reports.push(calo_report::render_selection(folder)?);
    }
    Ok(reports)
}
