//! A figure with its caption and its place on the page.

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
    /// The histograms of single layers.
    Layers,
    /// Separation powers, layer by layer.
    Separation,
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
    /// Divergences over quantile bins.
    Quantiles,
    /// The same, with density estimators.
    Estimators,
}

impl Figure {
    /// A figure beside another.
    pub(super) fn half(
        name: impl Into<String>,
        section: Section,
        caption: impl Into<String>,
        svg: String,
    ) -> Self {
        Self { name: name.into(), section, caption: caption.into(), svg, place: Place::Half }
    }

    /// A figure of the whole width.
    pub(super) fn wide(
        name: impl Into<String>,
        section: Section,
        caption: impl Into<String>,
        svg: String,
    ) -> Self {
        Self { place: Place::Wide, ..Self::half(name, section, caption, svg) }
    }
}

/// The texts of a drawing.
pub(super) fn text(id: &str, title: impl Into<String>, alt: impl Into<String>) -> FigureText {
    FigureText { id: id.to_owned(), title: title.into(), alt: alt.into() }
}
