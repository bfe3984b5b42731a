//! The ways shower files are laid out.

use std::fmt;
use std::str::FromStr;

use calo_core::{Error, Result};
use serde::{Deserialize, Serialize};

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
}

impl Layout {
    /// Every layout, in the order in which help texts list them.
    pub const ALL: [Self; 3] = [Self::Grid, Self::CaloChallenge, Self::ShowerData];

    /// Name in options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::CaloChallenge => "calo-challenge",
            Self::ShowerData => "shower-data",
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
