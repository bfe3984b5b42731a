//! The file around the trees: header, directory of keys, records.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use calo_core::{Error, Result};

use super::bytes::{Cursor, Parsed};
use super::compression::{MAX_RECORD_BYTES, decompress};
use crate::regular::{RegularFile, open_regular};

/// Files of this version or more have 64-bit positions.
const BIG_FILE_VERSION: i32 = 1_000_000;
/// Records of this version or more have 64-bit positions.
const BIG_RECORD_VERSION: i16 = 1000;
/// Longest header of either kind.
const HEADER_BYTES: u64 = 75;
/// Most bytes of a directory record that are looked at.
const DIRECTORY_BYTES: u64 = 64;

/// A ROOT file open for reading.
#[derive(Debug)]
pub(super) struct RootFile {
    path: PathBuf,
    file: File,
    n_bytes: u64,
}

/// Entry of the file's directory: where an object lies.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) class: String,
    pub(super) name: String,
    pub(super) cycle: i16,
    /// Bytes of key and object in the file.
    n_bytes: usize,
    /// Bytes of the object in memory.
    pub(super) object_bytes: usize,
    pub(super) key_bytes: usize,
    seek: u64,
}

/// An object's bytes and the length of the key they stood behind.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) bytes: Vec<u8>,
    pub(super) key: Key,
    /// What stood between the key proper and the object (the fixed part of a basket).
    pub(super) between: Vec<u8>,
}

impl RootFile {
    /// Opens `path` and checks magic and length.
    ///
    /// # Errors
    /// No such file, a directory, no permission; a file that is not ROOT's or shorter than its header says.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Key>)> {
        let RegularFile { file, n_bytes } = open_regular(path, "a ROOT file")?;
        let mut root = Self { path: path.to_owned(), file, n_bytes };
        let keys = root.read_directory()?;
        Ok((root, keys))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The error for bytes that make no sense.
    pub(super) fn damaged(&self, problem: impl std::fmt::Display) -> Error {
        Error::file(&self.path, format!("damaged ROOT file: {problem}"), "a ROOT file as it was written")
    }

    fn read_at(&mut self, seek: u64, n: usize, what: &str) -> Result<Vec<u8>> {
        let end = seek.checked_add(n as u64);
        if end.is_none_or(|end| end > self.n_bytes) {
            let problem = format!("{what} at byte {seek} has {n} bytes, the file {}", self.n_bytes);
            return Err(self.damaged(problem));
        }
        let mut bytes = vec![0; n];
        let read = self.file.seek(SeekFrom::Start(seek)).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(|e| Error::io(&self.path, "read", e))?;
        Ok(bytes)
    }

    /// Keys of the folder that `key` stands for.
    pub(super) fn read_folder(&mut self, key: &Key) -> Result<Vec<Key>> {
        let record = self.read_object(key)?;
        let (keys_at, n_keys) = parse_directory(&record.bytes).map_err(|e| self.damaged(e))?;
        if n_keys == 0 {
            return Ok(Vec::new());
        }
        let keys = self.read_at(keys_at, n_keys, "the list of keys")?;
        parse_keys(&keys).map_err(|e| self.damaged(e))
    }

    /// Keys of the top directory.
    fn read_directory(&mut self) -> Result<Vec<Key>> {
        let n_header = HEADER_BYTES.min(self.n_bytes) as usize;
        let header = self.read_at(0, n_header, "the header")?;
        if !header.starts_with(b"root") {
            let expected = "a ROOT file, which starts with `root`";
            return Err(Error::file(&self.path, "not a ROOT file", expected));
        }
        let header = parse_header(&header).map_err(|e| self.damaged(e))?;
        if header.end > self.n_bytes {
            let problem = format!("truncated ROOT file of {} bytes", self.n_bytes);
            return Err(Error::file(
                &self.path,
                problem,
                format!("the {} bytes its header announces", header.end),
            ));
        }
        let at = header.begin.saturating_add(header.name_bytes);
        let n = DIRECTORY_BYTES.min(self.n_bytes.saturating_sub(at)) as usize;
        let directory = self.read_at(at, n, "the directory")?;
        let (keys_at, n_keys) = parse_directory(&directory).map_err(|e| self.damaged(e))?;
        let keys = self.read_at(keys_at, n_keys, "the list of keys")?;
        parse_keys(&keys).map_err(|e| self.damaged(e))
    }

    /// The object of `key`, inflated.
    pub(super) fn read_object(&mut self, key: &Key) -> Result<Record> {
        self.read_record(key.seek, key.n_bytes, 0)
    }

    /// The record of `n_bytes` at `seek`, inflated, with up to `between` bytes that its key holds more than its own.
    pub(super) fn read_record(&mut self, seek: u64, n_bytes: usize, between: usize) -> Result<Record> {
        if n_bytes > MAX_RECORD_BYTES {
            return Err(self.damaged(format!("a record of {n_bytes} bytes at byte {seek}")));
        }
        let raw = self.read_at(seek, n_bytes, "a record")?;
        let damaged = |problem: String| self.damaged(format!("record at byte {seek}: {problem}"));
        let mut cursor = Cursor::new(&raw, 0);
        let key = parse_key(&mut cursor).map_err(damaged)?;
        let extra = key.key_bytes.saturating_sub(cursor.pos()).min(between);
        let extra = cursor.take(extra).map_err(damaged)?.to_vec();
        let packed = raw.get(key.key_bytes..).filter(|_| key.key_bytes >= cursor.pos());
        let packed = packed.ok_or_else(|| damaged(format!("a key of {} bytes", key.key_bytes)))?;
        if packed.len() > key.object_bytes {
            return Err(damaged(format!("{} bytes for an object of {}", packed.len(), key.object_bytes)));
        }
        let bytes = decompress(packed, key.object_bytes).map_err(damaged)?;
        Ok(Record { bytes, key, between: extra })
    }
}

struct FileHeader {
    begin: u64,
    end: u64,
    name_bytes: u64,
}

fn parse_header(bytes: &[u8]) -> Parsed<FileHeader> {
    let mut cursor = Cursor::new(bytes, 0);
    cursor.take(4)?;
    let big = cursor.i32()? >= BIG_FILE_VERSION;
    let begin = cursor.size(false, "the first record's position")?;
    let end = cursor.size(big, "the file's length")?;
    cursor.size(big, "the position of the free segments")?;
    cursor.i32()?;
    cursor.i32()?;
    Ok(FileHeader { begin, end, name_bytes: cursor.size(false, "the length of the file's name")? })
}

/// Position and length of the list of keys.
fn parse_directory(bytes: &[u8]) -> Parsed<(u64, usize)> {
    let mut cursor = Cursor::new(bytes, 0);
    let big = cursor.i16()? > BIG_RECORD_VERSION;
    cursor.take(8)?;
    let n_keys = cursor.len("the length of the list of keys")?;
    cursor.i32()?;
    cursor.size(big, "the directory's position")?;
    cursor.size(big, "the parent directory's position")?;
    Ok((cursor.size(big, "the position of the list of keys")?, n_keys))
}

fn parse_keys(bytes: &[u8]) -> Parsed<Vec<Key>> {
    let mut cursor = Cursor::new(bytes, 0);
    let own = parse_key(&mut cursor)?;
    cursor = Cursor::new(bytes, 0);
    cursor.take(own.key_bytes)?;
    let n = cursor.len("the number of keys")?;
    let mut keys = Vec::new();
    for _ in 0..n {
        keys.push(parse_key(&mut cursor)?);
    }
    Ok(keys)
}

fn parse_key(cursor: &mut Cursor<'_>) -> Parsed<Key> {
    let n_bytes = cursor.len("a record's length")?;
    let big = cursor.i16()? > BIG_RECORD_VERSION;
    let object_bytes = cursor.len("an object's length")?;
    cursor.i32()?;
    let key_bytes = cursor.i16()?;
    let key_bytes = usize::try_from(key_bytes).map_err(|_| format!("a key's length is {key_bytes}"))?;
    let cycle = cursor.i16()?;
    let seek = cursor.size(big, "a record's position")?;
    cursor.size(big, "a directory's position")?;
    let class = cursor.string()?;
    let name = cursor.string()?;
    cursor.string()?;
    Ok(Key { class, name, cycle, n_bytes, object_bytes, key_bytes, seek })
}
