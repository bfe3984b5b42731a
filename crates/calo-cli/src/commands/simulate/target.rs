//! The finished file: showers on the grid, or raw hits.

use std::ffi::OsStr;
use std::path::PathBuf;

use calo_core::{Detector, Dtype, ShowerSource};
use calo_data::{
    HitBatch, HitSource, HitWriteOptions, HitWriter, ProjectedShowers, StaggerFrom, WriteOptions,
};

use super::Args;
use super::request::Request;
use super::stored::StoredShowers;
use crate::files::write_all;
use crate::progress::Progress;
use crate::{UsageError, interrupt};

/// Events in memory at a time on the way to raw hits.
const EVENTS_AT_ONCE: usize = 64;

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
    pub(super) fn new(args: &Args, request: &Request, detector: &Detector) -> anyhow::Result<Self> {
        let attributes = request.attributes();
        let form = match args.out.extension().and_then(OsStr::to_str) {
            Some("hdf5" | "h5") => {
                let mut options = args.storage.with_attributes(detector.grid, Dtype::F32, attributes);
                options.group.get_or_insert_with(|| detector.hdf5.group.clone());
                Form::Showers(Box::new(options))
            }
            Some("root") => Form::RawHits(args.storage.for_hits(&detector.projection.tree, attributes)?),
            _ => {
                let out = args.out.display();
                let problem =
                    format!("--out {out}: expected NAME.hdf5 or NAME.h5 (showers) or NAME.root (raw hits)");
                return Err(UsageError(problem).into());
            }
        };
        Ok(Self { path: args.out.clone(), form })
    }

    /// Writes all of `showers`; what there is to say of it.
    pub(super) fn write(
        &self,
        detector: &Detector,
        mut showers: StoredShowers<'_>,
    ) -> anyhow::Result<String> {
        let path = self.path.display();
        match &self.form {
            Form::Showers(options) => {
                // The map must not depend on which showers were asked for.
                let mut showers = ProjectedShowers::new(showers, detector, StaggerFrom::Geometry)?;
                let n = write_all(&mut showers, &self.path, options)?;
                let staggering = match detector.projection.staggering {
                    Some(_) => format!("staggering: {}\n", showers.stagger_map()),
                    None => String::new(),
                };
                let grid = showers.grid();
                Ok(format!(
                    "{n} showers of {grid} cells written to {path}\n{}\n{staggering}",
                    showers.report()
                ))
            }
            Form::RawHits(options) => {
                let mut writer = HitWriter::create(&self.path, options)?;
                let mut progress = Progress::new(format!("writing {path}"), Some(showers.n_events()));
                let (mut batch, mut n_hits) = (HitBatch::default(), 0);
                while showers.next_batch(EVENTS_AT_ONCE, &mut batch)? {
                    interrupt::check()?;
                    writer.write(&batch)?;
                    n_hits += batch.x_mm.len();
                    progress.advance(batch.len());
                }
                drop(progress);
                let n = writer.n_events();
                writer.finish()?;
                Ok(format!("{n} events with {n_hits} hits written to {path}\n"))
            }
        }
    }
}
