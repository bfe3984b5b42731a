//! Ranges of incident energies, and how they are written.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// An energy range `10..100` or a single energy `50`, GeV.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EnergyRange {
    /// Lowest energy, GeV.
    pub low_gev: f64,
    /// Highest energy, GeV.
    pub high_gev: f64,
}

impl FromStr for EnergyRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        let (low_gev, high_gev) = (positive(low)?, positive(high)?);
        if low_gev > high_gev {
            return Err(format!("{low_gev} is above {high_gev}; expected LOW..HIGH in GeV"));
        }
        Ok(Self { low_gev, high_gev })
    }
}

impl fmt::Display for EnergyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low_gev, high_gev } = self;
        if low_gev.to_bits() == high_gev.to_bits() {
            write!(f, "{low_gev}")
        } else {
            write!(f, "{low_gev}..{high_gev}")
        }
    }
}

/// Whether two energies, GeV, are the same but for rounding.
pub(crate) fn is_same_energy(a_gev: f64, b_gev: f64) -> bool {
    (a_gev - b_gev).abs() <= 1e-6 * b_gev.abs()
}

/// A finite number above zero.
///
/// # Errors
/// Anything else.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err(format!("`{text}` is not a finite number above 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_ranges() {
        assert_eq!("10..100".parse(), Ok(EnergyRange { low_gev: 10.0, high_gev: 100.0 }));
        assert_eq!("50".parse(), Ok(EnergyRange { low_gev: 50.0, high_gev: 50.0 }));
        for text in ["10..100", "50", "0.1..0.3"] {
            assert_eq!(text.parse::<EnergyRange>().map(|range| range.to_string()), Ok(text.to_owned()));
        }
        for bad in ["100..10", "-1..10", "0", "nan", "1..inf", "", "a..b"] {
            assert!(bad.parse::<EnergyRange>().is_err(), "{bad}");
        }
    }
}
