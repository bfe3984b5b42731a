//! Observables that are compared together.

use std::fmt;
use std::str::FromStr;

use calo_metrics::{Column, observable_info};
use serde::{Serialize, Serializer};

/// Most observables of a combination.
const MAX_DIMENSIONS: usize = 4;

/// Id of the energy of single cells, of which each shower has several values.
pub(super) const CELLS: &str = "high_cell_energy";

/// An observable, or several together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservableSet {
    /// One value of each shower and observable.
    Showers(Vec<Column>),
    /// The energies of cells above [`HIGH_CELL_CUT_MEV`](calo_metrics::HIGH_CELL_CUT_MEV).
    Cells,
}

impl ObservableSet {
    /// Those of the paper: visible energy, highest cell, single cells, centres of gravity across; the first two together,
    /// the last two, and all four.
    ///
    /// # Reference
    /// calomplification, equation 2.2 and figures 6 and 7.
    pub fn of_paper() -> Vec<Self> {
        let (visible, peak) = (Column::VisibleEnergyMev, Column::PeakEnergyMev);
        let (x, y) = (Column::M1x, Column::M1y);
        let one = |column| Self::Showers(vec![column]);
        vec![
            one(visible),
            one(peak),
            Self::Cells,
            one(x),
            one(y),
            Self::Showers(vec![visible, peak]),
            Self::Showers(vec![x, y]),
            Self::Showers(vec![visible, peak, x, y]),
        ]
    }

    /// Number of observables.
    pub fn n_dimensions(&self) -> usize {
        match self {
            Self::Showers(columns) => columns.len(),
            Self::Cells => 1,
        }
    }

    /// For people.
    pub fn label(&self) -> String {
        let label =
            |id: &str| observable_info(id).map_or_else(|| id.to_owned(), |info| info.label.to_string());
        match self {
            Self::Showers(columns) => {
                columns.iter().map(|column| label(column.id())).collect::<Vec<_>>().join(", ")
            }
            Self::Cells => label(CELLS),
        }
    }
}

impl fmt::Display for ObservableSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Showers(columns) => {
                f.write_str(&columns.iter().map(|column| column.id()).collect::<Vec<_>>().join("+"))
            }
            Self::Cells => f.write_str(CELLS),
        }
    }
}

impl FromStr for ObservableSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == CELLS {
            return Ok(Self::Cells);
        }
        let known = || Column::ALL.map(Column::id).join(", ");
        let mut columns = Vec::new();
        for id in text.split('+') {
            if id == CELLS {
                return Err(format!("{CELLS} has several values in a shower; expected it alone"));
            }
            let column = Column::ALL.into_iter().find(|column| column.id() == id);
            let column =
                column.ok_or_else(|| format!("no observable `{id}`; expected {CELLS}, {}", known()))?;
            if columns.contains(&column) {
                return Err(format!("`{id}` twice; expected observables that differ"));
            }
            columns.push(column);
        }
        if columns.len() > MAX_DIMENSIONS {
            return Err(format!("{} observables together; expected at most {MAX_DIMENSIONS}", columns.len()));
        }
        Ok(Self::Showers(columns))
    }
}

impl Serialize for ObservableSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_as_they_are_shown() {
        for set in ObservableSet::of_paper() {
            assert_eq!(set.to_string().parse::<ObservableSet>().unwrap(), set);
        }
        let four = &ObservableSet::of_paper()[7];
        assert_eq!(four.to_string(), "visible_energy+peak_energy+cog_x+cog_y");
        assert_eq!(four.label(), "visible energy, peak energy, centre of gravity x, centre of gravity y");
    }

    #[test]
    fn what_cannot_be_is_named() {
        let message = |text: &str| text.parse::<ObservableSet>().unwrap_err();
        assert!(message("nada").starts_with("no observable `nada`; expected high_cell_energy, cog_x"));
        assert!(message("cog_x+high_cell_energy").contains("expected it alone"));
        assert_eq!(message("cog_x+cog_x"), "`cog_x` twice; expected observables that differ");
        assert!(message("cog_x+cog_y+cog_z+m2_x+m2_y").contains("at most 4"));
    }
}
