//! Running other programs from the root of the workspace.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The root of the workspace: where `cargo run` found this package at run time, so that a moved checkout works.
static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let manifest_dir = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let xtask = PathBuf::from(manifest_dir);
    xtask.parent().map_or_else(|| xtask.clone(), Path::to_owned)
});

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    &ROOT
}

/// A command that will run in the root of the workspace.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The cargo that started us, in the root of the workspace.
pub(crate) fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs `command` with our output streams; an error when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// What `command` prints to its standard output; an error, with the last line of its standard error, when it fails.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
        bail!("`{}` failed ({}): {}", line(command), output.status, last.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `command` as one would type it, environment first; cargo without its path.
pub(crate) fn line(command: &Command) -> String {
    let environment = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), quoted(value?))));
    let program = Path::new(command.get_program());
    let program = if program.file_stem() == Some(OsStr::new("cargo")) {
        "cargo".to_owned()
    } else {
        quoted(program.strip_prefix(root()).unwrap_or(program).as_os_str())
    };
    environment.chain([program]).chain(command.get_args().map(quoted)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Where cargo builds: the user may have moved it.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let text = read(cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cannot parse what `cargo metadata` prints")?;
    Ok(metadata["target_directory"].as_str().map_or_else(|| root().join("target"), PathBuf::from))
}

/// Whether an executable called `name` stands on PATH.
pub(crate) fn is_on_path(name: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_can_be_pasted_into_a_shell() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["doc", "--no-deps", "it's"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(line(&command), r"RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'it'\''s'");
    }

    #[test]
    fn a_failing_command_is_named_with_its_last_words() {
        let error = read(command("sh").args(["-c", "echo first >&2; echo last >&2; exit 3"])).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("sh -c") && message.ends_with(": last"), "{message}");
    }
}
