//! `cargo xtask build`: from a bare machine to the `calo` binary.

use std::path::PathBuf;

use anyhow::Result;

use crate::flags::BuildFlags;
use crate::process::{cargo, run as run_command, target_dir};
use crate::{cuda, setup};

/// Sets up what is missing, builds the release binary and says where it is.
pub(crate) fn run(flags: &BuildFlags) -> Result<()> {
    println!("{}", release(flags.cuda)?.display());
    Ok(())
}

/// Sets up what is missing and builds the release binary, for CUDA or without; where it is.
pub(crate) fn release(for_cuda: bool) -> Result<PathBuf> {
    setup::ensure()?;
    let mut build = cargo();
    build.args(["build", "--release", "--package", "calo-cli", "--bin", "calo"]);
    if for_cuda {
        build.args(["--features", "cuda"]);
        cuda::with_toolkit(&mut build)?;
    }
    run_command(&mut build)?;
    Ok(target_dir()?.join("release/calo"))
}
