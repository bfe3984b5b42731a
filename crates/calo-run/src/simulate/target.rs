//! The finished file: showers on the grid, or raw hits.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use calo_core::{Detector, Dtype, Grid, ShowerSource};
use calo_data::{
    HitBatch, HitSource, HitWriteOptions, HitWriter, PoolSource, ProjectedShowers, ProjectionReport,
    StaggerFrom, WriteOptions,
};

use super::request::SimulateRequest;
use super::stored::StoredShowers;
use crate::files::write_all;
use crate::monitor::{Caller, Pass};
use crate::{Error, Result};

/// Events in memory at a time on the way to raw hits.
const EVENTS_AT_ONCE: usize = 64;

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Simulated {
    /// Showers on the detector's grid.
    Showers {
        /// Showers.
        n_showers: u64,
        /// Their grid.
        grid: Grid,
        /// What became of the hits.
        projection: ProjectionReport,
        /// Which rows the staggering correction left out, in words, where the detector is staggered.
        staggering: Option<String>,
    },
    /// Raw hits.
    RawHits {
        /// Events.
        n_events: u64,
        /// Hits of all of them.
        n_hits: usize,
    },
}

/// Where the showers go, and how.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// HDF5, on the detector's grid.
    Showers(Box<WriteOptions>),
    /// ROOT.
    RawHits(HitWriteOptions),
}

impl Target {
    /// Chosen by the output's name.
    ///
    /// # Errors
    /// A name that says nothing, storage options that raw hits do not have.
    pub(super) fn new(
        request: &SimulateRequest,
        attributes: Vec<(String, String)>,
        detector: &Detector,
    ) -> Result<Self> {
        let form = match request.out.extension().and_then(OsStr::to_str) {
            Some("hdf5" | "h5") => {
                let mut options = request.storage.with_attributes(detector.grid, Dtype::F32, attributes);
                options.group.get_or_insert_with(|| detector.hdf5.group.clone());
                Form::Showers(Box::new(options))
            }
            Some("root") => Form::RawHits(request.storage.for_hits(&detector.projection.tree, attributes)?),
            _ => {
                let out = request.out.display();
                let problem =
                    format!("--out {out}: expected NAME.hdf5 or NAME.h5 (showers) or NAME.root (raw hits)");
                return Err(Error::Usage(problem));
            }
        };
        Ok(Self { path: request.out.clone(), form })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all of `showers`, which `fine` projects, with cells added up as `detector` says.
    pub(super) fn write(
        &self,
        detector: &Detector,
        fine: &Detector,
        mut showers: StoredShowers<'_>,
        caller: Caller<'_>,
    ) -> Result<Simulated> {
        match &self.form {
            Form::Showers(options) => {
                // The map must not depend on which showers were asked for.
                let projected = ProjectedShowers::new(showers, fine, StaggerFrom::Geometry)?;
                let mut showers: PoolSource<_, f32> = PoolSource::new(projected, detector.readout.summed)?;
                let n_showers = write_all(&mut showers, &self.path, options, caller)?;
                let projected = showers.inner();
                let staggering =
                    detector.projection.staggering.as_ref().map(|_| projected.stagger_map().to_string());
                let projection = *projected.report();
                Ok(Simulated::Showers { n_showers, grid: showers.grid(), projection, staggering })
            }
            Form::RawHits(options) => {
                let mut writer = HitWriter::create(&self.path, options)?;
                let name = format!("writing {}", self.path.display());
                let mut progress = caller.begin(&Pass::showers(name, Some(showers.n_events())));
                let (mut batch, mut n_hits) = (HitBatch::default(), 0);
                while showers.next_batch(EVENTS_AT_ONCE, &mut batch)? {
                    caller.check()?;
                    writer.write(&batch)?;
                    n_hits += batch.x_mm.len();
                    progress.advance(batch.len());
                }
                drop(progress);
                let n_events = writer.n_events();
                writer.finish()?;
                Ok(Simulated::RawHits { n_events, n_hits })
            }
        }
    }
}
