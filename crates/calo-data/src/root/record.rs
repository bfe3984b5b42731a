//! Records of a ROOT file under construction: keys, header, directory. All in the 64-bit form.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use calo_core::{AtomicFile, Error, Result};

use super::encode::Encoder;

/// The file format's version: ROOT 6.24.
const FILE_VERSION: i32 = 1_062_400;
/// Where the first record stands.
const BEGIN: u64 = 100;
/// When a record was written: always 1 January 1995, the first day ROOT can store, so that the same hits make the same
/// bytes.
const NO_TIME: u32 = 1 << 22 | 1 << 17;
/// The file's name inside the file, which readers replace by the actual one.
const INNER_NAME: &str = "hits.root";
/// Fixed part of a key.
const KEY_FIELDS: usize = 34;
/// `TDirectory` record.
const DIRECTORY_BYTES: usize = 60;

/// Class, name and title of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) class: &'a str,
    pub(super) name: &'a str,
    pub(super) title: &'a str,
}

impl Label<'_> {
    /// Bytes of the key, with `between` more before the object.
    pub(super) fn key_bytes(self, between: usize) -> usize {
        let string = |text: &str| text.len() + if text.len() < 255 { 1 } else { 5 };
        KEY_FIELDS + string(self.class) + string(self.name) + string(self.title) + between
    }
}

/// Where a record stands and how long it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Placed {
    pub(super) seek: u64,
    pub(super) n_bytes: usize,
}

/// A ROOT file under its temporary name.
#[derive(Debug)]
pub(super) struct RecordWriter {
    target: AtomicFile,
    /// Where the next record goes.
    end: u64,
    /// Keys of the objects in the directory.
    directory: Vec<Vec<u8>>,
}

const FILE: Label<'static> = Label { class: "TFile", name: INNER_NAME, title: "" };

impl RecordWriter {
    /// Starts a file that will be `path`.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let mut writer = Self { target: AtomicFile::create(path)?, end: 0, directory: Vec::new() };
        // Header and directory are written last, when all that they say is known.
        let placeholder = vec![0; (BEGIN as usize) + first_record(Placed::default(), [0; 16]).len()];
        writer.append(&placeholder)?;
        Ok(writer)
    }

    /// Writes a record: key, `between`, and the packed object that has `object_bytes` when unpacked.
    pub(super) fn write(
        &mut self,
        label: Label<'_>,
        cycle: i16,
        between: &[u8],
        packed: &[u8],
        object_bytes: usize,
    ) -> Result<Placed> {
        let key_bytes = label.key_bytes(between.len());
        let placed = Placed { seek: self.end, n_bytes: key_bytes + packed.len() };
        let mut record = key(label, placed, object_bytes, key_bytes, cycle, BEGIN);
        record.put(between);
        record.put(packed);
        self.append(&record.into_bytes())?;
        Ok(placed)
    }

    /// Writes an object and lists it in the file's directory.
    pub(super) fn write_listed(&mut self, label: Label<'_>, object: &[u8]) -> Result<()> {
        let placed = self.write(label, 1, &[], object, object.len())?;
        let key = key(label, placed, object.len(), label.key_bytes(0), 1, BEGIN);
        self.directory.push(key.into_bytes());
        Ok(())
    }

    /// Completes the file and gives it its final name.
    pub(super) fn finish(mut self, uuid: [u8; 16]) -> Result<()> {
        // No class descriptions: every class here is one that readers of ROOT files know.
        let mut streamers = Encoder::default();
        streamers.object(5, |e| {
            e.tobject();
            e.string("");
            e.i32(0);
        });
        let streamers = streamers.into_bytes();
        let label = Label { class: "TList", name: "StreamerInfo", title: "Doubly linked list" };
        let info = self.write(label, 1, &[], &streamers, streamers.len())?;
        let mut keys = Encoder::default();
        keys.len32(self.directory.len());
        self.directory.iter().for_each(|key| keys.put(key));
        let keys = keys.into_bytes();
        let keys = self.write(FILE, 1, &[], &keys, keys.len())?;
        // One free segment: all behind the end.
        let free_bytes = 2 + 8 + 8;
        let end = self.end + (FILE.key_bytes(0) + free_bytes) as u64;
        let mut free = Encoder::default();
        free.i16(1001);
        free.len64(end);
        free.i64(i64::MAX);
        let free = free.into_bytes();
        let free = self.write(FILE, 1, &[], &free, free.len())?;
        debug_assert_eq!(end, self.end);

        let mut start = Encoder::default();
        start.put(b"root");
        start.i32(FILE_VERSION);
        start.len32(BEGIN as usize);
        start.len64(self.end);
        start.len64(free.seek);
        start.len32(free.n_bytes);
        start.i32(1);
        start.len32(name_bytes());
        start.u8(8);
        start.i32(101);
        start.len64(info.seek);
        start.len32(info.n_bytes);
        start.i16(1);
        start.put(&uuid);
        start.put(&vec![0; BEGIN as usize - start.len()]);
        start.put(&first_record(keys, uuid));
        let start = start.into_bytes();
        let file = self.target.as_file_mut();
        let written = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&start));
        written.map_err(|e| Error::io(self.target.path(), "write", e))?;
        self.target.commit()
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.target.as_file_mut().write_all(bytes);
        written.map_err(|e| Error::io(self.target.path(), "write", e))?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

/// Key, name and title of the file, which stand before its directory.
fn name_bytes() -> usize {
    FILE.key_bytes(0) + INNER_NAME.len() + 2
}

/// The record at [`BEGIN`]: name, title and directory of the file.
fn first_record(keys: Placed, uuid: [u8; 16]) -> Vec<u8> {
    let object_bytes = INNER_NAME.len() + 2 + DIRECTORY_BYTES;
    let key_bytes = FILE.key_bytes(0);
    let placed = Placed { seek: BEGIN, n_bytes: key_bytes + object_bytes };
    let mut record = key(FILE, placed, object_bytes, key_bytes, 1, 0);
    record.string(INNER_NAME);
    record.string("");
    record.i16(1005);
    record.u32(NO_TIME);
    record.u32(NO_TIME);
    record.len32(keys.n_bytes);
    record.len32(name_bytes());
    record.len64(BEGIN);
    record.i64(0);
    record.len64(keys.seek);
    record.i16(1);
    record.put(&uuid);
    record.into_bytes()
}

fn key(
    label: Label<'_>,
    placed: Placed,
    object_bytes: usize,
    key_bytes: usize,
    cycle: i16,
    parent: u64,
) -> Encoder {
    let mut key = Encoder::default();
    key.len32(placed.n_bytes);
    key.i16(1004);
    key.len32(object_bytes);
    key.u32(NO_TIME);
    key.i16(key_bytes as i16);
    key.i16(cycle);
    key.len64(placed.seek);
    key.len64(parent);
    key.string(label.class);
    key.string(label.name);
    key.string(label.title);
    key
}
