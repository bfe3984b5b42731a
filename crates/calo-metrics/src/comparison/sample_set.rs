//! A sample, and its showers at fixed energies.

use crate::accumulate::{FileKind, Part, SampleAccumulator};
use crate::observables::Column;
use crate::results::EnergySource;

/// A sample: its full-spectrum file and any number of fixed-energy files.
#[derive(Debug, Clone)]
pub struct SampleSet {
    /// Name in messages about missing values.
    pub name: String,
    /// The full spectrum.
    pub full: SampleAccumulator,
    /// Files of fixed energies.
    pub fixed: Vec<SampleAccumulator>,
}

/// A nominal energy, and where its showers come from if a sample has both a file and a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedEnergy {
    /// Nominal energy, GeV.
    pub energy_gev: f64,
    /// The source to use where a sample has both.
    pub preferred: EnergySource,
}

/// Showers of a fixed energy.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShowersAt<'a> {
    /// The accumulator that holds them.
    pub(super) file: &'a SampleAccumulator,
    /// Whether that is a file of this energy or the full spectrum.
    pub(super) source: EnergySource,
}

impl SampleSet {
    /// The showers of a part at an energy; `None` where the sample has none.
    pub(super) fn showers_at(&self, energy: &FixedEnergy, part: Part) -> Option<ShowersAt<'_>> {
        let energy_gev = energy.energy_gev;
        let file =
            self.file_at(energy_gev).map(|file| ShowersAt { file, source: EnergySource::FixedEnergyFile });
        let window = Some(ShowersAt { file: &self.full, source: EnergySource::Window });
        let choices = match energy.preferred {
            EnergySource::FixedEnergyFile => [file, window],
            EnergySource::Window => [window, file],
        };
        choices.into_iter().flatten().find(|found| found.file.n_showers_at(Some(energy_gev), part) > 0)
    }

    /// The file of an energy, if it has showers.
    pub(super) fn file_at(&self, energy_gev: f64) -> Option<&SampleAccumulator> {
        let kind = FileKind::FixedEnergy { energy_gev };
        self.fixed.iter().find(|file| file.kind() == kind && file.n_showers() > 0)
    }

    /// Visible energies of the full spectrum's showers near an energy, each scaled to it, MeV.
    pub(super) fn window(&self, energy_gev: f64) -> Vec<f64> {
        let table = self.full.table();
        let half_width = self.full.settings().window_half_width_gev;
        let showers =
            table.column(Column::IncidentEnergyGev).iter().zip(table.column(Column::VisibleEnergyMev));
        showers
            .filter(|(incident, _)| (**incident - energy_gev).abs() <= half_width)
            .map(|(incident, visible)| visible * (energy_gev / incident))
            .collect()
    }
}
