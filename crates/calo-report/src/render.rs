//! The whole report: reads the results, draws, and puts the files into place.

use std::fs;
use std::path::{Path, PathBuf};

use calo_core::{Error, write_atomically};

use crate::amplification::read_amplification;
use crate::error::Result;
use crate::joined::read_joined;
use crate::latent::read_latent;
use crate::latent_comparison::read_latent_comparison;
use crate::plots::Figure;
use crate::selection::read_selection;
use crate::style::Style;
use crate::{html, input, plots, raster};

/// What [`render`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFiles {
    /// The page with everything in it.
    pub html: PathBuf,
    /// The figures, an SVG and a PNG of each.
    pub figures: Vec<PathBuf>,
}

/// Pixels of the PNG for each unit of the SVG.
const PNG_SCALE: f32 = 2.0;

/// Renders `results.json` and `showers.json` in `dir` as `dir/report.html` and `dir/figures/*.{svg,png}`. An evaluation on
/// layers of voxels has no `showers.json`.
///
/// Everything is drawn before the first file is written, and each file appears whole or not at all. The same input gives
/// the same bytes.
///
/// # Errors
/// One line that names the file and what is wrong with it: missing, not JSON, of another schema version, contradictory;
/// or the file that could not be written.
///
/// # Examples
/// ```
/// let nowhere = std::path::Path::new("no/such/folder");
/// let error = calo_report::render(nowhere).unwrap_err();
/// assert!(error.to_string().contains("results.json: cannot open for reading"));
/// ```
pub fn render(dir: &Path) -> Result<ReportFiles> {
    if input::is_challenge(dir) {
        return render_challenge(dir);
    }
    let results = input::read_results(dir)?;
    let showers = input::read_showers(dir, &results)?;
    let figures = plots::figures(&results, &showers, &Style::default())?;
    let page = html::evaluation_page(&results, &figures);
    write(dir, "report.html", &page, figures)
}

/// The page of an evaluation on layers of voxels.
fn render_challenge(dir: &Path) -> Result<ReportFiles> {
    let results = input::read_challenge_results(dir)?;
    let figures = plots::challenge::figures(&results, &Style::default())?;
    let page = html::challenge_page(&results, &figures);
    write(dir, "report.html", &page, figures)
}

/// Renders `latent.json` in `dir` as `dir/latent.html` and `dir/figures/*.{svg,png}`, with the promises of [`render`].
///
/// # Errors
/// As [`render`].
///
/// # Reference
/// arXiv:2102.12491, figures 2 to 5 and 8, for one model.
pub fn render_latent(dir: &Path) -> Result<ReportFiles> {
    let results = read_latent(dir)?;
    let figures = plots::latent::figures(&results, &Style::default())?;
    let page = html::latent_page(&results, &figures);
    write(dir, "latent.html", &page, figures)
}

/// Renders `latent-comparison.json` in `dir` as `dir/latent-comparison.html` and `dir/figures/*.{svg,png}`, with the promises
/// of [`render`].
///
/// # Errors
/// As [`render`].
///
/// # Reference
/// arXiv:2102.12491, figures 2, 3 and 8, for several models.
pub fn render_latent_comparison(dir: &Path) -> Result<ReportFiles> {
    let comparison = read_latent_comparison(&dir.join("latent-comparison.json"))?;
    let figures = plots::latent_comparison::figures(&comparison, &Style::default())?;
    let page = html::latent_comparison_page(&comparison, &figures);
    write(dir, "latent-comparison.html", &page, figures)
}

/// Renders `selection.json` in `dir` as `dir/selection.html` and `dir/figures/*.{svg,png}`, with the promises of [`render`].
///
/// # Errors
/// As [`render`].
///
/// # Reference
/// arXiv:2102.12491, figure 9.
pub fn render_selection(dir: &Path) -> Result<ReportFiles> {
    let selection = read_selection(&dir.join("selection.json"))?;
    let figures = plots::epochs::figures(&selection, &Style::default())?;
    let page = html::selection_page(&selection, &figures);
    write(dir, "selection.html", &page, figures)
}

/// Renders `compare.json` in `dir` as `dir/compare.html` and `dir/figures/*.{svg,png}`, with the promises of [`render`].
///
/// # Errors
/// As [`render`].
pub fn render_joined(dir: &Path) -> Result<ReportFiles> {
    let joined = read_joined(&dir.join("compare.json"))?;
    let figures = plots::joined::figures(&joined, &Style::default())?;
    let page = html::joined_page(&joined, &figures);
    write(dir, "compare.html", &page, figures)
}

/// Renders `amplification.json` in `dir` as `dir/amplification.html` and `dir/figures/*.{svg,png}`, with the promises of
/// [`render`].
///
/// # Errors
/// As [`render`].
///
/// # Reference
/// arXiv:2202.07352, figures 6, 7, 9 and 10.
pub fn render_amplification(dir: &Path) -> Result<ReportFiles> {
    let amplification = read_amplification(&dir.join("amplification.json"))?;
    let figures = plots::amplification::figures(&amplification, &Style::default())?;
    let page = html::amplification_page(&amplification, &figures);
    write(dir, "amplification.html", &page, figures)
}

/// Writes the figures, then the page.
fn write(dir: &Path, name: &str, page: &str, figures: Vec<Figure>) -> Result<ReportFiles> {
    let figures = write_figures(dir, figures)?;
    let html = dir.join(name);
    write_atomically(&html, page.as_bytes())?;
    Ok(ReportFiles { html, figures })
}

/// Writes every figure as SVG and PNG, once all are drawn.
fn write_figures(dir: &Path, figures: Vec<Figure>) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for figure in figures {
        let png = raster::png(&figure.name, &figure.svg, PNG_SCALE)?;
        files.push((format!("{}.svg", figure.name), figure.svg.into_bytes()));
        files.push((format!("{}.png", figure.name), png));
    }

    let folder = dir.join("figures");
    fs::create_dir_all(&folder).map_err(|source| Error::io(&folder, "create the folder", source))?;
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        write_atomically(&path, &bytes)?;
        written.push(path);
    }
    Ok(written)
}
