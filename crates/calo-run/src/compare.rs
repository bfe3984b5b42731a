//! Evaluations joined: models that were judged one at a time, side by side.

use std::path::PathBuf;

use calo_metrics::challenge::{PUBLISHED, PUBLISHED_IN, Published};
use calo_metrics::results::{Gap, Score};
use calo_report::joined::{EntryKind, Joined, JoinedEntry, SCHEMA_VERSION, read_evaluated};

use crate::error::ensure;
use crate::files::{create_folder, write_json};
use crate::provenance::VERSION;
use crate::{Error, Result};

/// Which evaluations are joined.
#[derive(Debug, Clone)]
pub struct CompareRequest {
    /// Files of `calo evaluate`, or the folders that hold them.
    pub results: Vec<PathBuf>,
    /// Milliseconds a shower takes, by the name of the candidate.
    pub timings: Vec<(String, f64)>,
    /// Whether published numbers for the same detector are set beside.
    pub published: bool,
    /// Folder for compare.json.
    pub out: PathBuf,
}

/// Joins evaluations and writes compare.json.
///
/// # Errors
/// Files that cannot be read or are of different detectors, timings of unknown names, a full disk.
pub fn compare(request: &CompareRequest) -> Result<Joined> {
    ensure!(!request.out.is_file(), "{}: is a file; expected a folder to write into", request.out.display());
    let (mut entries, mut gaps): (Vec<JoinedEntry>, Vec<Gap>) = (Vec::new(), Vec::new());
    let mut first: Option<(String, Vec<String>, String)> = None;
    for path in &request.results {
        let path = if path.is_dir() { path.join("results.json") } else { path.clone() };
        let place = path.display().to_string();
        let found = read_evaluated(&path)?;
        let hashes: Vec<String> = found.samples[0].files.iter().map(|file| file.blake3.clone()).collect();
        match &first {
            None => first = Some((found.detector.name.clone(), hashes, place.clone())),
            Some((detector, of_first, first_place)) => {
                ensure!(
                    *detector == found.detector.name,
                    "{place}: detector {}; expected {detector} as in {first_place}",
                    found.detector.name
                );
                if hashes != *of_first {
                    let what = format!("one reference of {first_place} and {place}");
                    gaps.push(Gap::new(
                        what,
                        "their references are different files: scores include that difference",
                    ));
                }
            }
        }
        let floor = [(found.floor, EntryKind::Floor)];
        let candidates = found.comparisons.into_iter().map(|comparison| (comparison, EntryKind::Candidate));
        for (comparison, kind) in floor.into_iter().chain(candidates) {
            let entry = JoinedEntry {
                name: comparison.name,
                kind,
                source: place.clone(),
                milliseconds: None,
                scores: comparison.scores,
            };
            push(&mut entries, entry);
        }
    }
    let Some((detector, ..)) = first else {
        return Err(Error::Usage("compare: no evaluation; expected files of `calo evaluate`".to_owned()));
    };
    set_timings(&mut entries, &request.timings)?;
    if request.published {
        let of_detector: Vec<JoinedEntry> =
            PUBLISHED.iter().filter(|one| one.detector == detector).map(quoted).collect();
        if of_detector.is_empty() {
            gaps.push(Gap::new("published numbers", format!("none are known for detector {detector}")));
        }
        entries.extend(of_detector);
    }
    let joined =
        Joined { schema_version: SCHEMA_VERSION, calo_version: VERSION.to_owned(), detector, entries, gaps };
    create_folder(&request.out)?;
    write_json(&request.out.join("compare.json"), &joined)?;
    Ok(joined)
}

/// Adds an entry; one of a name that is taken gets a number. A floor that stands in several files is told once.
fn push(entries: &mut Vec<JoinedEntry>, mut entry: JoinedEntry) {
    let same = |other: &JoinedEntry| other.name == entry.name && other.scores == entry.scores;
    if entry.kind == EntryKind::Floor && entries.iter().any(same) {
        return;
    }
    let name = entry.name.clone();
    let mut number = 2;
    while entries.iter().any(|other| other.name == entry.name) {
        entry.name = format!("{name} ({number})");
        number += 1;
    }
    entries.push(entry);
}

fn set_timings(entries: &mut [JoinedEntry], timings: &[(String, f64)]) -> Result<()> {
    for (name, milliseconds) in timings {
        let Some(index) = entries.iter().position(|entry| entry.name == *name) else {
            let known: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            return Err(Error::Usage(format!(
                "--timing {name}: no such model; expected one of {}",
                known.join(", ")
            )));
        };
        entries[index].milliseconds = Some(*milliseconds);
    }
    Ok(())
}

/// Published numbers as an entry; the times are those of batches of 100.
fn quoted(published: &Published) -> JoinedEntry {
    let score = |id: &str, label: &str, value: f64, digits: usize| Score {
        id: id.to_owned(),
        label: label.to_owned(),
        value: Some(value),
        error: None,
        digits,
        detail: Vec::new(),
    };
    let mut scores = Vec::new();
    if let Some([voxels, features, cnn]) = published.auc {
        scores.push(score("auc_network_voxels", "AUC of the challenge's network on voxels", voxels, 3));
        scores.push(score("auc_network_features", "AUC of the challenge's network on features", features, 3));
        scores.push(score("auc_network_cnn", "AUC of the challenge's convolutional network", cnn, 3));
    }
    if let Some(fpd) = published.fpd_with_replacement {
        scores.push(score("fpd_with_replacement", "FPD, with replacement", fpd, 5));
    }
    JoinedEntry {
        name: published.name.to_owned(),
        kind: EntryKind::Quoted,
        source: PUBLISHED_IN.to_owned(),
        milliseconds: published.cpu_milliseconds.map(|[_, of_hundred]| of_hundred),
        scores,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: EntryKind) -> JoinedEntry {
        JoinedEntry {
            name: name.to_owned(),
            kind,
            source: String::new(),
            milliseconds: None,
            scores: Vec::new(),
        }
    }

    #[test]
    fn names_are_told_apart_and_floors_told_once() {
        let mut entries = Vec::new();
        for (name, kind) in [
            ("floor", EntryKind::Floor),
            ("gan", EntryKind::Candidate),
            ("floor", EntryKind::Floor),
            ("gan", EntryKind::Candidate),
        ] {
            push(&mut entries, entry(name, kind));
        }
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["floor", "gan", "gan (2)"]);
        set_timings(&mut entries, &[("gan (2)".to_owned(), 3.0)]).unwrap();
        assert_eq!(entries[2].milliseconds, Some(3.0));
        let message = set_timings(&mut entries, &[("flow".to_owned(), 3.0)]).unwrap_err().to_string();
        assert!(message.contains("--timing flow: no such model; expected one of floor, gan"), "{message}");
    }
}
