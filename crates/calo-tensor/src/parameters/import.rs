//! Reads checkpoints of PyTorch (`torch.save`) without running any code in them.
//!
//! Candle does the unpickling. As such files may come from anywhere, the bytes are checked here before, and the objects
//! after it.

mod archive;
mod pickle;
mod refusal;
mod state_dict;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use candle_core::pickle::Object;
use candle_core::{Device, Tensor};

use self::archive::Archive;
use self::refusal::refusal;
use self::state_dict::choose;
use crate::Result;

/// Last part of the name of the counter that PyTorch's BatchNorm keeps.
pub(super) const BATCH_COUNTER: &str = "num_batches_tracked";

/// The prefixes that `DataParallel` and `torch.compile` add to every name.
const PARALLEL_PREFIX: &str = "module.";
const COMPILED_PREFIX: &str = "_orig_mod.";

/// Most bytes of tensors per byte of file; tied weights may appear several times. A file that claims more is refused.
const MAX_EXPANSION: u64 = 8;
/// So many bytes are no claim at all: small checkpoints may hold expanded tensors.
const SMALL_BYTES: u64 = 16 << 20;

/// A state dictionary found in a PyTorch checkpoint.
#[derive(Debug)]
pub struct Imported {
    /// The tensors by name, without the prefixes of `DataParallel` and `torch.compile`.
    pub tensors: BTreeMap<String, Tensor>,
    /// Their place in the checkpoint, as `outer/inner`; empty at the top.
    pub key: String,
    /// Whether every name began with `module.`, which was removed.
    pub was_parallel: bool,
    /// Names that were left out, with the reason.
    pub left_out: Vec<(String, String)>,
}

/// Reads the state dictionary of a PyTorch checkpoint, in the zip format (since PyTorch 1.6) or the older one.
///
/// It may be the whole file or stand under a key such as `model_state_dict`: `key`, for example `models/generator`, says
/// which where there are several.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) when the file cannot be read; [`Error::File`](crate::Error::File) when it is no
/// checkpoint, damaged, holds no or several state dictionaries, or its tensors contradict its data.
pub fn read_pytorch(path: &Path, key: Option<&str>) -> Result<Imported> {
    // No input is known to cause a panic, but a hostile file must not bring down the program.
    catch_unwind(AssertUnwindSafe(|| read(path, key)))
        .unwrap_or_else(|_| Err(refusal(path, "made its reader panic")))
}

fn read(path: &Path, key: Option<&str>) -> Result<Imported> {
    let refuse = |problem: String| refusal(path, problem);
    let (mut archive, object) = Archive::open(path)?;
    let found = choose(&object, key).map_err(&refuse)?;

    let mut records = BTreeMap::new();
    let mut left_out = Vec::new();
    for (name, value) in found.entries {
        let Object::Unicode(name) = name else { continue };
        let record = match state_dict::record(value).map_err(|e| refuse(format!("tensor `{name}` {e}")))? {
            _ if name == "_metadata" => continue, // versions of PyTorch's layers
            _ if name.ends_with(BATCH_COUNTER) => Err("a counter that nothing here uses".to_owned()),
            None => Err("not a tensor".to_owned()),
            Some(record) => record.stored.clone().map(|stored| (stored, record)),
        };
        match record {
            Err(reason) => left_out.push((name.clone(), reason)),
            Ok(_) if records.contains_key(name) => return Err(refuse(format!("holds `{name}` twice"))),
            Ok(record) => drop(records.insert(name.clone(), record)),
        }
    }
    let n_bytes = records.values().fold(0_u64, |n, (_, record)| n.saturating_add(record.n_bytes()));
    if n_bytes > archive.file_bytes().saturating_mul(MAX_EXPANSION).max(SMALL_BYTES) {
        let file_bytes = archive.file_bytes();
        return Err(refuse(format!("tells of {n_bytes} bytes of tensors in a file of {file_bytes}")));
    }

    let names: Vec<&str> = records.keys().map(String::as_str).collect();
    let (prefix, was_parallel) = common_prefix(&names);
    let mut tensors = BTreeMap::new();
    for (name, (stored, record)) in &records {
        let storage = archive.storage(&record.storage, record.storage_bytes(*stored))?;
        let bytes = record.gather(&storage, *stored);
        let tensor = Tensor::from_raw_buffer(&bytes, stored.dtype(), &record.shape, &Device::Cpu)?;
        tensors.insert(name[prefix..].to_owned(), tensor);
    }
    left_out.sort();
    Ok(Imported { tensors, key: found.key, was_parallel, left_out })
}

/// Length of what wrappers put before all of `names`, and whether `DataParallel` was one of them.
fn common_prefix(names: &[&str]) -> (usize, bool) {
    let (mut length, mut was_parallel) = (0, false);
    while let Some(prefix) = [PARALLEL_PREFIX, COMPILED_PREFIX]
        .into_iter()
        .find(|prefix| !names.is_empty() && names.iter().all(|name| name[length..].starts_with(prefix)))
    {
        length += prefix.len();
        was_parallel |= prefix == PARALLEL_PREFIX;
    }
    (length, was_parallel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_taken_off_all_names_or_none() {
        assert_eq!(common_prefix(&["module.a", "module.b"]), (7, true));
        assert_eq!(common_prefix(&["module._orig_mod.a", "module._orig_mod.b"]), (17, true));
        assert_eq!(common_prefix(&["_orig_mod.a"]), (10, false));
        assert_eq!(common_prefix(&["module.a", "b"]), (0, false));
        assert_eq!(common_prefix(&[]), (0, false));
    }
}
