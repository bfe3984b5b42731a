//! The observables whose histograms are compared. All other code iterates over this list.

use std::borrow::Cow::Borrowed;

use super::cells::CellValue;
use super::table::Column;
use crate::error::{Error, Result};
use crate::histogram::Axis;
use crate::results::{ComparedAt, ObservableInfo};

/// An observable whose histograms are compared.
#[derive(Debug, Clone)]
pub struct Observable {
    /// Its texts in results, tables and figures.
    pub info: ObservableInfo,
    /// Key of its binning in the `[binning]` of a detector file, with unit.
    pub binning: &'static str,
    /// How showers fill its histogram.
    pub fill: Fill,
}

/// How showers fill a histogram.
#[derive(Debug, Clone, Copy)]
pub enum Fill {
    /// Each cell above the cut counts 1, at a value computed from it.
    Cells(CellValue),
    /// Each cell adds its energy at a position that follows from its offset along x and y from the grid's centre, cells.
    Transverse(fn([f64; 2]) -> f64),
    /// Each layer adds its energy at its index.
    Layers,
    /// Each shower counts 1, at one of its observables.
    Showers {
        /// Which.
        column: Column,
        /// Whether it grows with the incident energy, so that a shower of a window is scaled to the nominal one.
        proportional: bool,
    },
}

/// An observable and the bins of its histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct BinnedObservable {
    /// What is histogrammed.
    pub observable: &'static Observable,
    /// The bins.
    pub axis: Axis,
}

/// Cells at or below this energy are too few in generated showers, so single cells are compared above it alone, MeV.
///
/// # Reference
/// calomplification, section 3.
pub const HIGH_CELL_CUT_MEV: f64 = 5.0;

/// All observables that are compared, where the detector has bins for them: the six of decoding-photons, in their order,
/// then those that calomplification has beside. To add one, add an entry here and its
/// binning to the detector files; a quantity of a shower that no [`Column`] holds yet becomes a new column.
///
/// # Reference
/// decoding-photons, figure 6; calomplification, equation 2.2.
pub static OBSERVABLES: [Observable; 10] = [
    Observable {
        info: ObservableInfo {
            id: Borrowed("cell_energy"),
            label: Borrowed("visible cell energy"),
            title: Borrowed("Cell energy"),
            phrase: Borrowed("energy of single cells"),
            unit: Borrowed("MeV"),
            compared_at: ComparedAt::FullSpectrum,
            scored: true,
            x_label: Borrowed("cell energy [MeV]"),
            y_label: Borrowed("cells per shower"),
            log_y: true,
            mip_axis: true,
            explanation: Borrowed(
                "Energy of the cells above the cut, with multiples of a minimum ionising particle on the upper axis;",
            ),
            normalisation: Borrowed("Cells per shower and bin."),
        },
        binning: "cell_energy_mev",
        fill: Fill::Cells(CellValue::new(&|cell| cell.energy_mev)),
    },
    Observable {
        info: ObservableInfo {
            id: Borrowed("visible_energy"),
            label: Borrowed("visible energy"),
            title: Borrowed("Visible energy"),
            phrase: Borrowed("visible energy of a shower"),
            unit: Borrowed("MeV"),
            compared_at: ComparedAt::FixedEnergies,
            scored: true,
            x_label: Borrowed("visible energy [MeV]"),
            y_label: Borrowed("fraction of showers"),
            log_y: false,
            mip_axis: false,
            explanation: Borrowed("Sum over the cells above the cut,"),
            normalisation: Borrowed("Share of the showers in each bin."),
        },
        binning: "visible_energy_mev",
        fill: Fill::Showers { column: Column::VisibleEnergyMev, proportional: true },
    },
    Observable {
        info: ObservableInfo {
            id: Borrowed("n_hits"),
            label: Borrowed("number of hits"),
            title: Borrowed("Number of hits"),
            phrase: Borrowed("number of cells above the cut"),
            unit: Borrowed("hits"),
            compared_at: ComparedAt::FixedEnergies,
            scored: true,
            x_label: Borrowed("hits"),
            y_label: Borrowed("fraction of showers"),
            log_y: false,
            mip_axis: false,
            explanation: Borrowed("Number of cells above the cut,"),
            normalisation: Borrowed("Share of the showers in each bin."),
        },
        binning: "n_hits",
        fill: Fill::Showers { column: Column::NHits, proportional: true },
    },
    Observable {
        info: ObservableInfo {
            id: Borrowed("cog_z"),
            label: Borrowed("centre of gravity z"),
            title: Borrowed("Centre of gravity in depth"),
            phrase: Borrowed("energy-weighted mean layer"),
            unit: Borrowed("layers"),
            compared_at: ComparedAt::FullSpectrum,
            scored: true,
            x_label: Borrowed("centre of gravity z [layer]"),
            y_label: Borrowed("fraction of showers"),
            log_y: false,
            mip_axis: false,
            explanation: Borrowed("Energy-weighted mean layer,"),
            normalisation: Borrowed("Share of the showers in each bin."),
        },
        binning: "cog_z",
        fill: Fill::Showers { column: Column::M1z, proportional: false },
    },
    Observable {
        info: ObservableInfo {
            id: Borrowed("radial"),
            label: Borrowed("radial profile"),
            title: Borrowed("Radial profile"),
            phrase: Borrowed("energy against the distance from the axis"),
            unit: Borrowed("cells"),
            compared_at: ComparedAt::FullSpectrum,
            scored: true,
            x_label: Borrowed("radius [cells]"),
            y_label: Borrowed("energy per shower [MeV]"),
            log_y: true,
            mip_axis: false,
            explanation: Borrowed("Energy against the distance from the centre of the grid,"),
            normalisation: Borrowed("Mean energy per shower in each ring."),
        },
        binning: "radial",
        // Not `hypot`, which rounds differently: this is what NumPy code usually computes, so radii at bin edges agree.
        fill: Fill::Transverse(|[x, y]| (x.powi(2) + y.powi(2)).sqrt()),
    },
    Observable {
        info: ObservableInfo {
            id: Borrowed("longitudinal"),
            label: Borrowed("longitudinal profile"),
            title: Borrowed("Longitudinal profile"),
            phrase: Borrowed("energy against the layer"),
            unit: Borrowed("layers"),
            compared_at: ComparedAt::FullSpectrum,
            scored: true,
            x_label: Borrowed("layer"),
            y_label: Borrowed("energy per shower [MeV]"),
            log_y: true,
            mip_axis: false,
            explanation: Borrowed("Energy against the layer,"),
            normalisation: Borrowed("Mean energy per shower in each layer."),
        },
        binning: "longitudinal",
        fill: Fill::Layers,
    },
    Observable {
        info: ObservableInfo {
            id: Borrowed("peak_energy"),
            label: Borrowed("peak energy"),
            title: Borrowed("Peak energy"),
            phrase: Borrowed("energy of the highest cell"),
            unit: Borrowed("MeV"),
            compared_at: ComparedAt::FullSpectrum,
            scored: true,
            x_label: Borrowed("energy of the highest cell [MeV]"),
            y_label: Borrowed("fraction of showers"),
            log_y: false,
            mip_axis: false,
            explanation: Borrowed("Energy of the highest cell,"),
            normalisation: Borrowed("Share of the showers in each bin."),
        },
        binning: "peak_energy_mev",
        fill: Fill::Showers { column: Column::PeakEnergyMev, proportional: true },
    },
    Observable {
        info: ObservableInfo {
            id: Borrowed("high_cell_energy"),
            label: Borrowed("cell energy above 5 MeV"),
            title: Borrowed("Cell energy above 5 MeV"),
            phrase: Borrowed("energy of single cells above 5 MeV"),
            unit: Borrowed("MeV"),
            compared_at: ComparedAt::FullSpectrum,
            scored: true,
            x_label: Borrowed("cell energy [MeV]"),
            y_label: Borrowed("cells per shower"),
            log_y: true,
            mip_axis: false,
            explanation: Borrowed("Energy of the cells above 5 MeV;"),
            normalisation: Borrowed("Cells per shower and bin."),
        },
        binning: "high_cell_energy_mev",
        fill: Fill::Cells(CellValue::new(&|cell| {
            if cell.energy_mev > HIGH_CELL_CUT_MEV { cell.energy_mev } else { f64::NAN }
        })),
    },
    Observable {
        info: ObservableInfo {
            id: Borrowed("cog_x"),
            label: Borrowed("centre of gravity x"),
            title: Borrowed("Centre of gravity along x"),
            phrase: Borrowed("energy-weighted mean cell along x"),
            unit: Borrowed("cells"),
            compared_at: ComparedAt::FullSpectrum,
            scored: true,
            x_label: Borrowed("centre of gravity x [cell]"),
            y_label: Borrowed("fraction of showers"),
            log_y: false,
            mip_axis: false,
            explanation: Borrowed("Energy-weighted mean cell along x,"),
            normalisation: Borrowed("Share of the showers in each bin."),
        },
        binning: "cog_x",
        fill: Fill::Showers { column: Column::M1x, proportional: false },
    },
    Observable {
        info: ObservableInfo {
            id: Borrowed("cog_y"),
            label: Borrowed("centre of gravity y"),
            title: Borrowed("Centre of gravity along y"),
            phrase: Borrowed("energy-weighted mean cell along y"),
            unit: Borrowed("cells"),
            compared_at: ComparedAt::FullSpectrum,
            scored: true,
            x_label: Borrowed("centre of gravity y [cell]"),
            y_label: Borrowed("fraction of showers"),
            log_y: false,
            mip_axis: false,
            explanation: Borrowed("Energy-weighted mean cell along y,"),
            normalisation: Borrowed("Share of the showers in each bin."),
        },
        binning: "cog_y",
        fill: Fill::Showers { column: Column::M1y, proportional: false },
    },
];

/// The description of an observable of the list.
pub fn observable_info(id: &str) -> Option<&'static ObservableInfo> {
    OBSERVABLES.iter().map(|observable| &observable.info).find(|info| info.id == id)
}

/// The observables of the list with the bins that `axis` returns for their [`Observable::binning`]; those without bins
/// are left out.
///
/// # Errors
/// Those of `axis`.
pub fn binned_observables<E>(
    mut axis: impl FnMut(&'static str) -> Option<std::result::Result<Axis, E>>,
) -> std::result::Result<Vec<BinnedObservable>, E> {
    OBSERVABLES
        .iter()
        .filter_map(|observable| {
            axis(observable.binning).map(|axis| Ok(BinnedObservable { observable, axis: axis? }))
        })
        .collect()
}

impl PartialEq for Observable {
    /// Descriptions are compared, not functions: an id stands for one way of filling.
    fn eq(&self, other: &Self) -> bool {
        self.info == other.info && self.binning == other.binning
    }
}

impl Observable {
    /// Whether histograms are compared at fixed energies.
    pub(crate) fn at_fixed_energies(&self) -> bool {
        self.info.compared_at == ComparedAt::FixedEnergies
    }

    /// The one value of each shower; none where cells or layers fill the histogram.
    pub(crate) fn of_showers(&self) -> Option<ShowerValue> {
        match self.fill {
            Fill::Showers { column, proportional } => Some(ShowerValue { column, proportional }),
            _ => None,
        }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        if self.at_fixed_energies() && self.of_showers().is_none() {
            let expected =
                "the full spectrum: only what each shower has one value of is gathered at fixed energies";
            return Err(Error::parameter(
                format!("compared_at of {}", self.info.id),
                "fixed energies",
                expected,
            ));
        }
        Ok(())
    }
}

/// A value that each shower has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShowerValue {
    pub(crate) column: Column,
    pub(crate) proportional: bool,
}

impl ShowerValue {
    /// A shower's value at a nominal energy that is `scale` times its incident one.
    #[inline]
    pub(crate) fn of(self, value: f64, scale: f64) -> f64 {
        if self.proportional { scale * value } else { value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::PAPERS_IDS;

    #[test]
    fn ids_are_file_names_and_stand_once() {
        for (i, observable) in OBSERVABLES.iter().enumerate() {
            let id = &observable.info.id;
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{id}");
            assert!(OBSERVABLES[..i].iter().all(|other| other.info.id != *id), "{id} twice");
            observable.validate().unwrap();
        }
        assert!(PAPERS_IDS.iter().all(|id| observable_info(id).is_some_and(|info| info.scored)));
    }

    #[test]
    fn observables_without_bins_are_left_out() {
        let axis = |key| (key != "radial").then(|| Axis::linear(3, 0.0, 1.0));
        let binned = binned_observables(axis).unwrap();
        assert_eq!(binned.len(), OBSERVABLES.len() - 1);
        assert!(binned.iter().all(|one| one.observable.info.id != "radial"));
    }
}
