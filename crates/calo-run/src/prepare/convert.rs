//! The same showers in another layout.

use std::path::PathBuf;

use calo_core::{Grid, ShowerSource};
use calo_data::{Layout, PointBatch, PointReader, PointWriteOptions, PointWriter};

use crate::files::{InputOptions, StorageOptions, is_f64, refuse_input, write_all};
use crate::monitor::{Caller, Pass};
use crate::{Error, Result, provenance};

/// Point clouds in memory at a time: a few megabytes of a few thousand points each.
const POINT_CLOUDS_AT_ONCE: usize = 256;

/// Which showers get which layout.
#[derive(Debug, Clone)]
pub struct ConvertRequest {
    /// Shower file.
    pub input: PathBuf,
    /// Layout of the output.
    pub to: Layout,
    /// File to write.
    pub out: PathBuf,
    /// How the showers are found.
    pub from: InputOptions,
    /// How they are stored.
    pub storage: StorageOptions,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Converted {
    /// Showers on a grid, or points made of one.
    Showers {
        /// Showers.
        n_showers: u64,
        /// Their grid.
        grid: Grid,
        /// The grid of the input, where this is its core.
        full_grid: Option<Grid>,
        /// Points outside the grid, which were dropped.
        n_points_outside: u64,
    },
    /// Point clouds as they were.
    PointClouds {
        /// Point clouds.
        n_showers: u64,
    },
}

/// Writes the same showers in another layout.
///
/// # Errors
/// A file that cannot be read, a full disk, an interruption.
pub fn convert(request: &ConvertRequest, caller: Caller<'_>) -> Result<Converted> {
    refuse_input(&request.out, &[&request.input])?;
    if !request.to.is_written() {
        let written = Layout::WRITTEN.map(Layout::name).join(", ");
        return Err(Error::Usage(format!("--to {}: is only read; expected one of {written}", request.to)));
    }
    request.storage.check_effect(request.to)?;
    // Point clouds stay what they are: no grid in between that would move their points.
    if request.to == Layout::ShowerData && is_point_cloud(request, caller)? {
        return copy_points(request, caller);
    }
    let mut reader = request.from.open(&request.input, caller)?;
    let mut options = request.storage.like(&reader, &request.input, caller)?;
    if options.layout != request.to {
        options.layout = request.to;
        options.group.clone_from(&request.storage.group);
    }
    options.detector = request.from.grid_detector()?;
    let n_showers = if is_f64(reader.info().cells.dtype, options.dtype) {
        write_all(&mut reader as &mut dyn ShowerSource<f64>, &request.out, &options, caller)?
    } else {
        write_all(&mut reader as &mut dyn ShowerSource<f32>, &request.out, &options, caller)?
    };
    Ok(Converted::Showers {
        n_showers,
        grid: options.grid,
        full_grid: reader.info().full_grid,
        n_points_outside: reader.n_points_outside(),
    })
}

/// Whether the input is a file of point clouds. Any other trouble with it is told when it is opened for good.
fn is_point_cloud(request: &ConvertRequest, caller: Caller<'_>) -> Result<bool> {
    caller.monitor.working_on(&request.input);
    Ok(PointReader::open(&request.input, &request.from.read_options()?).is_ok())
}

fn copy_points(request: &ConvertRequest, caller: Caller<'_>) -> Result<Converted> {
    let mut reader = PointReader::open(&request.input, &request.from.read_options()?)?;
    let info = reader.info().clone();
    let options = PointWriteOptions {
        n_features: info.n_features,
        min_max_points: info.max_points,
        energy_dtype: info.energies.dtype,
        wide_ids: true,
        attributes: provenance::attributes(&[&request.input], caller)?,
    };
    let mut writer = PointWriter::create(&request.out, &options)?;
    let mut batch = PointBatch::empty(info.n_features);
    let mut progress = caller.begin(&Pass::showers("converting", Some(info.n_showers)));
    while reader.read_batch(POINT_CLOUDS_AT_ONCE, &mut batch)? {
        caller.check()?;
        writer.write(&batch)?;
        progress.advance(batch.len());
    }
    drop(progress);
    let n_showers = writer.n_showers();
    writer.finish()?;
    Ok(Converted::PointClouds { n_showers })
}
