//! The observables of many showers, one vector for each.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// An observable of a shower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// Energy-weighted mean x index.
    M1x,
    /// Energy-weighted mean y index.
    M1y,
    /// Energy-weighted mean layer index: the centre of gravity in depth.
    M1z,
    /// Energy-weighted variance of the x index.
    M2x,
    /// Energy-weighted variance of the y index.
    M2y,
    /// Energy-weighted variance of the layer index.
    M2z,
    /// Energy of all cells above the cut, MeV.
    VisibleEnergyMev,
    /// Incident energy, GeV.
    IncidentEnergyGev,
    /// Cells above the cut.
    NHits,
    /// Share of the visible energy in the first third of the layers (layer `l` of `n` is in third `3 l / n`).
    FirstThird,
    /// Share of the visible energy in the second third.
    SecondThird,
    /// Share of the visible energy in the last third.
    LastThird,
    /// First layer of the shower; see [`super::ShowerStart`].
    ShowerStart,
    /// Energy of the highest cell, MeV; 0 without a cell above the cut.
    PeakEnergyMev,
}

impl Column {
    /// Every observable; the Pearson set comes first.
    pub const ALL: [Self; 14] = [
        Self::M1x,
        Self::M1y,
        Self::M1z,
        Self::M2x,
        Self::M2y,
        Self::M2z,
        Self::VisibleEnergyMev,
        Self::IncidentEnergyGev,
        Self::NHits,
        Self::FirstThird,
        Self::SecondThird,
        Self::LastThird,
        Self::ShowerStart,
        Self::PeakEnergyMev,
    ];

    /// The observables whose correlations are compared, in the papers' order.
    pub const PEARSON: [Self; 12] = {
        let [a, b, c, d, e, f, g, h, i, j, k, l, _, _] = Self::ALL;
        [a, b, c, d, e, f, g, h, i, j, k, l]
    };

    /// The observables of FPD, KPD and the classifier: the Pearson set without the incident energy, which is given,
    /// and without the last third, which follows from the first two.
    pub const TWO_SAMPLE: [Self; 10] = {
        let [a, b, c, d, e, f, g, _, i, j, k, _, _, _] = Self::ALL;
        [a, b, c, d, e, f, g, i, j, k]
    };

    /// Its name in options and results; that of the histogram where it has one in
    /// [`OBSERVABLES`](crate::OBSERVABLES).
    pub fn id(self) -> &'static str {
        match self {
            Self::M1x => "cog_x",
            Self::M1y => "cog_y",
            Self::M1z => "cog_z",
            Self::M2x => "m2_x",
            Self::M2y => "m2_y",
            Self::M2z => "m2_z",
            Self::VisibleEnergyMev => "visible_energy",
            Self::IncidentEnergyGev => "incident_energy",
            Self::NHits => "n_hits",
            Self::FirstThird => "first_third",
            Self::SecondThird => "second_third",
            Self::LastThird => "last_third",
            Self::ShowerStart => "shower_start",
            Self::PeakEnergyMev => "peak_energy",
        }
    }

    /// The papers' name.
    pub fn label(self) -> &'static str {
        match self {
            Self::M1x => "m1x",
            Self::M1y => "m1y",
            Self::M1z => "m1z",
            Self::M2x => "m2x",
            Self::M2y => "m2y",
            Self::M2z => "m2z",
            Self::VisibleEnergyMev => "Evis",
            Self::IncidentEnergyGev => "Einc",
            Self::NHits => "nhit",
            Self::FirstThird => "E1/Evis",
            Self::SecondThird => "E2/Evis",
            Self::LastThird => "E3/Evis",
            Self::ShowerStart => "start",
            Self::PeakEnergyMev => "Epeak",
        }
    }
}

/// Observables of showers, one vector for each [`Column`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservableTable {
    columns: [Vec<f64>; Column::ALL.len()],
}

impl ObservableTable {
    /// Number of showers.
    pub fn len(&self) -> usize {
        self.columns[0].len()
    }

    /// Whether there is no shower.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Showers without a cell above the cut.
    pub fn n_empty_showers(&self) -> usize {
        self.column(Column::NHits).iter().filter(|&&n_hits| n_hits < 1.0).count()
    }

    /// One observable of every shower, in the order of filling.
    pub fn column(&self, column: Column) -> &[f64] {
        &self.columns[column as usize]
    }

    /// Adds a shower, its observables in the order of [`Column::ALL`].
    pub(crate) fn push(&mut self, row: &[f64; Column::ALL.len()]) {
        for (column, &value) in self.columns.iter_mut().zip(row) {
            column.push(value);
        }
    }

    /// A table of the given rows, in their order.
    pub(crate) fn rows(&self, rows: impl Iterator<Item = usize> + Clone) -> Self {
        Self { columns: std::array::from_fn(|i| rows.clone().map(|row| self.columns[i][row]).collect()) }
    }

    /// Adds the showers of another table at the end.
    pub fn append(&mut self, other: &Self) {
        for (column, more) in self.columns.iter_mut().zip(&other.columns) {
            column.extend_from_slice(more);
        }
    }

    /// Some observables of the showers that have all of them.
    pub fn complete_rows(&self, columns: &[Column]) -> CompleteRows {
        let rows: Vec<usize> = (0..self.len())
            .filter(|&row| columns.iter().all(|&column| self.column(column)[row].is_finite()))
            .collect();
        let matrix = Array2::from_shape_fn((rows.len(), columns.len()), |(i, j)| {
            self.columns[columns[j] as usize][rows[i]]
        });
        CompleteRows { rows: matrix, n_left_out: self.len() - rows.len() }
    }
}

/// Observables of the showers that have all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct CompleteRows {
    /// `[shower, column]`, every entry finite.
    pub rows: Array2<f64>,
    /// Showers left out because one of the observables does not exist.
    pub n_left_out: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_where_their_number_says() {
        for (i, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column as usize, i);
        }
        let labels = Column::PEARSON.map(Column::label);
        assert_eq!(labels.join(" "), "m1x m1y m1z m2x m2y m2z Evis Einc nhit E1/Evis E2/Evis E3/Evis");
        assert!(!Column::TWO_SAMPLE.contains(&Column::IncidentEnergyGev));
        assert!(!Column::TWO_SAMPLE.contains(&Column::LastThird));
    }

    #[test]
    fn rows_with_a_missing_entry_are_left_out_and_counted() {
        let mut table = ObservableTable::default();
        let mut row = [1.0; Column::ALL.len()];
        table.push(&row);
        row[2] = f64::NAN;
        table.push(&row);
        let complete = table.complete_rows(&[Column::M1z, Column::NHits]);
        assert_eq!((complete.rows.dim(), complete.n_left_out), ((1, 2), 1));
        assert_eq!(table.complete_rows(&[Column::NHits]).rows.dim(), (2, 1));
    }
}
