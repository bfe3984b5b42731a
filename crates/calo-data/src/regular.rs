//! Regular files, and nothing else, for reading.

use std::fs::{self, File};
use std::path::Path;

use calo_core::{Error, Result};

/// Opens a regular file; it and its size in bytes.
///
/// It is looked at before it is opened: opening a named pipe would wait for a writer that may never come.
///
/// # Errors
/// `path` is missing, unreadable, a folder, a device or a pipe.
pub(crate) fn open_regular(path: &Path, expected: &str) -> Result<(File, u64)> {
    let metadata = fs::metadata(path).map_err(|e| Error::io(path, "open for reading", e))?;
    if metadata.is_dir() {
        return Err(Error::file(path, "is a directory", expected));
    }
    if !metadata.is_file() {
        return Err(Error::file(path, "is not a regular file", expected));
    }
    let file = File::open(path).map_err(|e| Error::io(path, "open for reading", e))?;
    Ok((file, metadata.len()))
}
