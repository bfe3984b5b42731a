//! From a latent space to its figures: decoding-photons' figures 2 to 5 and 8 for one model.

mod density;
mod divergence;
mod joints;
mod names;
mod traversals;

pub(super) use density::normal_curve;
pub(super) use names::z_name_of_rank;

use crate::error::Result;
use crate::latent::LatentResults;
use crate::plots::figure::Figure;
use crate::style::Style;

/// Draws every figure that the results hold data for, in the order of the page.
///
/// # Errors
/// [`Error::Figure`](crate::Error::Figure) where the data do not fit together; checked results do.
pub(crate) fn figures(results: &LatentResults, style: &Style) -> Result<Vec<Figure>> {
    let mut figures = divergence::figures(results, style)?;
    figures.extend(joints::correlations(results, style)?);
    figures.extend(joints::variables(results, style)?);
    figures.extend(traversals::figures(results, style)?);
    figures.extend(density::marginals(results, style)?);
    figures.extend(joints::cog_z(results, style)?);
    Ok(figures)
}
