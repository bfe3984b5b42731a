//! `calo convert`: the same showers in another layout.

use std::path::PathBuf;

use calo_data::{Layout, ShowerSource};

use crate::files::{InputOptions, Out, StorageOptions, is_f64, write_all};
use crate::output;

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
    let mut reader = args.from.open(&args.input)?;
    let mut options = args.storage.like(&reader, &args.input)?;
    if options.layout != args.to {
        options.layout = args.to;
        options.group.clone_from(&args.storage.to_group);
    }
    let n = if is_f64(reader.info().cells.dtype, options.dtype) {
        write_all(&mut reader as &mut dyn ShowerSource<f64>, &args.out.out, &options)?
    } else {
        write_all(&mut reader as &mut dyn ShowerSource<f32>, &args.out.out, &options)?
    };
    output::print(&format!("{n} showers of {} cells written to {}\n", options.grid, args.out.out.display()))
}
