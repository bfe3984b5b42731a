//! Showers on a coarser grid.

use std::path::PathBuf;

use calo_core::{Grid, Real, ShowerSource};
use calo_data::{PoolSource, ShowerReader, WriteOptions};
use serde::Serialize;

use crate::Result;
use crate::error::Context as _;
use crate::files::{InputOptions, StorageOptions, is_f64, refuse_input, write_all};
use crate::monitor::Caller;

/// Which cells are added up.
#[derive(Debug, Clone, Serialize)]
pub struct PoolRequest {
    /// Shower file.
    pub input: PathBuf,
    /// Cells that become one; the grid must be a multiple.
    pub by: Grid,
    /// File to write.
    pub out: PathBuf,
    /// How the showers are found.
    pub from: InputOptions,
    /// How they are stored.
    pub storage: StorageOptions,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooled {
    /// Showers.
    pub n_showers: u64,
    /// Grid of the input.
    pub fine: Grid,
    /// Grid of the output.
    pub coarse: Grid,
}

/// Adds neighbouring cells up to larger ones.
///
/// # Errors
/// A file that cannot be read, a grid that is no multiple, a full disk, an interruption.
pub fn pool(request: &PoolRequest, caller: Caller<'_>) -> Result<Pooled> {
    refuse_input(&request.out, &[&request.input])?;
    let reader = request.from.open(&request.input, caller)?;
    let mut options = request.storage.like(&reader, &request.input, caller)?;
    request.storage.check_effect(options.layout)?;
    // The input's group is named after its grid: pooled showers get a name of their own.
    options.group.clone_from(&request.storage.group);
    if is_f64(reader.info().cells.dtype, options.dtype) {
        pool_file::<f64>(request, reader, options, caller)
    } else {
        pool_file::<f32>(request, reader, options, caller)
    }
}

fn pool_file<T: Real>(
    request: &PoolRequest,
    reader: ShowerReader,
    mut options: WriteOptions,
    caller: Caller<'_>,
) -> Result<Pooled> {
    let fine = reader.grid();
    let mut source: PoolSource<_, T> =
        PoolSource::new(reader, request.by).with_context(|| request.input.display().to_string())?;
    options.grid = source.grid();
    let n_showers = write_all(&mut source, &request.out, &options, caller)?;
    Ok(Pooled { n_showers, fine, coarse: options.grid })
}
