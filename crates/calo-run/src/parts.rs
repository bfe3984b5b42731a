//! The showers of a file that a run was trained, validated or tested on, or all of them.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use calo_core::ShowerSource;
use calo_data::{Part, PartSource, ShowerReader, Split};
use serde::{Serialize, Serializer};

use crate::Result;
use crate::error::{Context as _, ensure};
use crate::files::InputOptions;
use crate::model::LoadedModel;
use crate::monitor::Caller;

/// A part of a file, or the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartChoice {
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

impl Serialize for PartChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
pub struct ChosenShowers {
    /// Which they are.
    pub part: PartChoice,
    /// The showers.
    pub source: Box<dyn ShowerSource<f32>>,
    /// Number in the file of each.
    pub indices: Vec<u64>,
}

/// Whether `blake3` is the hash of the file that the run was made from.
pub fn is_own(model: &LoadedModel, blake3: &str) -> bool {
    model.description.data.as_ref().is_some_and(|data| data.blake3 == blake3)
}

/// A file whose showers are looked at.
#[derive(Debug, Clone, Copy)]
pub struct DataFile<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its hash.
    pub blake3: &'a str,
    /// How its showers are found.
    pub from: &'a InputOptions,
}

/// Opens `part` of `file`.
///
/// # Errors
/// A part of a file that is not the run's own, an empty part, showers on another grid, or a file that cannot be read.
pub fn open(
    model: &LoadedModel,
    file: DataFile<'_>,
    part: PartChoice,
    caller: Caller<'_>,
) -> Result<ChosenShowers> {
    let DataFile { path, blake3, from } = file;
    let reader = reader(model, path, from, caller)?;
    let n = reader.n_showers();
    let (source, indices): (Box<dyn ShowerSource<f32>>, Vec<u64>) = match part {
        PartChoice::All => (Box::new(reader), (0..n).collect()),
        PartChoice::Part(chosen) => {
            let own = model.description.data.as_ref().filter(|data| data.blake3 == blake3);
            let data = own.with_context(|| {
                format!(
                    "{}: not the file that the run was trained on, so it has no part `{}`; expected --part all",
                    path.display(),
                    chosen.name()
                )
            })?;
            let split = Split::new(data.split_seed, data.split, n)?;
            let indices = (0..n).filter(|&i| split.part_of(i) == chosen).collect();
            (Box::new(PartSource::new(reader, split, chosen)), indices)
        }
    };
    ensure!(!indices.is_empty(), "{}: no shower in the part `{part}`; expected at least one", path.display());
    Ok(ChosenShowers { part, source, indices })
}

/// Opens `path` as showers of the run's detector, unless another one is named.
fn reader(model: &LoadedModel, path: &Path, from: &InputOptions, caller: Caller<'_>) -> Result<ShowerReader> {
    let mut from = from.clone();
    from.detector.get_or_insert_with(|| model.detector_source());
    let reader = from.open(path, caller)?;
    let (found, expected) = (reader.grid().shape(), model.networks.grid());
    ensure!(
        found == expected,
        "{}: showers on a grid {found:?}; expected {expected:?}, that of the run's networks",
        path.display()
    );
    Ok(reader)
}
