//! `calo convert`: the same showers in another layout.

use std::path::PathBuf;

use calo_core::ShowerSource;
use calo_data::{Layout, PointBatch, PointReader, PointWriteOptions, PointWriter};

use crate::files::{InputOptions, Out, StorageOptions, is_f64, write_all};
use crate::progress::Progress;
use crate::{crash, interrupt, output, provenance};

/// Point clouds in memory at a time: a few megabytes of a few thousand points each.
const POINT_CLOUDS_AT_ONCE: usize = 256;

/// Write the same showers in another layout
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file
    input: PathBuf,
    /// Layout of the output: grid, calo-challenge or shower-data
    #[arg(long, value_name = "LAYOUT")]
    to: Layout,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    from: InputOptions,
    #[command(flatten)]
    storage: StorageOptions,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // Point clouds stay what they are: no grid in between that would move their points.
    if args.to == Layout::ShowerData && is_point_cloud(args)? {
        return copy_points(args);
    }
    let mut reader = args.from.open(&args.input)?;
    let mut options = args.storage.like(&reader, &args.input)?;
    if options.layout != args.to {
        options.layout = args.to;
        options.group.clone_from(&args.storage.to_group);
    }
    options.detector = args.from.detector()?;
    let n = if is_f64(reader.info().cells.dtype, options.dtype) {
        write_all(&mut reader as &mut dyn ShowerSource<f64>, &args.out.out, &options)?
    } else {
        write_all(&mut reader as &mut dyn ShowerSource<f32>, &args.out.out, &options)?
    };
    let outside = match reader.n_points_outside() {
        0 => String::new(),
        n => format!("; {n} points outside the grid were dropped"),
    };
    let cut = match reader.info().full_grid {
        Some(full) => format!(" (the core of {full})"),
        None => String::new(),
    };
    let out = args.out.out.display();
    output::print(&format!("{n} showers of {} cells{cut} written to {out}{outside}\n", options.grid))
}

/// Whether the input is a file of point clouds. Any other trouble with it is told when it is opened for good.
fn is_point_cloud(args: &Args) -> anyhow::Result<bool> {
    crash::blame(&args.input);
    Ok(PointReader::open(&args.input, &args.from.read_options()?).is_ok())
}

fn copy_points(args: &Args) -> anyhow::Result<()> {
    let mut reader = PointReader::open(&args.input, &args.from.read_options()?)?;
    let info = reader.info().clone();
    let options = PointWriteOptions {
        n_features: info.n_features,
        min_max_points: info.max_points,
        energy_dtype: info.energies.dtype,
        wide_ids: true,
        attributes: provenance::attributes(&[&args.input])?,
    };
    let mut writer = PointWriter::create(&args.out.out, &options)?;
    let mut batch = PointBatch::empty(info.n_features);
    let mut progress = Progress::new("converting", Some(info.n_showers));
    while reader.read_batch(POINT_CLOUDS_AT_ONCE, &mut batch)? {
        interrupt::check()?;
        writer.write(&batch)?;
        progress.advance(batch.len());
    }
    drop(progress);
    let n = writer.n_showers();
    writer.finish()?;
    output::print(&format!("{n} point clouds written to {}\n", args.out.out.display()))
}
