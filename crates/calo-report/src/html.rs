//! The pages: each one file without script, network or font, for a screen, a phone and paper.

mod amplification;
mod challenge;
mod definitions;
mod evaluation;
mod frame;
mod joined;
mod latent;
mod latent_comparison;
mod selection;
mod splits;
mod tables;

pub(crate) use amplification::page as amplification_page;
pub(crate) use challenge::page as challenge_page;
pub(crate) use evaluation::page as evaluation_page;
pub(crate) use joined::page as joined_page;
pub(crate) use latent::page as latent_page;
pub(crate) use latent_comparison::page as latent_comparison_page;
pub(crate) use selection::page as selection_page;
