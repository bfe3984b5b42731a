//! `calo pool`: showers on a coarser grid.

use std::path::PathBuf;

use anyhow::Context;
use calo_core::{Grid, Real, ShowerSource};
use calo_data::{PoolSource, ShowerReader, WriteOptions};

use crate::files::{InputOptions, Out, StorageOptions, is_f64, write_all};
use crate::{args, output};

/// Add neighbouring cells up to larger ones
///
/// Pooled by 1x3x3, showers of `ild-ecal` are showers of `ild-ecal-pooled`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file
    input: PathBuf,
    /// Cells that become one, as LAYERSxNXxNY; the grid must be a multiple
    #[arg(long, value_name = "BLOCK", value_parser = args::grid)]
    by: Grid,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    from: InputOptions,
    #[command(flatten)]
    storage: StorageOptions,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let reader = args.from.open(&args.input)?;
    let mut options = args.storage.like(&reader, &args.input)?;
    // The input's group is named after its grid: pooled showers get a name of their own.
    options.group.clone_from(&args.storage.to_group);
    if is_f64(reader.info().cells.dtype, options.dtype) {
        pool_file::<f64>(args, reader, options)
    } else {
        pool_file::<f32>(args, reader, options)
    }
}

fn pool_file<T: Real>(args: &Args, reader: ShowerReader, mut options: WriteOptions) -> anyhow::Result<()> {
    let fine = reader.grid();
    let mut source: PoolSource<_, T> =
        PoolSource::new(reader, args.by).with_context(|| args.input.display().to_string())?;
    options.grid = source.grid();
    let n = write_all(&mut source, &args.out.out, &options)?;
    let out = args.out.out.display();
    output::print(&format!("{n} showers of {} cells, pooled from {fine}, written to {out}\n", options.grid))
}
