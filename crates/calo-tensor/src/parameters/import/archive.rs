//! The two files that `torch.save` writes: a zip archive of a pickle and storages, and (before PyTorch 1.6, or when told
//! to) pickles and storages one after the other.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::pickle::Object;
use zip::ZipArchive;

use super::pickle;
use super::refusal::refusal;
use crate::{Error, Result};

/// Longest pickle: names and shapes, without the numbers.
const MAX_PICKLE_BYTES: u64 = 64 << 20;

/// Pickle of PyTorch's magic number 0x1950a86a20f9469cfc6c, with which the old format begins.
const LEGACY_START: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// A checkpoint whose storages can be read.
pub(super) struct Archive {
    path: PathBuf,
    file_bytes: u64,
    storages: Storages,
}

enum Storages {
    Zip {
        archive: ZipArchive<BufReader<File>>,
        folder: String,
    },
    /// Where each storage begins, and its number of elements.
    Legacy {
        file: File,
        places: BTreeMap<String, (u64, u64)>,
    },
}

impl Archive {
    /// The archive and the object that was saved, with its tensors described but not filled.
    pub(super) fn open(path: &Path) -> Result<(Self, Object)> {
        let mut file = File::open(path).map_err(|e| Error::io(path, "open for reading", e))?;
        let status = file.metadata().map_err(|e| Error::io(path, "read", e))?;
        if !status.is_file() {
            return Err(refusal(path, "is not a regular file"));
        }
        let mut start = Vec::new();
        let n = LEGACY_START.len() as u64;
        (&mut file).take(n).read_to_end(&mut start).map_err(|e| Error::io(path, "read", e))?;
        file.rewind().map_err(|e| Error::io(path, "read", e))?;
        let (storages, object) = match &start[..] {
            [] => return Err(refusal(path, "is empty")),
            LEGACY_START => open_legacy(path, file)?,
            [b'P', b'K', ..] => open_zip(path, file)?,
            _ => return Err(refusal(path, "is not a PyTorch checkpoint")),
        };
        Ok((Self { path: path.to_owned(), file_bytes: status.len(), storages }, object))
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The bytes of the storage `key`, which should have `n_bytes`.
    pub(super) fn storage(&mut self, key: &str, n_bytes: u64) -> Result<Vec<u8>> {
        let Self { path, file_bytes, storages } = self;
        let lacks = |problem: &str| refusal(path, format!("storage {key:?} {problem}"));
        if n_bytes > *file_bytes {
            return Err(lacks(&format!("should have {n_bytes} bytes, more than the file")));
        }
        let mut bytes = Vec::with_capacity(n_bytes as usize);
        match storages {
            Storages::Zip { archive, folder } => {
                let entry = archive.by_name(&format!("{folder}data/{key}"));
                let mut entry = entry.map_err(|e| lacks(&format!("cannot be read: {e}")))?;
                if entry.size() != n_bytes {
                    return Err(lacks(&format!("has {} of {n_bytes} bytes", entry.size())));
                }
                // To the end: the checksum is compared there.
                entry.read_to_end(&mut bytes).map_err(|e| lacks(&format!("cannot be read: {e}")))?;
            }
            Storages::Legacy { file, places } => {
                let (start, _) = *places.get(key).ok_or_else(|| lacks("is missing"))?;
                file.seek(SeekFrom::Start(start)).map_err(|e| Error::io(path, "read", e))?;
                file.take(n_bytes).read_to_end(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
            }
        }
        if bytes.len() as u64 == n_bytes {
            return Ok(bytes);
        }
        Err(lacks(&format!("has {} of {n_bytes} bytes", bytes.len())))
    }
}

fn open_zip(path: &Path, file: File) -> Result<(Storages, Object)> {
    let refuse = |problem: String| refusal(path, problem);
    let mut archive =
        ZipArchive::new(BufReader::new(file)).map_err(|e| refuse(format!("is no whole zip archive: {e}")))?;
    let names = archive.file_names().map(|name| name.map(Cow::into_owned));
    let names: Vec<String> =
        names.collect::<Result<_, _>>().map_err(|e| refuse(format!("is no whole zip archive: {e}")))?;
    let folders: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_suffix("data.pkl"))
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .collect();
    let [folder] = folders[..] else {
        return Err(refuse(format!("is a zip archive with {} files data.pkl", folders.len())));
    };
    if names.contains(&format!("{folder}constants.pkl")) {
        return Err(refuse("is a TorchScript archive".to_owned()));
    }
    let mut read = |name: String| -> Result<Vec<u8>> {
        let cannot = |e: &dyn Display| refuse(format!("its {name} cannot be read: {e}"));
        let mut entry = archive.by_name(&name).map_err(|e| cannot(&e))?;
        if entry.size() > MAX_PICKLE_BYTES {
            return Err(refuse(format!("its {name} has {} bytes", entry.size())));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| cannot(&e))?;
        Ok(bytes)
    };
    let byte_order = format!("{folder}byteorder"); // absent before PyTorch 2.1
    if names.contains(&byte_order) && read(byte_order)? != b"little" {
        return Err(refuse("was written on a big-endian machine".to_owned()));
    }
    let (object, _) = pickle::load(&read(format!("{folder}data.pkl"))?).map_err(&refuse)?;
    Ok((Storages::Zip { folder: folder.to_owned(), archive }, object))
}

/// Pickles of magic number, protocol version, machine, object and list of storages; then, for each of these, the number
/// of elements (8 bytes) and the elements.
fn open_legacy(path: &Path, mut file: File) -> Result<(Storages, Object)> {
    let refuse = |problem: String| refusal(path, problem);
    let read = |e| Error::io(path, "read", e);
    let file_bytes = file.metadata().map_err(read)?.len();
    let mut head = Vec::new();
    (&mut file).take(MAX_PICKLE_BYTES).read_to_end(&mut head).map_err(read)?;
    let mut at = LEGACY_START.len();
    let mut next = || -> Result<(Object, usize)> {
        let (object, n_bytes) = pickle::load(head.get(at..).unwrap_or_default()).map_err(&refuse)?;
        at += n_bytes;
        Ok((object, at))
    };
    let (version, _) = next()?;
    if version != Object::Int(1001) {
        return Err(refuse("has an unknown version of the format before PyTorch 1.6".to_owned()));
    }
    let (machine, _) = next()?;
    if !is_little_endian(&machine) {
        return Err(refuse("was written on a big-endian machine".to_owned()));
    }
    let (object, _) = next()?;
    let (Object::List(keys), end) = next()? else {
        return Err(refuse("has no list of storages".to_owned()));
    };
    drop(head);

    let sizes = super::state_dict::storage_element_bytes(&object);
    let mut places = BTreeMap::new();
    let mut start = end as u64;
    for key in keys {
        let Object::Unicode(key) = key else { return Err(refuse("has no list of storages".to_owned())) };
        let size = *sizes.get(&key).ok_or_else(|| refuse(format!("storage {key:?} is of no known type")))?;
        let mut n = [0; 8];
        file.seek(SeekFrom::Start(start)).map_err(read)?;
        file.read_exact(&mut n).map_err(|_| refuse(format!("is truncated before storage {key:?}")))?;
        let n = u64::from_le_bytes(n);
        let end = n.checked_mul(size).and_then(|n| n.checked_add(start + 8)).filter(|end| *end <= file_bytes);
        let end = end.ok_or_else(|| refuse(format!("is truncated within storage {key:?}")))?;
        places.insert(key, (start + 8, n));
        start = end;
    }
    Ok((Storages::Legacy { file, places }, object))
}

fn is_little_endian(machine: &Object) -> bool {
    let Object::Dict(entries) = machine else { return false };
    entries.iter().any(|entry| *entry == (Object::Unicode("little_endian".to_owned()), Object::Bool(true)))
}
