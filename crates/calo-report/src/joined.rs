//! Evaluations of several models, each against its reference, side by side, as written to `compare.json`.
//!
//! Plain data: `calo compare` fills it from files of `calo evaluate`, [`render_joined`](crate::render_joined) draws it.

mod read;

use calo_metrics::results::Score;
use serde::{Deserialize, Serialize};

pub use read::{
    Evaluated, EvaluatedComparison, EvaluatedDetector, EvaluatedSample, read_evaluated, read_joined,
};

/// Version of the schema of [`Joined`]; raised when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// Models side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Version of the software.
    pub calo_version: String,
    /// Name of the detector, the same for all.
    pub detector: String,
    /// Everything that is compared: floors, candidates, published numbers.
    pub entries: Vec<JoinedEntry>,
    /// What to know of the comparison.
    pub gaps: Vec<calo_metrics::results::Gap>,
}

/// One model, or the floor of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinedEntry {
    /// Name, not the same as another's.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// The file that it stands in, or the publication.
    pub source: String,
    /// Milliseconds a shower takes, where they are known.
    pub milliseconds: Option<f64>,
    /// Its scores.
    pub scores: Vec<Score>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// One part of a reference against the other.
    Floor,
    /// A candidate of an evaluation.
    Candidate,
    /// Numbers that others have published: quoted, not computed.
    Quoted,
}

impl JoinedEntry {
    /// The score of that id, where it has a value.
    pub fn score(&self, id: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.id == id && score.value.is_some())
    }
}

impl Joined {
    /// Id and label of every score that an entry has, in the order of their first appearance.
    pub fn score_kinds(&self) -> Vec<(&str, &str)> {
        let mut kinds: Vec<(&str, &str)> = Vec::new();
        for score in self.entries.iter().flat_map(|entry| &entry.scores) {
            if score.value.is_some() && !kinds.iter().any(|(id, _)| *id == score.id) {
                kinds.push((&score.id, &score.label));
            }
        }
        kinds
    }

    /// Entries in the order of the ranking among candidates; floors stand before them, quoted numbers behind.
    pub fn ranked(&self) -> Ranked<'_> {
        let of = |kind: EntryKind| self.entries.iter().filter(move |entry| entry.kind == kind);
        let candidates: Vec<&JoinedEntry> = of(EntryKind::Candidate).collect();
        let scores: Vec<&[Score]> = candidates.iter().map(|entry| entry.scores.as_slice()).collect();
        let ranking = calo_metrics::ranking(&scores);
        let ordered = ranking.order.iter().map(|&index| candidates[index]);
        Ranked {
            entries: of(EntryKind::Floor).chain(ordered).chain(of(EntryKind::Quoted)).collect(),
            by: ranking.by,
        }
    }
}

/// Entries in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked<'a> {
    /// Floors, candidates from the best to the worst, quoted numbers.
    pub entries: Vec<&'a JoinedEntry>,
    /// Label of the score that decides.
    pub by: Option<String>,
}
