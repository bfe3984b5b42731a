//! The ways shower files are laid out.

use std::fmt;
use std::str::FromStr;

use calo_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::axes::Axes;
use super::units::EnergyUnit;

/// How a shower file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// A group with `energy` and `layers`: regular images, MeV, incident energies in GeV.
    Grid,
    /// `incident_energies` and `showers` of the CaloChallenge: flattened images, all in MeV.
    CaloChallenge,
    /// Point clouds of the ShowerData library: variable length, energies in GeV, positions in mm and layers.
    ShowerData,
    /// `incident_energy` and `showers` of LEMURS and Geant4's Par04: cylinders r, angle, depth, all in MeV. Only read.
    Lemurs,
    /// `ECAL` and `energy` or `target` of 3DGAN and the CLIC data sets: cubes x, y, depth. Only read.
    #[serde(rename = "3dgan")]
    Clic,
}

/// What a layout says about its data sets.
pub(super) struct Description {
    /// Names that the data set of incident energies may have, the usual one first.
    pub(super) energies: &'static [&'static str],
    pub(super) cells: &'static str,
    /// Units, unless an attribute or an option tells of others.
    pub(super) energy_unit: EnergyUnit,
    pub(super) cell_unit: EnergyUnit,
    pub(super) axes: Axes,
    /// Whether the data sets stand at the root and nowhere else.
    pub(super) at_the_root: bool,
}

impl Layout {
    /// Every layout, in the order in which help texts list them.
    pub const ALL: [Self; 5] = [Self::Grid, Self::CaloChallenge, Self::ShowerData, Self::Lemurs, Self::Clic];
    /// Those that are written too.
    pub const WRITTEN: [Self; 3] = [Self::Grid, Self::CaloChallenge, Self::ShowerData];

    /// Name in options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::CaloChallenge => "calo-challenge",
            Self::ShowerData => "shower-data",
            Self::Lemurs => "lemurs",
            Self::Clic => "3dgan",
        }
    }

    /// Whether files of this layout are written.
    pub fn is_written(self) -> bool {
        Self::WRITTEN.contains(&self)
    }

    pub(super) fn description(self) -> Description {
        let ours = Axes::of([0, 1, 2]);
        let of = |energies, cells, [energy_unit, cell_unit]: [EnergyUnit; 2]| Description {
            energies,
            cells,
            energy_unit,
            cell_unit,
            axes: ours,
            at_the_root: false,
        };
        match self {
            Self::Grid => of(&["energy"], "layers", [EnergyUnit::Gev, EnergyUnit::Mev]),
            Self::CaloChallenge => of(&["incident_energies"], "showers", [EnergyUnit::Mev; 2]),
            Self::ShowerData => {
                Description { at_the_root: true, ..of(&["energies"], "showers", [EnergyUnit::Gev; 2]) }
            }
            // r, angle, depth: as in the CaloChallenge, x is the angle and y the radius.
            Self::Lemurs => Description {
                axes: Axes::of([2, 1, 0]),
                ..of(&["incident_energy"], "showers", [EnergyUnit::Mev; 2])
            },
            Self::Clic => Description {
                axes: Axes::of([1, 2, 0]),
                ..of(&["energy", "target", "Target"], "ECAL", [EnergyUnit::Gev; 2])
            },
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|layout| layout.name() == text);
        found.ok_or_else(|| Error::option("layout", format!("`{text}`"), format!("one of {known}")))
    }
}
