//! A detector of either kind, where the kind comes from the file.

use toml::Table;

use super::built_in::{BUILT_IN, LAYERED, names, text_of};
use super::layered::LayeredDetector;
use super::{Detector, extend, parsing};
use crate::error::Result;

/// A detector of one grid, or of layers with voxels of their own.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyDetector {
    /// One rectangular grid: simulated, trained on, judged.
    Grid(Box<Detector>),
    /// Layers with voxels of their own: judged.
    Layered(LayeredDetector),
}

impl AnyDetector {
    /// A detector of either kind by built-in name or by the path of its TOML file. A file is layered if it, or what it
    /// extends, has the key `layers`.
    ///
    /// # Errors
    /// Unknown name, unreadable file, TOML that does not parse, or a field with an impossible value.
    pub fn load(name_or_path: &str) -> Result<Self> {
        if let Some(text) = text_of(name_or_path) {
            return Self::parse(text, name_or_path);
        }
        let known = format!("{}, {}", names(&BUILT_IN), names(&LAYERED));
        Self::parse(&parsing::read(name_or_path, &known)?, name_or_path)
    }

    /// A detector of either kind from TOML text; `place` names it in errors.
    ///
    /// # Errors
    /// TOML that does not parse, unknown keys, or a field with an impossible value.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        if is_layered(text, place)? {
            LayeredDetector::parse(text, place).map(Self::Layered)
        } else {
            Detector::parse(text, place).map(|detector| Self::Grid(Box::new(detector)))
        }
    }

    /// The layered built-in detector with that many voxels a shower: how files of the CaloChallenge are recognised.
    ///
    /// ```
    /// use calo_core::detector::AnyDetector;
    /// let detector = AnyDetector::with_voxels(6480)?.expect("a data set of the challenge");
    /// assert_eq!(detector.name(), "calochallenge-2");
    /// assert_eq!(AnyDetector::with_voxels(6481)?, None);
    /// # Ok::<(), calo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// None for the detectors that are built in.
    pub fn with_voxels(n_voxels: usize) -> Result<Option<Self>> {
        for (name, text) in LAYERED {
            let detector = LayeredDetector::parse(text, name)?;
            if detector.n_voxels() == n_voxels {
                return Ok(Some(Self::Layered(detector)));
            }
        }
        Ok(None)
    }

    /// Short name.
    pub fn name(&self) -> &str {
        match self {
            Self::Grid(detector) => &detector.name,
            Self::Layered(detector) => &detector.name,
        }
    }

    /// Cells or voxels of one shower.
    pub fn n_voxels(&self) -> usize {
        match self {
            Self::Grid(detector) => detector.grid.n_cells(),
            Self::Layered(detector) => detector.n_voxels(),
        }
    }
}

/// The built-in detectors of either kind with that many cells a shower: what to propose for a file whose detector is not
/// said.
///
/// # Errors
/// None for the detectors that are built in.
pub fn built_in_with_voxels(n_voxels: usize) -> Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for (name, _) in BUILT_IN.iter().chain(&LAYERED) {
        if AnyDetector::load(name)?.n_voxels() == n_voxels {
            found.push(*name);
        }
    }
    Ok(found)
}

/// Whether `text`, or what it extends, has layers; text that is not valid TOML has none.
fn is_layered(text: &str, place: &str) -> Result<bool> {
    let table = match extend::parts(text) {
        Some((base, own)) => extend::extended(&base, own, place)?,
        None => text.parse::<Table>().unwrap_or_default(),
    };
    Ok(table.contains_key("layers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_seen_from_the_file() {
        for (text, layered) in [
            ("extends = 'ild-ecal'", false),
            ("extends = 'ild-ecal-staggered'", false),
            ("extends = 'calochallenge-3'\nreadout.cell_cut_mev = 0.1", true),
        ] {
            let detector = AnyDetector::parse(text, "x.toml").unwrap();
            assert_eq!(matches!(detector, AnyDetector::Layered(_)), layered, "{text}");
        }
        assert!(matches!(AnyDetector::load("calochallenge-2").unwrap(), AnyDetector::Layered(_)));
        assert!(matches!(AnyDetector::load("ild-ahcal").unwrap(), AnyDetector::Grid(_)));
        let message = AnyDetector::load("calochallenge-4").unwrap_err().to_string();
        assert!(message.contains("ild-ahcal, calochallenge-1-photons"), "{message}");
        assert!(AnyDetector::parse("name = ", "x.toml").unwrap_err().to_string().contains("line 1"));
    }

    #[test]
    fn a_number_of_voxels_says_which_detectors_fit() {
        let fit = |n| built_in_with_voxels(n).unwrap();
        assert_eq!(fit(27_000), ["ild-ecal", "ild-ecal-staggered"]);
        assert_eq!(fit(533), ["calochallenge-1-pions"]);
        assert_eq!(fit(1), Vec::<&str>::new());
    }
}
