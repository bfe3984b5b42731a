//! From the results to the figures of the report: what is drawn, how it is called, and what its caption says.

pub(crate) mod amplification;
pub(crate) mod challenge;
mod distributions;
pub(crate) mod epochs;
mod figure;
mod images;
pub(crate) mod joined;
pub(crate) mod latent;
pub(crate) mod latent_comparison;
mod matrices;
mod scans;

use calo_metrics::results::{Results, ShowerImages};

pub(crate) use epochs::run_name;
pub(crate) use figure::{Figure, Place, Section};

use crate::error::{Error, Result};
use crate::style::Style;

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
