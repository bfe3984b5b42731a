//! Figures and one self-contained page from a comparison of showers.
//!
//! [`render`] turns the `results.json` and `showers.json` that `calo evaluate` leaves into `report.html` and a folder of
//! figures, each as SVG and PNG; [`render_latent`] does so with the `latent.json` of `calo latent`, [`render_latent_comparison`] with the
//! `latent-comparison.json` of `calo compare-latent`, [`render_selection`] with the `selection.json` of `calo select`, [`render_amplification`] with the `amplification.json` of `calo amplification`, [`render_joined`] with the `compare.json` of `calo compare`. The single figures are functions of plain data in [`figures`], for other programs:
//!
//! ```
//! use calo_report::figures::{Shower, ShowerPanel, event_display};
//! use calo_report::{FigureText, Style, png};
//!
//! let shower = Shower {
//!     label: "10 GeV photon".into(),
//!     cells: vec![[3, 14, 15], [4, 14, 15], [4, 15, 15]],
//!     energies_mev: vec![1.5, 20.0, 0.3],
//! };
//! let panel = ShowerPanel {
//!     text: FigureText { id: "event".into(), title: "Event 0".into(), alt: "Three cells".into() },
//!     grid: [30, 30, 30],
//!     cell_cut_mev: 0.1,
//!     showers: vec![shower],
//! };
//! let svg = event_display(&panel, &Style::default())?;
//! assert!(svg.starts_with("<svg") && png("event", &svg, 2.0)?.starts_with(b"\x89PNG"));
//! # Ok::<(), calo_report::Error>(())
//! ```
//!
//! SVG is written by a small writer of our own: ratio panels, step lines with error bands and boxes in perspective are
//! more than a plotting crate offers, and everything looks the same on screen, in print and as PNG. A figure depends on its
//! data alone; the same input gives the same bytes.
#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a library returns messages instead of printing them"
)]

pub mod amplification;
mod axis;
mod colour;
mod error;
pub mod figures;
mod html;
mod input;
pub mod joined;
pub mod latent;
pub mod latent_comparison;
mod panel;
mod plots;
mod raster;
mod render;
pub mod selection;
mod style;
mod svg;
mod text;

pub use error::{Error, Result};
pub use input::{read_challenge_results, read_results, read_showers};
pub use raster::png;
pub use render::{
    ReportFiles, render, render_amplification, render_joined, render_latent, render_latent_comparison,
    render_selection,
};
pub use style::{Marker, SeriesStyle, Style};
pub use svg::FigureText;

/// The example of the README is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
