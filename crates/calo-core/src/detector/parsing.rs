//! From a name or a path to text, and from text to a description of either kind.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::extend;
use crate::error::{Error, Result};

/// The text of the detector file at a path; `built_in` lists the names that would have been known.
///
/// # Errors
/// A word that is no path, or a file that cannot be read.
pub(super) fn read(name_or_path: &str, built_in: &str) -> Result<String> {
    let path = Path::new(name_or_path);
    if !path.exists() && path.extension().is_none() && path.components().count() == 1 {
        return Err(Error::option(
            "detector",
            format!("no detector named `{name_or_path}`"),
            format!("one of {built_in}, or the path of a detector TOML file"),
        ));
    }
    std::fs::read_to_string(path).map_err(|e| Error::io(path, "read the detector", e))
}

/// A description from TOML text, together with the built-in one that it extends; `place` names it in errors.
///
/// # Errors
/// TOML that does not parse, unknown or missing keys, an unknown base.
pub(super) fn parse<T: DeserializeOwned>(text: &str, place: &str) -> Result<T> {
    let refuse = |e: &toml::de::Error| {
        // In a file that extends another, only a syntax error has a line number.
        let line = |span: std::ops::Range<usize>| {
            1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
        };
        let place_in = e.span().map_or_else(String::new, |span| format!("line {}: ", line(span)));
        let problem = format!("{place_in}{}", e.message().replace('\n', ", "));
        Error::file(Path::new(place), problem, "a detector description (docs/formats.md)")
    };
    let read: Result<T, _> = match extend::parts(text) {
        Some((base, own)) => extend::extended(&base, own, place)?.try_into(),
        None => toml::from_str(text),
    };
    read.map_err(|e| refuse(&e))
}

/// A description as TOML.
///
/// # Errors
/// A value that TOML cannot hold, which only a description made in memory can have.
pub(super) fn to_toml(detector: &impl Serialize) -> Result<String> {
    toml::to_string(detector)
        .map_err(|e| Error::option("detector", e.to_string(), "values that TOML can hold"))
}
