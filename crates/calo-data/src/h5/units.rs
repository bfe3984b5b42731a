//! Units of energies in files, and the numbers that they make of GeV and MeV.

use std::fmt;
use std::str::FromStr;

use calo_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A unit of energy that files use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EnergyUnit {
    /// Electronvolts.
    #[serde(rename = "eV")]
    Ev,
    /// Thousands of them.
    #[serde(rename = "keV")]
    Kev,
    /// Millions.
    #[serde(rename = "MeV")]
    Mev,
    /// Thousand millions.
    #[serde(rename = "GeV")]
    Gev,
    /// Million millions.
    #[serde(rename = "TeV")]
    Tev,
}

impl EnergyUnit {
    /// All of them, the smallest first.
    pub const ALL: [Self; 5] = [Self::Ev, Self::Kev, Self::Mev, Self::Gev, Self::Tev];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ev => "eV",
            Self::Kev => "keV",
            Self::Mev => "MeV",
            Self::Gev => "GeV",
            Self::Tev => "TeV",
        }
    }

    /// The unit a thousand times as large, as far as there is one.
    pub(super) fn larger(self) -> Self {
        Self::ALL.get(self as usize + 1).copied().unwrap_or(self)
    }

    /// The unit a thousand times as small, as far as there is one.
    pub(super) fn smaller(self) -> Self {
        (self as usize).checked_sub(1).map_or(self, |i| Self::ALL[i])
    }

    /// What turns numbers of this unit into such of `unit`.
    pub(super) fn into_unit(self, unit: Self) -> Scale {
        Scale { thousands: self as i32 - unit as i32 }
    }
}

impl fmt::Display for EnergyUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EnergyUnit {
    type Err = Error;

    /// Capitals do not matter: no file counts in milli-electronvolts.
    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|unit| unit.name().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| {
            Error::option(
                "unit",
                format!("`{text}`"),
                format!("one of {}", Self::ALL.map(Self::name).join(", ")),
            )
        })
    }
}

/// A power of a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    thousands: i32,
}

impl Scale {
    pub(super) fn is_one(self) -> bool {
        self.thousands == 0
    }

    /// Powers of ten up to 10^12 are exact, so one rounding is made either way.
    pub(super) fn apply(self, value: f64) -> f64 {
        let factor = 1000_f64.powi(self.thousands.abs());
        if self.thousands < 0 { value / factor } else { value * factor }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "powers of ten that are exact")]
mod tests {
    use super::*;

    #[test]
    fn units_have_names_in_any_case() {
        for unit in EnergyUnit::ALL {
            assert_eq!(unit.name().to_lowercase().parse::<EnergyUnit>().unwrap(), unit);
        }
        let message = "furlong".parse::<EnergyUnit>().unwrap_err().to_string();
        assert!(message.contains("`furlong`; expected one of eV, keV, MeV, GeV, TeV"), "{message}");
    }

    #[test]
    fn numbers_change_by_thousands() {
        assert_eq!(EnergyUnit::Mev.into_unit(EnergyUnit::Gev).apply(1500.0), 1.5);
        assert_eq!(EnergyUnit::Tev.into_unit(EnergyUnit::Mev).apply(0.25), 250_000.0);
        assert!(EnergyUnit::Gev.into_unit(EnergyUnit::Gev).is_one());
    }
}
