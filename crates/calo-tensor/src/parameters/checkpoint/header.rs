//! The header of a safetensors file: a table of tensors and texts in JSON.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::io::Read;
use std::path::Path;

use candle_core::Tensor;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::json;

use super::format::{DTYPES, EXPECTED};
use crate::{Error, Result};

/// Longest header, as in the `safetensors` crate.
const MAX_BYTES: u64 = 100_000_000;

const METADATA: &str = "__metadata__";

/// The header: JSON, padded with spaces to whole 8 bytes.
pub(super) fn write(
    path: &Path,
    tensors: &[(usize, &str, &Tensor)],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    // Written entry by entry: the order of a JSON map would depend on features of the crate.
    let mut entries = Vec::with_capacity(tensors.len() + 1);
    let mut names = BTreeSet::from([METADATA]);
    if !metadata.is_empty() {
        entries.push(format!("{}:{}", json!(METADATA), texts(metadata)));
    }
    let mut offset = 0;
    for (rank, name, tensor) in tensors {
        if !names.insert(*name) {
            let problem = format!("two tensors to be written are called `{name}`");
            return Err(Error::file(path, problem, format!("different names, none of them `{METADATA}`")));
        }
        let end = offset + tensor.elem_count() * tensor.dtype().size_in_bytes();
        let dtype = DTYPES.get(*rank).map(|(_, dtype)| dtype.to_string()).unwrap_or_default();
        entries.push(format!(
            "{}:{{\"dtype\":{},\"shape\":{},\"data_offsets\":[{offset},{end}]}}",
            json!(name),
            json!(dtype),
            json!(tensor.dims())
        ));
        offset = end;
    }
    let mut header = format!("{{{}}}", entries.join(",")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    if header.len() as u64 > MAX_BYTES {
        return Err(Error::file(path, "its header would exceed 100 MB", "less metadata or fewer tensors"));
    }
    Ok(header)
}

fn texts(metadata: &BTreeMap<String, String>) -> String {
    let entries: Vec<String> =
        metadata.iter().map(|(key, text)| format!("{}:{}", json!(key), json!(text))).collect();
    format!("{{{}}}", entries.join(","))
}

/// The header and the number of bytes of data behind it; the tensors are in the order of their data and cover it.
pub(super) fn read(path: &Path, reader: &mut impl Read, file_bytes: u64) -> Result<(Header, u64)> {
    let damaged = |problem: String| Error::file(path, problem, EXPECTED);
    if file_bytes == 0 {
        return Err(damaged("is empty".to_owned()));
    }
    let mut length = [0; 8];
    if file_bytes < 8 {
        return Err(damaged(format!("has {file_bytes} bytes")));
    }
    reader.read_exact(&mut length).map_err(|e| Error::io(path, "read", e))?;
    let header_bytes = u64::from_le_bytes(length);
    if header_bytes > MAX_BYTES || header_bytes > file_bytes - 8 {
        let problem = format!(
            "is no safetensors file or truncated (a header of {header_bytes} bytes in a file of {file_bytes})"
        );
        return Err(damaged(problem));
    }
    let mut header = vec![0; header_bytes as usize];
    reader.read_exact(&mut header).map_err(|e| Error::io(path, "read", e))?;
    let mut header: Header =
        serde_json::from_slice(&header).map_err(|e| damaged(format!("its header cannot be read: {e}")))?;
    header.tensors.sort_by_key(|(_, info)| info.data_offsets);
    let data_bytes = file_bytes - 8 - header_bytes;
    let checked = Metadata::new(None, header.tensors.clone())
        .map_err(|e| damaged(format!("its header contradicts itself: {e}")))?;
    if checked.data_len() as u64 != data_bytes {
        let found = checked.data_len();
        return Err(damaged(format!("holds {data_bytes} bytes of data where its header tells of {found}")));
    }
    Ok((header, data_bytes))
}

/// A header as it stands in the file.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tensors: Vec<(String, TensorInfo)>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name.clone()) {
                map.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom(format!("two tensors are called `{name}`")));
            }
            if name == METADATA {
                header.metadata = map.next_value()?;
            } else {
                header.tensors.push((name, map.next_value()?));
            }
        }
        Ok(header)
    }
}
