//! Raw hits, event by event.

use std::path::{Path, PathBuf};

use calo_core::{Error, Result};

use super::choice::{choose_tree, listed};
use super::column::Column;
use super::file::RootFile;
use super::tree::parse_tree;
use crate::hits::{HitBatch, HitSource};

/// Branches of a hit tree: position (x, depth, y), energy, and the incident particles.
const BRANCHES: [&str; 6] = ["scpox", "scpoy", "scpoz", "scene", "mcene", "mcpdg"];

/// Which tree of the file to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeName<'a> {
    /// The tree of this name and no other.
    Exactly(&'a str),
    /// The tree of this name; where there is none, the only tree of the file.
    OrTheOnlyOne(&'a str),
}

/// Reads raw hits from a ROOT tree, one basket of each branch in memory at a time.
#[derive(Debug)]
pub struct HitReader {
    file: RootFile,
    tree: String,
    columns: [Column; 6],
    n_events: u64,
    next_event: u64,
    /// Values of `mcene` or `mcpdg` of one event.
    scratch: Vec<f64>,
}

impl HitReader {
    /// Opens a tree of hits.
    ///
    /// # Errors
    /// A file that cannot be opened, is not ROOT's, is truncated or damaged; no such tree (the message lists those
    /// there are); a branch that is missing or holds no numbers.
    pub fn open(path: &Path, tree: TreeName<'_>) -> Result<Self> {
        let (mut file, keys) = RootFile::open(path)?;
        let key = &choose_tree(&mut file, keys, tree)?;
        let record = file.read_object(key)?;
        let in_tree = |problem| file.damaged(format!("tree `{}`: {problem}", key.name));
        let tree = parse_tree(&record.bytes, record.key.key_bytes).map_err(in_tree)?;
        let column = |name: &str| {
            let branch = tree.branches.iter().find(|branch| branch.name.trim_end_matches('.') == name);
            let branch = branch.ok_or_else(|| {
                let names: Vec<_> =
                    tree.branches.iter().take(20).map(|branch| branch.name.as_str()).collect();
                let problem = format!("not in tree `{}`", key.name);
                Error::dataset(path, name, problem, format!("this branch; there are {}", listed(&names)))
            })?;
            Column::new(&file, branch, &tree)
        };
        let [x, depth, y, energy, mc_energy, mc_pdg] = BRANCHES;
        let columns =
            [column(x)?, column(depth)?, column(y)?, column(energy)?, column(mc_energy)?, column(mc_pdg)?];
        let (tree, n_events) = (key.name.clone(), tree.n_entries);
        Ok(Self { file, tree, columns, n_events, next_event: 0, scratch: Vec::new() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Name of the tree that is read.
    pub fn tree(&self) -> &str {
        &self.tree
    }

    /// Events in the tree.
    pub fn n_events(&self) -> u64 {
        self.n_events
    }

    /// Starts again with the first event.
    pub fn rewind(&mut self) {
        self.next_event = 0;
    }

    /// Replaces the content of `batch` by the next events, at most `max_events`; `false` at the end.
    ///
    /// # Errors
    /// Damaged baskets; branches of one event that differ in length; hits with positions that are not finite or
    /// energies that are negative or not finite (with their number in the rest of the file and the first event);
    /// incident energies that are missing, not positive or not finite.
    pub fn next_batch(&mut self, max_events: usize, batch: &mut HitBatch) -> Result<bool> {
        batch.clear(self.next_event);
        let stop = self.next_event.saturating_add(max_events as u64).min(self.n_events);
        while self.next_event < stop {
            self.read_event(batch)?;
            let from = batch.offsets[batch.offsets.len() - 2];
            if let Some(fault) = first_fault(batch, from) {
                return Err(self.refuse(fault, batch));
            }
            self.next_event += 1;
        }
        Ok(!batch.is_empty())
    }

    /// Appends one event, unchecked.
    fn read_event(&mut self, batch: &mut HitBatch) -> Result<()> {
        let (event, file) = (self.next_event, &mut self.file);
        let [x, depth, y, energy, mc_energy, mc_pdg] = &mut self.columns;
        let n = energy.read(file, event, &mut batch.hit_energies_gev)?;
        for (column, values) in [(x, &mut batch.x_mm), (depth, &mut batch.depth_mm), (y, &mut batch.y_mm)] {
            let found = column.read(file, event, values)?;
            if found != n {
                let problem = format!("{found} entries");
                let expected = format!("{n}, as in `scene`");
                return Err(shower_error(file.path().to_owned(), column.name(), event, problem, expected));
            }
        }
        batch.offsets.push(batch.hit_energies_gev.len());
        self.scratch.clear();
        mc_energy.read(file, event, &mut self.scratch)?;
        batch.incident_energies_gev.push(self.scratch.first().copied().unwrap_or(f64::NAN));
        self.scratch.clear();
        batch.n_mc_particles.push(mc_pdg.read(file, event, &mut self.scratch)?);
        #[expect(clippy::cast_possible_truncation, reason = "PDG codes have at most ten digits; saturates")]
        batch.pdg.push(self.scratch.first().map_or(0, |code| *code as i32));
        Ok(())
    }

    /// The error for `fault` in the current event, with the number of such hits from here to the file's end.
    fn refuse(&mut self, fault: Fault, batch: &mut HitBatch) -> Error {
        let event = self.next_event;
        let path = self.path().to_owned();
        let mut n = 0_u64;
        while self.next_event < self.n_events {
            batch.clear(self.next_event);
            if let Err(error) = self.read_event(batch) {
                return error;
            }
            n += batch
                .hit_energies_gev
                .iter()
                .zip(&batch.x_mm)
                .zip(&batch.depth_mm)
                .zip(&batch.y_mm)
                .filter(|(((energy, x), depth), y)| hit_fault(**energy, **x, **depth, **y).is_some())
                .count() as u64;
            n += u64::from(!valid_incident(batch.incident_energies_gev[0]));
            self.next_event += 1;
        }
        let (dataset, value, expected) = fault;
        let others = if n > 1 { format!(", the first of {n} bad values in the file") } else { String::new() };
        shower_error(path, dataset, event, format!("{value}{others}"), expected.to_owned())
    }
}

impl HitSource for HitReader {
    fn n_events(&self) -> u64 {
        self.n_events
    }

    fn next_batch(&mut self, max_events: usize, batch: &mut HitBatch) -> Result<bool> {
        self.next_batch(max_events, batch)
    }

    fn rewind(&mut self) -> Result<()> {
        self.rewind();
        Ok(())
    }
}

/// Branch, value found, expectation.
type Fault = (&'static str, String, &'static str);

/// The first bad value of the batch's last event, whose hits start at `from`.
fn first_fault(batch: &HitBatch, from: usize) -> Option<Fault> {
    let incident = batch.incident_energies_gev.last().copied().unwrap_or(f64::NAN);
    if !valid_incident(incident) {
        return Some(("mcene", format!("incident energy {incident} GeV"), "a finite energy above 0 GeV"));
    }
    (from..batch.hit_energies_gev.len())
        .find_map(|i| hit_fault(batch.hit_energies_gev[i], batch.x_mm[i], batch.depth_mm[i], batch.y_mm[i]))
}

fn valid_incident(energy_gev: f64) -> bool {
    energy_gev.is_finite() && energy_gev > 0.0
}

fn hit_fault(energy_gev: f64, x_mm: f64, depth_mm: f64, y_mm: f64) -> Option<Fault> {
    if !(energy_gev.is_finite() && energy_gev >= 0.0) {
        return Some(("scene", format!("hit energy {energy_gev} GeV"), "finite energies of at least 0 GeV"));
    }
    let positions = [("scpox", x_mm), ("scpoy", depth_mm), ("scpoz", y_mm)];
    let (branch, position) = positions.into_iter().find(|(_, position)| !position.is_finite())?;
    Some((branch, format!("hit position {position} mm"), "finite positions"))
}

fn shower_error(path: PathBuf, dataset: &str, shower: u64, problem: String, expected: String) -> Error {
    Error::Shower { path, dataset: dataset.to_owned(), shower, problem, expected }
}
