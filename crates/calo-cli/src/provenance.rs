//! Where a file came from, written into it: software, command line, inputs and their hashes.

use std::fs::File;
use std::path::Path;

use calo_data::{Error, Result};

/// Version of this program, as written to every output.
pub(crate) const VERSION: &str = concat!("calo ", env!("CARGO_PKG_VERSION"));

/// BLAKE3 hash of the bytes of a file, hexadecimal.
///
/// # Errors
/// A file that cannot be opened or read.
pub(crate) fn hash_file(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(|e| Error::io(path, "open for reading", e))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(|e| Error::io(path, "read", e))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// The input's own text attributes go on; those that say how it was made get its prefix.
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

/// Attributes that say how the file at hand was made from `inputs`.
///
/// # Errors
/// An input that cannot be read.
pub(crate) fn attributes(inputs: &[&Path]) -> Result<Vec<(String, String)>> {
    // Not where the program stood: the same work gives the same bytes wherever it is installed.
    let words = std::env::args().skip(1);
    let command: Vec<String> = std::iter::once("calo".to_owned()).chain(words).collect();
    let mut attributes =
        vec![("software".to_owned(), VERSION.to_owned()), ("command".to_owned(), command.join(" "))];
    for (i, path) in inputs.iter().enumerate() {
        attributes.push((format!("input_{i}"), path.display().to_string()));
        attributes.push((format!("input_{i}_blake3"), hash_file(path)?));
        inherit(&mut attributes, i, path);
    }
    Ok(attributes)
}

/// Hash of input `input` among `attributes`.
pub(crate) fn input_hash(attributes: &[(String, String)], input: usize) -> Option<&str> {
    let name = format!("input_{input}_blake3");
    attributes.iter().find(|(found, _)| *found == name).map(|(_, hash)| hash.as_str())
}
