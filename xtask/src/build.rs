//! `cargo xtask build`: from a bare machine to the `calo` binary.

use anyhow::Result;

use crate::process::{cargo, run as run_command};
use crate::{e2e, setup};

/// Sets up what is missing, builds the release binary and says where it is.
pub(crate) fn run() -> Result<()> {
    setup::ensure()?;
    run_command(cargo().args(["build", "--release", "--package", "calo-cli", "--bin", "calo"]))?;
    println!("{}", e2e::target_dir()?.join("release/calo").display());
    Ok(())
}
