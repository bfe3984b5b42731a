//! Opening regular files only.

use std::fs::{self, File};
use std::path::Path;

use calo_core::{Error, Result};

/// A regular file, open for reading.
pub(crate) struct RegularFile {
    pub(crate) file: File,
    pub(crate) n_bytes: u64,
}

/// Opens a regular file.
///
/// Its type is checked before it is opened: opening a named pipe would wait for a writer that may never come.
///
/// # Errors
/// `path` is missing, unreadable, a folder, a device or a pipe.
pub(crate) fn open_regular(path: &Path, expected: &str) -> Result<RegularFile> {
    let metadata = fs::metadata(path).map_err(|e| Error::io(path, "open for reading", e))?;
    if metadata.is_dir() {
        return Err(Error::file(path, "is a directory", expected));
    }
    if !metadata.is_file() {
        return Err(Error::file(path, "is not a regular file", expected));
    }
    let file = File::open(path).map_err(|e| Error::io(path, "open for reading", e))?;
    Ok(RegularFile { file, n_bytes: metadata.len() })
}
