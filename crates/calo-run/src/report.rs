//! Figures and pages from what a folder holds.

use std::path::Path;

use calo_report::ReportFiles;

use crate::Result;

type Render = fn(&Path) -> calo_report::Result<ReportFiles>;

/// Files that are drawn, and how.
const KINDS: [(&str, Render); 6] = [
    ("results.json", calo_report::render),
    ("latent.json", calo_report::render_latent),
    ("latent-comparison.json", calo_report::render_latent_comparison),
    ("selection.json", calo_report::render_selection),
    ("amplification.json", calo_report::render_amplification),
    ("compare.json", calo_report::render_joined),
];

/// Draws the figures of an evaluation, of a latent space or several, of the epochs of runs, of what samples are worth, or of models side by side in `folder`,
/// with a page for each.
///
/// # Errors
/// A folder that holds none of them, or damaged ones; a full disk.
pub fn report(folder: &Path) -> Result<Vec<ReportFiles>> {
    let is_there = |(name, _): &&(&str, Render)| folder.join(name).exists();
    let mut reports =
        KINDS.iter().filter(is_there).map(|(_, render)| render(folder)).collect::<Result<Vec<_>, _>>()?;
    if reports.is_empty() {
        // An evaluation is missed.
        reports.push(calo_report::render(folder)?);
    }
    Ok(reports)
}
