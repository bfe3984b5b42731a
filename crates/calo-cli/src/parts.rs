//! The showers of a file that a run was trained, validated or tested on, or all of them.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::ensure;
use calo_core::ShowerSource;
use calo_data::{Part, PartSource, ShowerReader, Split};

use crate::files::InputOptions;
use crate::model::LoadedModel;

/// A part of a file, or the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartChoice {
    /// One of three.
    Part(Part),
    /// Every shower.
    All,
}

impl FromStr for PartChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let part = Part::ALL.into_iter().find(|part| part.name() == text);
        part.map(Self::Part).ok_or_else(|| "expected train, validation, test or all".to_owned())
    }
}

impl fmt::Display for PartChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Part(part) => part.name(),
            Self::All => "all",
        })
    }
}

/// The showers that were chosen, to be read in order.
pub(crate) struct ChosenShowers {
    /// Which they are.
    pub(crate) part: PartChoice,
    /// The showers.
    pub(crate) source: Box<dyn ShowerSource<f32>>,
    /// Number in the file of each.
    pub(crate) indices: Vec<u64>,
}

/// Whether `blake3` is the hash of the file that the run was made from.
pub(crate) fn is_own(model: &LoadedModel, blake3: &str) -> bool {
    model.description.data.blake3 == blake3
}

/// Opens `part` of `path`, a file with the hash `blake3`.
///
/// # Errors
/// A part of a file that is not the run's own, an empty part, showers on another grid, or a file that cannot be read.
pub(crate) fn open(
    model: &LoadedModel,
    path: &Path,
    blake3: &str,
    from: &InputOptions,
    part: PartChoice,
) -> anyhow::Result<ChosenShowers> {
    let reader = reader(model, path, from)?;
    let n = reader.n_showers();
    let (source, indices): (Box<dyn ShowerSource<f32>>, Vec<u64>) = match part {
        PartChoice::All => (Box::new(reader), (0..n).collect()),
        PartChoice::Part(chosen) => {
            ensure!(
                is_own(model, blake3),
                "{}: not the file that the run was trained on, so it has no part `{chosen}`; expected --part all",
                path.display(),
                chosen = chosen.name()
            );
            let data = &model.description.data;
            let split = Split::new(data.split_seed, data.split, n)?;
            let indices = (0..n).filter(|&i| split.part_of(i) == chosen).collect();
            (Box::new(PartSource::new(reader, split, chosen)), indices)
        }
    };
    ensure!(!indices.is_empty(), "{}: no shower in the part `{part}`; expected at least one", path.display());
    Ok(ChosenShowers { part, source, indices })
}

/// Opens `path` as showers of the run's detector, unless another one is named.
fn reader(model: &LoadedModel, path: &Path, from: &InputOptions) -> anyhow::Result<ShowerReader> {
    let mut from = from.clone();
    from.detector.get_or_insert_with(|| model.detector_source());
    let reader = from.open(path)?;
    let (found, expected) = (reader.grid().shape(), model.networks.grid());
    ensure!(
        found == expected,
        "{}: showers on a grid {found:?}; expected {expected:?}, that of the run's networks",
        path.display()
    );
    Ok(reader)
}
