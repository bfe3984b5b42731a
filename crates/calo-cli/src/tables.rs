//! Results as text for the terminal.

mod amplification;
mod challenge;
pub(crate) mod display;
mod evaluation;
mod inspection;
mod joined;
pub(crate) mod layers;
mod selection;

pub(crate) use amplification::amplification;
pub(crate) use challenge::challenge;
pub(crate) use evaluation::evaluation;
pub(crate) use inspection::{hit_inspection, inspection};
pub(crate) use joined::joined;
pub(crate) use selection::selection;

/// Which rows the staggering correction left out, where a detector is staggered.
pub(crate) fn staggering(map: Option<&str>) -> String {
    map.map(|map| format!("staggering: {map}\n")).unwrap_or_default()
}
