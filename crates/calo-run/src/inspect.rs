//! What a file holds, in numbers, and single showers.

use std::path::{Path, PathBuf};

use calo_core::{Dtype, Grid, Real, ShowerBatch};
use calo_data::{FileInfo, HitBatch, HitReader, ReadOptions, ShowerReader, Summary, TreeName};
use serde::Serialize;

use crate::Result;
use crate::error::ensure;
use crate::files::{InputOptions, for_each_batch, open};
use crate::monitor::Caller;

/// Which file is looked at.
#[derive(Debug, Clone, Default)]
pub struct InspectRequest {
    /// Shower file, or raw hits.
    pub input: PathBuf,
    /// Cells above this are hits, MeV; the detector's cut, or 0, unless told.
    pub hits_above_mev: Option<f64>,
    /// How the showers are found.
    pub from: InputOptions,
}

/// What a file of showers holds.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// How it is stored.
    pub file: FileInfo,
    /// The detector whose layers of voxels the showers are rows of; none on a rectangular grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layered_detector: Option<String>,
    /// Its showers.
    pub summary: Summary,
}

/// Looks at every shower of a file. Bad values are what this is for: they are counted, not refused.
///
/// # Errors
/// A file that cannot be read, an interruption.
pub fn inspect(request: &InspectRequest, caller: Caller<'_>) -> Result<Inspection> {
    let mut reader = request.open(caller)?;
    let cut_mev = request.hit_cut_mev(reader.grid())?;
    let summary = if reader.info().cells.dtype == Dtype::F64 {
        summarise::<f64>(&mut reader, cut_mev, caller)?
    } else {
        summarise::<f32>(&mut reader, cut_mev, caller)?
    };
    let layered_detector = request.from.layered_detector(reader.grid())?.map(|detector| detector.name);
    Ok(Inspection { file: reader.info().clone(), layered_detector, summary })
}

/// One shower of a file, as a batch of its own.
///
/// # Errors
/// A file that cannot be read, or has no such shower.
pub fn shower(request: &InspectRequest, index: u64, caller: Caller<'_>) -> Result<ShowerBatch<f32>> {
    let mut reader = request.open(caller)?;
    let n = reader.n_showers();
    ensure!(
        index < n,
        "{}: no shower {index}; expected 0 to {}",
        request.input.display(),
        n.saturating_sub(1)
    );
    reader.seek(index)?;
    let mut batch = ShowerBatch::empty(reader.grid());
    reader.read_batch(1, &mut batch)?;
    Ok(batch)
}

impl InspectRequest {
    /// Cells of showers of `grid` above this are hits, MeV.
    ///
    /// # Errors
    /// A detector that cannot be read.
    pub fn hit_cut_mev(&self, grid: Grid) -> Result<f64> {
        let of_grid = self.from.grid_detector()?.map(|detector| detector.readout.cell_cut_mev);
        let of_layers = self.from.layered_detector(grid)?.map(|detector| detector.readout.cell_cut_mev);
        Ok(self.hits_above_mev.or(of_grid).or(of_layers).unwrap_or(0.0))
    }

    fn open(&self, caller: Caller<'_>) -> Result<ShowerReader> {
        let options = ReadOptions { inspect: true, ..self.from.read_options()? };
        open(&self.input, &options, caller)
    }
}

fn summarise<T: Real>(reader: &mut ShowerReader, cut_mev: f64, caller: Caller<'_>) -> Result<Summary> {
    let mut summary = Summary::new(reader.grid(), cut_mev);
    for_each_batch::<T>(reader, "reading", caller, |batch| {
        summary.add(batch);
        Ok(())
    })?;
    Ok(summary)
}

/// Whether `path` is a ROOT file, which begins with its name.
pub fn is_root(path: &Path) -> bool {
    if !path.is_file() {
        return false; // opening a pipe would wait; what it is instead is told by who reads it
    }
    let mut magic = [0; 4];
    let read =
        std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    read.is_ok() && &magic == b"root"
}

/// What a file of raw hits holds.
#[derive(Debug, Clone, PartialEq)]
pub struct HitInspection {
    /// The tree.
    pub tree: String,
    /// Events.
    pub n_events: u64,
    /// Hits of all of them.
    pub n_hits: usize,
    /// Lowest and highest incident energy, GeV.
    pub energy_range_gev: Option<[f64; 2]>,
    /// Least and greatest depth of a hit, mm.
    pub depth_range_mm: Option<[f64; 2]>,
    /// Energy of all hits, GeV.
    pub hits_gev: f64,
}

/// Counts events and hits of a ROOT file.
///
/// # Errors
/// A file that cannot be read, an interruption.
pub fn inspect_hits(request: &InspectRequest, caller: Caller<'_>) -> Result<HitInspection> {
    caller.monitor.working_on(&request.input);
    let detector = request.from.detector()?;
    let tree = detector.as_ref().map_or("photonSIM", |detector| detector.projection.tree.as_str());
    let mut hits = HitReader::open(&request.input, TreeName::OrTheOnlyOne(tree))?;
    let mut batch = HitBatch::default();
    let mut found = HitInspection {
        tree: hits.tree().to_owned(),
        n_events: hits.n_events(),
        n_hits: 0,
        energy_range_gev: None,
        depth_range_mm: None,
        hits_gev: 0.0,
    };
    while hits.next_batch(256, &mut batch)? {
        caller.check()?;
        for event in batch.events() {
            extend(&mut found.energy_range_gev, event.incident_energy_gev);
            event.depth_mm.iter().for_each(|depth| extend(&mut found.depth_range_mm, *depth));
            found.n_hits += event.depth_mm.len();
            found.hits_gev += event.hit_energies_gev.iter().sum::<f64>();
        }
    }
    Ok(found)
}

/// Makes room for `value`.
fn extend(range: &mut Option<[f64; 2]>, value: f64) {
    let [low, high] = range.unwrap_or([value; 2]);
    *range = Some([low.min(value), high.max(value)]);
}
