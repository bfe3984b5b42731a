//! Raw hits of a ROOT file to showers on a detector's grid.

use std::path::PathBuf;

use calo_core::{Detector, Dtype, ShowerSource};
use calo_data::{PoolSource, ProjectedShowers, ProjectionReport, StaggerFrom};

use crate::files::{StorageOptions, refuse_input, write_all};
use crate::monitor::Caller;
use crate::{Result, provenance};

/// Which hits are projected, and how.
#[derive(Debug, Clone)]
pub struct ProjectRequest {
    /// ROOT file with a tree of hits.
    pub input: PathBuf,
    /// Name or path of the detector.
    pub detector: String,
    /// Name of the tree, instead of the detector's.
    pub tree: Option<String>,
    /// Where the staggering correction takes the empty rows from.
    pub staggering: StaggerFrom,
    /// File to write.
    pub out: PathBuf,
    /// How the showers are stored.
    pub storage: StorageOptions,
}

/// What became of the hits.
#[derive(Debug)]
pub struct Projected {
    /// How many were dropped, and why.
    pub report: ProjectionReport,
    /// Which rows the staggering correction left out, in words, where the detector is staggered.
    pub staggering: Option<String>,
    /// The number of showers written, or why they could not be: the report says why nothing was left, too.
    pub written: Result<u64>,
}

/// Turns raw hits into showers on a detector's grid.
///
/// # Errors
/// A detector or a file that cannot be read. What fails in writing is part of the result.
pub fn project(request: &ProjectRequest, caller: Caller<'_>) -> Result<Projected> {
    let detector = Detector::load(&request.detector)?;
    let input = &request.input;
    refuse_input(&request.out, &[input])?;
    caller.monitor.working_on(input);
    let fine = detector.fine();
    let projected = ProjectedShowers::open(input, &fine, request.tree.as_deref(), request.staggering)?;
    let mut showers: PoolSource<_, f32> = PoolSource::new(projected, detector.readout.summed)?;
    let attributes = provenance::attributes(&[input], caller)?;
    let mut options = request.storage.with_attributes(showers.grid(), Dtype::F32, attributes);
    options.group.get_or_insert_with(|| detector.hdf5.group.clone());
    let written = write_all(&mut showers, &request.out, &options, caller);
    let projected = showers.inner();
    let staggering = detector.projection.staggering.as_ref().map(|_| projected.stagger_map().to_string());
    Ok(Projected { report: *projected.report(), staggering, written })
}
