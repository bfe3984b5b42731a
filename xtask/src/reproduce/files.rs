//! JSON and text files of a reproduction; each appears whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a JSON file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("{}: cannot read it", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}: is not what it should be", path.display()))
}

/// Writes `value` as readable JSON.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut json = serde_json::to_string_pretty(value)?;
    json.push('\n');
    write(path, &json)
}

/// Writes beside the target and renames.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".tmp");
    let partial = Path::new(&partial);
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(partial, path)
    };
    write().with_context(|| format!("{}: cannot write it", path.display()))
}
