//! `calo inspect`: what a file holds.

use std::path::PathBuf;

use crate::files::InputOptions;

/// Show what a shower file holds
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file
    input: PathBuf,
    #[command(flatten)]
    from: InputOptions,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let reader = args.from.open(&args.input)?;
    println!("{:?}", reader.info());
    Ok(())
}
