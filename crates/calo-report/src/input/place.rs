//! Reading the JSON files that calo writes, with errors that name the file and the field.

use std::fs::File;
use std::io::Read as _;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use calo_core::Error as FileError;
use calo_metrics::results::Estimate;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// A larger file is refused: the largest detector so far makes results of 20 MB.
const MAX_BYTES: u64 = 512 << 20;
/// Numbers beyond this overflow once they are squared and summed.
const MAX_NUMBER: f64 = 1e100;

/// A file that was read: its text, and the schema version that it states.
pub(crate) struct Versioned<'a> {
    path: &'a Path,
    ours: &'a str,
    text: Vec<u8>,
    pub(crate) version: u32,
    /// What the file says that it is, where it does.
    pub(crate) kind: Option<String>,
}

impl<'a> Versioned<'a> {
    /// Reads a JSON file whose `schema_version` is one of `versions`; `ours` says in errors what it should be.
    pub(crate) fn read(path: &'a Path, versions: RangeInclusive<u32>, ours: &'a str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u64,
            kind: Option<String>,
        }
        let file = File::open(path).map_err(|source| FileError::io(path, "open for reading", source))?;
        let mut text = Vec::new();
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut text);
        read.map_err(|source| FileError::io(path, "read", source))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(FileError::file(path, format!("larger than {MAX_BYTES} bytes"), ours).into());
        }
        let found: Version = parse(path, ours, &text)?;
        match u32::try_from(found.schema_version).ok().filter(|version| versions.contains(version)) {
            Some(version) => Ok(Self { path, ours, text, version, kind: found.kind }),
            None => {
                let (first, last) = (versions.start(), versions.end());
                let known = if first == last {
                    format!("version {last}")
                } else {
                    format!("version {first} to {last}")
                };
                let found = format!("schema version {}", found.schema_version);
                Err(FileError::file(path, found, format!("{known}, which this calo reads")).into())
            }
        }
    }

    /// What the file says.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        parse(self.path, self.ours, &self.text)
    }
}

/// Reads a JSON file of one of the versions, which all read as the same type.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, versions: RangeInclusive<u32>, ours: &str) -> Result<T> {
    Versioned::read(path, versions, ours)?.parse()
}

fn parse<T: DeserializeOwned>(path: &Path, ours: &str, text: &[u8]) -> Result<T> {
    serde_json::from_slice(text)
        .map_err(|error| FileError::file(path, one_line(&error.to_string()), ours).into())
}

/// A message of the parser may quote the file; its line breaks must not split the message.
fn one_line(message: &str) -> String {
    let mut line: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    if line.len() < message.len() {
        line.push('…');
    }
    line
}

/// The file that errors name.
pub(crate) struct Place<'a>(pub(crate) &'a Path);

impl Place<'_> {
    /// An error about `field` unless all is `fine`.
    pub(crate) fn demand(
        &self,
        fine: bool,
        field: impl FnOnce() -> String,
        problem: impl FnOnce() -> String,
        expected: &str,
    ) -> Result<()> {
        if fine {
            return Ok(());
        }
        let path = PathBuf::from(self.0);
        Err(Error::Field {
            path,
            field: one_line(&field()),
            problem: one_line(&problem()),
            expected: expected.to_owned(),
        })
    }

    /// A list of another length is an error.
    pub(crate) fn length(&self, field: impl FnOnce() -> String, found: usize, expected: usize) -> Result<()> {
        self.demand(found == expected, field, || format!("{found} entries"), &format!("{expected}"))
    }

    /// Numbers that are not finite, or too large to compute with, are an error.
    pub(crate) fn numbers<'a>(
        &self,
        field: impl Fn() -> String,
        values: impl IntoIterator<Item = &'a f64>,
    ) -> Result<()> {
        self.each(field, values, |value| value.abs() <= MAX_NUMBER, "finite numbers below 1e100")
    }

    /// As [`Place::numbers`], and negative ones too.
    pub(crate) fn not_negative<'a>(
        &self,
        field: impl Fn() -> String,
        values: impl IntoIterator<Item = &'a f64>,
    ) -> Result<()> {
        self.each(field, values, |value| (0.0..=MAX_NUMBER).contains(value), "finite numbers from 0 to 1e100")
    }

    fn each<'a>(
        &self,
        field: impl Fn() -> String,
        values: impl IntoIterator<Item = &'a f64>,
        fine: impl Fn(&f64) -> bool,
        expected: &str,
    ) -> Result<()> {
        let wrong = values.into_iter().find(|value| !fine(value));
        wrong.map_or(Ok(()), |value| self.demand(false, field, || format!("{value}"), expected))
    }

    /// Edges that are not numbers or do not rise are an error.
    pub(crate) fn edges(&self, field: impl Fn() -> String, edges: &[f64]) -> Result<()> {
        self.numbers(&field, edges)?;
        let rising = edges.len() > 1 && edges.windows(2).all(|pair| pair[0] < pair[1]);
        self.demand(rising, field, || "do not rise".into(), "at least two edges in rising order")
    }

    /// A grid that is empty or too large for the indices of cells is an error.
    pub(crate) fn grid(&self, grid: [usize; 3]) -> Result<()> {
        let fine = grid.iter().all(|n| (1..=u16::MAX.into()).contains(n));
        let expected = "1 to 65535 cells along each axis";
        self.demand(fine, || "detector.grid".into(), || format!("{grid:?}"), expected)
    }

    /// Energies that are negative or not finite are an error.
    pub(crate) fn energies(&self, field: impl Fn() -> String, energies_mev: &[f32]) -> Result<()> {
        let bad = energies_mev.iter().find(|e| !(0.0..f32::INFINITY).contains(*e));
        self.demand(bad.is_none(), field, || format!("{bad:?}"), "finite energies, not negative")
    }

    /// Cells `[layer, x, y]` outside the grid are an error.
    pub(crate) fn cells(
        &self,
        field: impl Fn() -> String,
        cells: &[[u16; 3]],
        grid: [usize; 3],
    ) -> Result<()> {
        let outside = cells.iter().find(|cell| cell.iter().zip(grid).any(|(&i, n)| usize::from(i) >= n));
        let expected = format!("cells inside {grid:?}");
        self.demand(outside.is_none(), field, || format!("cell {outside:?}"), &expected)
    }

    /// A finite value and an error that is not negative.
    pub(crate) fn estimate(&self, field: impl Fn() -> String, estimate: &Estimate) -> Result<()> {
        self.numbers(&field, [&estimate.value])?;
        self.not_negative(|| format!("{}.error", field()), estimate.error.as_ref())
    }
}
