//! Incident energies of generated showers: uniform in a range, or those of the showers of a file.

use std::fmt;
use std::path::{Path, PathBuf};

use calo_data::ReadOptions;
use serde::Serialize;

use crate::error::ensure;
use crate::files::{self, for_each_batch};
use crate::monitor::Caller;
use crate::provenance::hash_file;
use crate::sampling::Generator;
use crate::{EnergyRange, Result};

/// Incident energies that showers are generated at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum IncidentEnergies {
    /// Uniform in a range, or a single energy.
    Uniform(EnergyRange),
    /// Shower i has the energy of shower i in this file.
    Of(PathBuf),
}

impl From<EnergyRange> for IncidentEnergies {
    fn from(range: EnergyRange) -> Self {
        Self::Uniform(range)
    }
}

/// The option of `calo generate`.
impl fmt::Display for IncidentEnergies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform(range) => write!(f, "--energy {range}"),
            Self::Of(path) => write!(f, "--energies-of {}", path.display()),
        }
    }
}

impl IncidentEnergies {
    /// The file that they are of.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Uniform(_) => None,
            Self::Of(path) => Some(path),
        }
    }

    /// Reads those of a file, of which shower `last` is wanted.
    ///
    /// # Errors
    /// A file that cannot be read or ends before.
    pub(super) fn read(&self, last: u64, caller: Caller<'_>) -> Result<Known> {
        let path = match self {
            Self::Uniform(range) => return Ok(Known::Uniform(*range)),
            Self::Of(path) => path,
        };
        let place = path.display();
        let mut showers = files::open(path, &ReadOptions::default(), caller)?;
        let n = showers.n_showers();
        ensure!(n > last, "--energies-of {place}: {n} showers; expected at least {}", last.saturating_add(1));
        let mut energies_gev = Vec::new();
        for_each_batch::<f32>(&mut showers, &format!("reading energies of {place}"), caller, |batch| {
            energies_gev.extend_from_slice(&batch.energies_gev);
            Ok(())
        })?;
        Ok(Known::Listed(energies_gev))
    }

    /// Attributes that name the file and its hash.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn attributes(&self) -> Result<Vec<(String, String)>> {
        let Some(path) = self.file() else { return Ok(Vec::new()) };
        let blake3 = hash_file(path)?;
        Ok(vec![
            ("energies_of".to_owned(), path.display().to_string()),
            ("energies_of_blake3".to_owned(), blake3),
        ])
    }
}

/// Incident energies, of files read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known {
    /// Uniform in a range.
    Uniform(EnergyRange),
    /// Of each shower, GeV.
    Listed(Vec<f64>),
}

impl Known {
    /// From the lowest to the highest.
    pub(super) fn range(&self) -> EnergyRange {
        match self {
            Self::Uniform(range) => *range,
            Self::Listed(energies_gev) => EnergyRange {
                low_gev: energies_gev.iter().copied().fold(f64::INFINITY, f64::min),
                high_gev: energies_gev.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            },
        }
    }

    /// That of shower `i`, GeV.
    pub(super) fn gev(&self, generator: &Generator<'_>, i: u64) -> f64 {
        match self {
            Self::Uniform(range) => generator.energy_gev(*range, i),
            // A block reaches beyond the last shower: those that it has too many are dropped.
            Self::Listed(energies_gev) => {
                let last = energies_gev.len().saturating_sub(1);
                let index = usize::try_from(i).unwrap_or(last).min(last);
                energies_gev.get(index).copied().unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_listed_energies_is_that_of_the_lowest_and_the_highest() {
        let range = Known::Listed(vec![20.0, 10.5, 70.0]).range();
        assert_eq!(range, EnergyRange { low_gev: 10.5, high_gev: 70.0 });
        let energies = IncidentEnergies::from(range);
        assert_eq!(energies.to_string(), "--energy 10.5..70");
        assert_eq!(Known::Uniform(range).range(), range);
    }
}
