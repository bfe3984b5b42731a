//! From a latent space to its figures: decoding-photons' figures 2 to 5 and 8 for one model.

mod density;
mod divergence;
mod joints;
mod traversals;

use crate::error::Result;
use crate::latent::LatentResults;
use crate::plots::{Figure, Place, Section};
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

/// A figure of this page, beside another.
fn half(name: &str, section: Section, caption: String, svg: String) -> Figure {
    Figure { name: name.to_owned(), section, caption, svg, place: Place::Half }
}

/// A figure of this page that takes the whole width.
fn wide(name: &str, section: Section, caption: String, svg: String) -> Figure {
    Figure { place: Place::Wide, ..half(name, section, caption, svg) }
}

/// The paper's name of a variable, which counts by falling divergence: z₀, z₁, ...
fn z_name(results: &LatentResults, variable: usize) -> String {
    let rank = results.rank(variable).unwrap_or(variable);
    let digits = rank.to_string();
    let subscript =
        digits.chars().filter_map(|c| char::from_u32(u32::from(c) - u32::from('0') + u32::from('₀')));
    format!("z{}", subscript.collect::<String>())
}

/// Name of the model in titles, with what tells it from others.
fn model_name(results: &LatentResults) -> String {
    let model = &results.model;
    let beta = model.beta_kld.map(|beta| format!(", β = {}", crate::text::plain(beta))).unwrap_or_default();
    format!("{}, epoch {}{beta}", model.name, model.epoch)
}
