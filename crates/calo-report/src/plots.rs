//! From the results to the figures of the report: what is drawn, how it is called, and what its caption says.

mod distributions;
pub(crate) mod epochs;
mod images;
pub(crate) mod latent;
mod matrices;
mod scans;

use calo_metrics::results::{Results, ShowerImages};

pub(crate) use epochs::run_name;

use crate::error::{Error, Result};
use crate::style::Style;
use crate::svg::FigureText;

/// A figure of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    /// Name of its files, without extension.
    pub(crate) name: String,
    /// Part of the page where it stands.
    pub(crate) section: Section,
    /// Caption, plain text.
    pub(crate) caption: String,
    /// The drawing.
    pub(crate) svg: String,
    /// Its place among the others.
    pub(crate) place: Place,
}

/// Room that a figure takes on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Beside another.
    Half,
    /// As large as one of two, but alone in its row.
    Alone,
    /// The whole width.
    Wide,
}

/// Parts of the page that hold figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// The histograms of the observables.
    Distributions,
    /// Mean and width of the visible energy.
    Response,
    /// Pearson matrices.
    Correlations,
    /// Images of showers.
    Showers,
    /// Divergences of latent variables.
    Information,
    /// Showers along latent variables.
    Traversals,
    /// What z is sampled from, and what comes of it.
    Sampling,
    /// Runs, epoch by epoch.
    Epochs,
}

/// Draws every figure that the results hold data for, in the order of the page.
///
/// # Errors
/// [`Error::Figure`](crate::Error::Figure) where the data do not fit together; checked results do.
pub(crate) fn figures(results: &Results, showers: &ShowerImages, style: &Style) -> Result<Vec<Figure>> {
    let mut figures = distributions::figures(results, style)?;
    figures.extend(scans::figures(results, style)?);
    figures.extend(matrices::figures(results, style)?);
    figures.extend(images::figures(results, showers, style)?);
    for (i, figure) in figures.iter().enumerate() {
        // Observables come from the file: none may take the name of another figure.
        if figures[..i].iter().any(|other| other.name == figure.name) {
            return Err(Error::figure(&figure.name, "there twice", "a name for each figure"));
        }
    }
    Ok(figures)
}

fn text(id: &str, title: impl Into<String>, alt: impl Into<String>) -> FigureText {
    FigureText { id: id.to_owned(), title: title.into(), alt: alt.into() }
}
