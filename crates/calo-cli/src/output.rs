//! What goes to stdout and to stderr.

use std::fmt::Display;
use std::io::Write;

use anyhow::Context;

/// Prints `text` to stdout; a closed pipe or a full disk is an error, not a panic.
///
/// # Errors
/// Whatever the operating system says of stdout.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("standard output: cannot write")
}

/// Writes a line to stderr: a note, progress or the error at the end.
///
/// A log that takes no more (a full disk, a closed pipe) must not end the work that it is about, as `eprintln!` would by a
/// panic, nor change its exit code. So a line that cannot be written is lost.
pub(crate) fn note(line: impl Display) {
    let line = format!("{line}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
