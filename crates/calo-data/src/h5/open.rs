//! Opening files: anything that is certainly not HDF5 is recognised before libhdf5 sees it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use calo_core::{Error, Result};

use super::plugins;
use crate::regular::{RegularFile, open_regular};

/// First bytes of an HDF5 superblock.
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// An HDF5 file open twice: by libhdf5 for its structure, and plainly for raw chunks, past the library's lock.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) hdf5: hdf5::File,
    pub(super) plain: File,
    pub(super) n_bytes: u64,
}

/// Opens `path` for reading.
pub(super) fn open(path: &Path) -> Result<OpenFile> {
    let RegularFile { file: plain, n_bytes } = open_regular(path, "an HDF5 file")?;
    check_signature(path, &plain, n_bytes)?;
    // The setting holds for the process; without it nothing is opened.
    plugins::switch_off(path)?;
    let hdf5 = open_locked(path).map_err(|e| {
        let reason = one_line(&e);
        let whole = "a whole, undamaged HDF5 file";
        let (problem, expected) = if reason.contains("truncated") {
            (format!("truncated: {n_bytes} bytes are fewer than its header announces"), whole)
        } else if is_lock_held(&reason) {
            ("is open for writing elsewhere".to_owned(), "a file that its writer has finished")
        } else if reason.contains("already open for write") {
            let problem = "was never closed by its writer, which still writes or died";
            (problem.to_owned(), "a finished file (if nothing writes it, `h5clear -s` marks it as one)")
        } else {
            (format!("{n_bytes} bytes that libhdf5 cannot open ({reason})"), whole)
        };
        Error::file(path, problem, expected)
    })?;
    Ok(OpenFile { hdf5, plain, n_bytes })
}

/// Opens with a lock, so that no half-written file is read. Without one where the file system has none.
fn open_locked(path: &Path) -> hdf5::Result<hdf5::File> {
    match unplugged_builder(true).open(path) {
        Err(e) if is_lock_missing(&one_line(&e)) => unplugged_builder(false).open(path),
        opened => opened,
    }
}

/// Whether another process holds the lock.
fn is_lock_held(reason: &str) -> bool {
    // libhdf5 ends its message with `unable to lock file, errno = N, error message = '...'`.
    let code = reason.split_once("unable to lock file, errno = ").and_then(|(_, rest)| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    let kind = code.map(|code| std::io::Error::from_raw_os_error(code).kind());
    matches!(kind, Some(ErrorKind::WouldBlock | ErrorKind::PermissionDenied))
}

/// Whether there are no locks to be had.
fn is_lock_missing(reason: &str) -> bool {
    reason.contains("unable to lock file") && !is_lock_held(reason)
}

/// How every file is opened and created, `path` being the next.
///
/// Without plugins ([`plugins`]), and without libhdf5's file locks: a file being written has a temporary name until it is
/// complete. [`open`] locks what it reads where it can.
pub(super) fn builder(path: &Path) -> Result<hdf5::FileBuilder> {
    plugins::switch_off(path)?;
    Ok(unplugged_builder(false))
}

/// A builder, once plugins are switched off.
#[expect(clippy::disallowed_methods, reason = "the one place that may: its callers switch plugins off first")]
fn unplugged_builder(with_lock: bool) -> hdf5::FileBuilder {
    let mut builder = hdf5::FileBuilder::new();
    builder.with_fapl(|access| access.file_locking(with_lock));
    builder
}

/// The signature stands at byte 0, or behind a user block at 512, 1024, 2048, ...
fn check_signature(path: &Path, file: &File, n_bytes: u64) -> Result<()> {
    let mut offset = 0;
    while offset + 8 <= n_bytes {
        let mut found = [0; 8];
        file.read_exact_at(&mut found, offset).map_err(|e| Error::io(path, "read", e))?;
        if found == SIGNATURE {
            return Ok(());
        }
        offset = if offset == 0 { 512 } else { offset * 2 };
    }
    let mut start = Vec::new();
    match file.take(256).read_to_end(&mut start) {
        Err(e) if e.kind() != ErrorKind::UnexpectedEof => return Err(Error::io(path, "read", e)),
        _ => {}
    }
    Err(Error::file(path, format!("not HDF5: {}", looks_like(&start)), "an HDF5 file of showers"))
}

/// A guess from the first bytes, for users who gave the wrong file.
fn looks_like(start: &[u8]) -> &'static str {
    match start {
        [] => "the file is empty",
        [b'r', b'o', b'o', b't', ..] => "it looks like a ROOT file (try `calo project`)",
        [0x1f, 0x8b, ..] => "it looks gzipped",
        [b'B', b'Z', b'h', ..] => "it looks bzip2-compressed",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "it looks zstd-compressed",
        [b'P', b'K', 3, 4, ..] => "it looks like a zip or npz archive",
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "it looks like a NumPy array",
        [b'P', b'A', b'R', b'1', ..] => "it looks like a Parquet file",
        [b'C', b'D', b'F', ..] => "it looks like a netCDF 3 file",
        text if text.starts_with(b"version https://git-lfs") => {
            "it is a Git LFS pointer (run `git lfs pull`)"
        }
        [b'<', ..] => "it looks like HTML or XML, perhaps a failed download",
        text if text.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => "it looks like text",
        _ => "the signature is missing",
    }
}

/// libhdf5's own words on one line.
pub(super) fn one_line(error: &hdf5::Error) -> String {
    let text = error.to_string();
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Names come from the file: no line break or escape sequence of theirs may reach the terminal.
pub(super) fn printable(name: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    name.chars().take(200).map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.hdf5");
        std::fs::write(&path, content).unwrap();
        open(&path).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_hdf5_is_told_apart() {
        for (content, words) in [
            (&b""[..], "the file is empty"),
            (b"root\0\0\xf6\x18", "ROOT"),
            (b"energy,layers\n1,2\n", "text"),
            (b"<!DOCTYPE html>", "failed download"),
            (b"\x93NUMPY\x01\0", "NumPy"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"\xff\xfe\xfd\xfc\0\0\0\0\0\0", "signature is missing"),
        ] {
            let message = message(content);
            assert!(message.contains(words) && !message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_lone_signature_is_an_error_in_one_line() {
        let message = message(&SIGNATURE);
        assert!(message.contains("undamaged") && !message.contains('\n'), "{message}");
    }

    #[test]
    fn a_directory_and_a_missing_file_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("is a directory"), "{message}");
        let message = open(&folder.path().join("none.hdf5")).unwrap_err().to_string();
        assert!(message.contains("none.hdf5: cannot open for reading"), "{message}");
    }
}
