//! What goes to stdout and into small files.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use calo_data::{Error, Result};

/// Prints `text` to stdout; a closed pipe or a full disk is an error, not a panic.
///
/// # Errors
/// Whatever the operating system says of stdout.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("standard output: cannot write")
}

/// Writes a small file whole or not at all.
///
/// # Errors
/// A folder that cannot be written to, a full disk.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let write = || {
        let mut file = tempfile::Builder::new().prefix(".calo-").tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| Error::io(path, "write", e))
}
