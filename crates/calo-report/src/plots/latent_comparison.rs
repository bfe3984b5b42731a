//! From several latent spaces to their figures: decoding-photons' figures 2, 3 and 8.

mod correlations;
mod divergence;
mod marginals;

use crate::error::Result;
use crate::latent_comparison::LatentComparison;
use crate::plots::figure::Figure;
use crate::style::Style;

/// Draws every figure that the comparison holds data for, in the order of the page.
///
/// # Errors
/// [`Error::Figure`](crate::Error::Figure) where the data do not fit together; a checked comparison does.
pub(crate) fn figures(comparison: &LatentComparison, style: &Style) -> Result<Vec<Figure>> {
    let mut figures = divergence::figures(comparison, style)?;
    figures.extend(correlations::figures(comparison, style)?);
    figures.extend(marginals::figures(comparison, style)?);
    Ok(figures)
}
