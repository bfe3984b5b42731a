//! Where a file came from, written into it: software, command line, inputs and their hashes.

use std::path::{Path, PathBuf};

use calo_core::Result;
pub use calo_core::{hash_bytes, hash_file};

use crate::monitor::Caller;

/// Git revision of the sources, `-dirty` where they were edited; `unknown` where they came without git.
pub const REVISION: &str = env!("CALO_REVISION");

/// Number of the version, and the revision.
pub const VERSION_NUMBER: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("CALO_REVISION"), ")");

/// This program and its version, as written to every output.
pub const VERSION: &str = concat!("calo ", env!("CARGO_PKG_VERSION"), " (", env!("CALO_REVISION"), ")");

/// The same without the revision.
pub(crate) const RELEASE: &str = concat!("calo ", env!("CARGO_PKG_VERSION"));

/// A command line, or any text, with the folders of its paths left out: where somebody's files stood is of no use to others.
pub(crate) fn without_folders(text: &str) -> String {
    let short = |word: &str| {
        // Of `NAME=PATH` the name stays.
        let (name, path) = word.split_at(word.rfind('=').map_or(0, |at| at + 1));
        let file = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
        format!("{name}{file}")
    };
    text.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

/// The input's own text attributes are handed on; those that say how it was made get its prefix.
fn inherit(attributes: &mut Vec<(String, String)>, input: usize, path: &Path) {
    // Inputs that hold none (ROOT files) cannot be asked.
    let Ok(inherited) = calo_data::read_attributes(path, None) else { return };
    for (name, text) in inherited {
        if name == "showerdata_version" {
            continue; // the writer says which version it writes
        }
        let of_this = ["software", "command"].contains(&name.as_str()) || name.starts_with("input_");
        let name = if of_this { format!("input_{input}_{name}") } else { name };
        if !attributes.iter().any(|(taken, _)| *taken == name) {
            attributes.push((name, text));
        }
    }
}

/// What a file is made from.
#[derive(Debug, Clone)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Something that this program holds.
    BuiltIn {
        /// What it is.
        name: String,
        /// Hash of its bytes.
        blake3: String,
    },
}

impl Input {
    /// What to call it.
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::BuiltIn { name, .. } => name.clone(),
        }
    }
}

/// Attributes that say how the file at hand was made from files.
///
/// # Errors
/// An input that cannot be read.
pub(crate) fn attributes(inputs: &[&Path], caller: Caller<'_>) -> Result<Vec<(String, String)>> {
    attributes_of(&inputs.iter().map(|&path| Input::File(path.to_owned())).collect::<Vec<_>>(), caller)
}

/// Attributes that say how the file at hand was made from `inputs`.
///
/// # Errors
/// An input that cannot be read.
pub(crate) fn attributes_of(inputs: &[Input], caller: Caller<'_>) -> Result<Vec<(String, String)>> {
    let mut attributes =
        vec![("software".to_owned(), VERSION.to_owned()), ("command".to_owned(), caller.command.to_owned())];
    for (i, input) in inputs.iter().enumerate() {
        let (name, blake3) = match input {
            Input::File(path) => (input.shown(), hash_file(path)?),
            Input::BuiltIn { blake3, .. } => (input.shown(), blake3.clone()),
        };
        attributes.push((format!("input_{i}"), name));
        attributes.push((format!("input_{i}_blake3"), blake3));
        if let Input::File(path) = input {
            inherit(&mut attributes, i, path);
        }
    }
    Ok(attributes)
}

/// Hash of input `input` among `attributes`.
pub(crate) fn input_hash(attributes: &[(String, String)], input: usize) -> Option<&str> {
    let name = format!("input_{input}_blake3");
    attributes.iter().find(|(found, _)| *found == name).map(|(_, hash)| hash.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_left_out_of_commands() {
        let command =
            "calo train /a/b/c.toml --validation-at 20=/d/e_20.hdf5 --set losses={ kld = 0.4 } --out ../run/";
        let short = "calo train c.toml --validation-at 20=e_20.hdf5 --set losses={ kld = 0.4 } --out run";
        assert_eq!(without_folders(command), short);
        assert_eq!(without_folders("calo 0.1.0"), "calo 0.1.0");
    }
}
