//! What the figures of a latent space call its variables and its model.

use crate::latent::LatentResults;
use crate::text::plain;

/// The paper's name of a variable, which counts by falling divergence: z₀, z₁, ...
pub(super) fn z_name(results: &LatentResults, variable: usize) -> String {
    z_name_of_rank(results.rank(variable).unwrap_or(variable))
}

/// The same by rank.
pub(crate) fn z_name_of_rank(rank: usize) -> String {
    let digits = rank.to_string();
    let subscript =
        digits.chars().filter_map(|c| char::from_u32(u32::from(c) - u32::from('0') + u32::from('₀')));
    format!("z{}", subscript.collect::<String>())
}

/// Name of the model in titles, with what tells it from others.
pub(super) fn model_name(results: &LatentResults) -> String {
    let model = &results.model;
    let beta = model.beta_kld.map(|beta| format!(", β = {}", plain(beta))).unwrap_or_default();
    format!("{}, epoch {}{beta}", model.name, model.epoch)
}
