//! Reading what `calo compare` joins, and what it wrote.

use std::path::Path;

use calo_metrics::results::{SampleFile, Score};
use serde::Deserialize;

use super::{Joined, SCHEMA_VERSION};
use crate::error::Result;
use crate::input::{Place, read};

/// What is taken from a `results.json` of either kind.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Evaluated {
    /// The detector.
    pub detector: EvaluatedDetector,
    /// The reference first.
    pub samples: Vec<EvaluatedSample>,
    /// The floor.
    pub floor: EvaluatedComparison,
    /// The candidates.
    pub comparisons: Vec<EvaluatedComparison>,
}

/// The detector of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EvaluatedDetector {
    /// Its name.
    pub name: String,
}

/// A sample of an evaluation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct EvaluatedSample {
    /// Its files.
    pub files: Vec<SampleFile>,
}

/// A comparison of an evaluation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct EvaluatedComparison {
    /// Name of the candidate.
    pub name: String,
    /// Its scores.
    pub scores: Vec<Score>,
}

/// Reads a `results.json` of either kind, as far as it can be joined. Files of version 1 hold scores by name and are refused.
///
/// # Errors
/// [`Error::File`](crate::Error::File) where it cannot be read or is not ours, [`Error::Field`](crate::Error::Field)
/// where it contradicts itself.
pub fn read_evaluated(path: &Path) -> Result<Evaluated> {
    let ours = "a results.json of `calo evaluate`, of this or the last version";
    let evaluated: Evaluated = read(path, 1..=calo_metrics::results::SCHEMA_VERSION, ours)?;
    let place = Place(path);
    place.demand(
        !evaluated.samples.is_empty(),
        || "samples".into(),
        || "empty".into(),
        "the reference first",
    )?;
    for comparison in std::iter::once(&evaluated.floor).chain(&evaluated.comparisons) {
        check_scores(&comparison.scores, &comparison.name, &place)?;
    }
    Ok(evaluated)
}

/// Reads and checks a `compare.json`.
///
/// # Errors
/// As [`read_evaluated`].
pub fn read_joined(path: &Path) -> Result<Joined> {
    let joined: Joined = read(path, SCHEMA_VERSION..=SCHEMA_VERSION, "a result of `calo compare`")?;
    let place = Place(path);
    place.demand(!joined.entries.is_empty(), || "entries".into(), || "empty".into(), "at least one")?;
    for entry in &joined.entries {
        place.not_negative(|| format!("`{}`, milliseconds", entry.name), entry.milliseconds.as_ref())?;
        check_scores(&entry.scores, &entry.name, &place)?;
    }
    Ok(joined)
}

fn check_scores(scores: &[Score], name: &str, place: &Place<'_>) -> Result<()> {
    for score in scores {
        if let Some(estimate) = score.estimate() {
            place.estimate(|| format!("`{name}`, score `{}`", score.id), &estimate)?;
        }
        let fine = score.digits <= 12;
        place.demand(fine, || format!("`{name}`, digits"), || score.digits.to_string(), "0 to 12")?;
    }
    Ok(())
}
