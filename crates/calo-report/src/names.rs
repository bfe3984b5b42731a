//! What the six observables are called in figures, tables and captions.

use calo_metrics::results::Observable;

/// Names of one observable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) observable: Observable,
    /// Of its figure's files.
    pub(crate) file: &'static str,
    /// Heading.
    pub(crate) title: &'static str,
    /// Inside a sentence.
    pub(crate) phrase: &'static str,
    pub(crate) x_label: &'static str,
    pub(crate) y_label: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) log_y: bool,
    /// First sentence of the caption, up to where the showers come from.
    pub(crate) explanation: &'static str,
    /// What the vertical axis counts.
    pub(crate) normalisation: &'static str,
}

/// Names of `observable`.
pub(crate) fn of(observable: Observable) -> Names {
    match observable {
        Observable::CellEnergy => Names {
            observable,
            file: "cell_energy",
            title: "Cell energy",
            phrase: "energy of single cells",
            x_label: "cell energy [MeV]",
            y_label: "cells per shower",
            unit: "MeV",
            log_y: true,
            explanation: "Energy of the cells above the cut, with multiples of a minimum ionising particle on the upper axis;",
            normalisation: "Cells per shower and bin.",
        },
        Observable::VisibleEnergy => Names {
            observable,
            file: "visible_energy",
            title: "Visible energy",
            phrase: "visible energy of a shower",
            x_label: "visible energy [MeV]",
            y_label: "fraction of showers",
            unit: "MeV",
            log_y: false,
            explanation: "Sum over the cells above the cut,",
            normalisation: "Share of the showers in each bin.",
        },
        Observable::NHits => Names {
            observable,
            file: "n_hits",
            title: "Number of hits",
            phrase: "number of cells above the cut",
            x_label: "hits",
            y_label: "fraction of showers",
            unit: "hits",
            log_y: false,
            explanation: "Number of cells above the cut,",
            normalisation: "Share of the showers in each bin.",
        },
        Observable::CogZ => Names {
            observable,
            file: "cog_z",
            title: "Centre of gravity in depth",
            phrase: "energy-weighted mean layer",
            x_label: "centre of gravity z [layer]",
            y_label: "fraction of showers",
            unit: "layers",
            log_y: false,
            explanation: "Energy-weighted mean layer,",
            normalisation: "Share of the showers in each bin.",
        },
        Observable::Radial => Names {
            observable,
            file: "radial",
            title: "Radial profile",
            phrase: "energy against the distance from the axis",
            x_label: "radius [cells]",
            y_label: "energy per shower [MeV]",
            unit: "cells",
            log_y: true,
            explanation: "Energy against the distance from the centre of the grid,",
            normalisation: "Mean energy per shower in each ring.",
        },
        Observable::Longitudinal => Names {
            observable,
            file: "longitudinal",
            title: "Longitudinal profile",
            phrase: "energy against the layer",
            x_label: "layer",
            y_label: "energy per shower [MeV]",
            unit: "layers",
            log_y: true,
            explanation: "Energy against the layer,",
            normalisation: "Mean energy per shower in each layer.",
        },
    }
}
