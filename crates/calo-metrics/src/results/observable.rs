//! The description of each observable in the results.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A text from this crate or from a file.
pub type Text = Cow<'static, str>;

/// What tables and figures need to know of an observable. Results carry these descriptions, so that a reader needs no
/// list of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservableInfo {
    /// Name in files, also of its figure: small letters, digits and underscores.
    pub id: Text,
    /// In tables and lists of missing values.
    pub label: Text,
    /// Heading of its figure and of rows on pages.
    pub title: Text,
    /// Inside a sentence.
    pub phrase: Text,
    /// Unit of the horizontal axis.
    pub unit: Text,
    /// Which showers are compared.
    pub compared_at: ComparedAt,
    /// Whether S_JSD and S_area average over it.
    pub scored: bool,
    /// Label of the horizontal axis, with unit.
    pub x_label: Text,
    /// Label of the vertical axis, with unit.
    pub y_label: Text,
    /// Whether the vertical axis is logarithmic.
    pub log_y: bool,
    /// Whether the horizontal axis is a cell energy, so that the cut and multiples of a minimum ionising particle are
    /// drawn.
    pub mip_axis: bool,
    /// First sentence of the caption, up to where the showers come from.
    pub explanation: Text,
    /// What the vertical axis counts.
    pub normalisation: Text,
}

/// Which showers an observable is compared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedAt {
    /// All showers of the full spectrum at once.
    FullSpectrum,
    /// Showers of each fixed energy; the divergences are averaged.
    FixedEnergies,
}
