//! What goes to stdout.

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
