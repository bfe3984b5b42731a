//! Scalars for TensorBoard: event files, written record by record.
//!
//! An event file is a row of TFRecords, each with a protobuf `Event`. Only the few fields that scalars need are
//! written, so there is no protobuf library here; the crates there are bring an outdated one with thousands of lines.
//!
//! # Reference
//! TensorFlow's `tfrecord` format, `event.proto` and `summary.proto`; Castagnoli's CRC as in RFC 3720, appendix B.4.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use calo_core::{Error, Result};

/// What a TensorBoard takes an event file by.
const FILE_VERSION: &str = "brain.Event:2";
/// Bytes of a record around its event: length, its checksum, the event's checksum.
const FRAME_BYTES: usize = 16;
/// An event that is longer was not written by this module.
const MAX_EVENT_BYTES: u64 = 1 << 24;

/// An event file that grows. Records are written whole, at once: what a reader sees is what has happened.
#[derive(Debug)]
pub(super) struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Starts an event file `path`, which TensorBoard finds if its name contains `tfevents`; an older one is lost.
    /// `wall_time_s` counts from 1970 on.
    ///
    /// # Errors
    /// A place that cannot be written.
    pub(super) fn create(path: &Path, wall_time_s: f64) -> Result<Self> {
        let file = File::create(path).map_err(|e| Error::io(path, "create the event file", e))?;
        let mut events = Self { path: path.to_owned(), file };
        events.append(&version_event(wall_time_s))?;
        Ok(events)
    }

    /// Continues `path` after step `last_step`: what was logged of later steps goes, and a record that a killed run
    /// left unfinished. A missing file is started.
    ///
    /// # Errors
    /// A file that cannot be read or written, or is no event file.
    pub(super) fn resume(path: &Path, last_step: u64, wall_time_s: f64) -> Result<Self> {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let mut file = match opened {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Self::create(path, wall_time_s),
            Err(e) => return Err(Error::io(path, "open the event file", e)),
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
        let mut kept = 0;
        while let Some(event) = first_event(&bytes[kept..]) {
            if step_of(event).is_none_or(|step| step > last_step) {
                break;
            }
            kept += event.len() + FRAME_BYTES;
        }
        if kept == 0 && bytes.len() >= FRAME_BYTES {
            return Err(Error::file(path, "does not begin with an event", "a TensorBoard event file"));
        }
        if kept == 0 {
            return Self::create(path, wall_time_s);
        }
        file.set_len(kept as u64).map_err(|e| Error::io(path, "shorten", e))?;
        file.seek(SeekFrom::End(0)).map_err(|e| Error::io(path, "shorten", e))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends the values of `scalars` at `step`, by tag: `critic/loss` is the curve `loss` in the section `critic`.
    /// `wall_time_s` counts from 1970 on. Values that are not finite are shown as such by TensorBoard.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn scalars(&mut self, step: u64, wall_time_s: f64, scalars: &[(&str, f32)]) -> Result<()> {
        self.append(&scalar_event(step, wall_time_s, scalars))
    }

    fn append(&mut self, event: &[u8]) -> Result<()> {
        // One write: no buffer of ours, nothing to flush.
        self.file.write_all(&record(event)).map_err(|e| Error::io(&self.path, "write", e))
    }
}

/// The event that a file begins with.
fn version_event(wall_time_s: f64) -> Vec<u8> {
    let mut event = Vec::new();
    put_f64(&mut event, 1, wall_time_s);
    put_bytes(&mut event, 3, FILE_VERSION.as_bytes());
    event
}

fn scalar_event(step: u64, wall_time_s: f64, scalars: &[(&str, f32)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in scalars {
        let mut entry = Vec::new();
        put_bytes(&mut entry, 1, tag.as_bytes());
        put_f32(&mut entry, 2, *value);
        put_bytes(&mut summary, 1, &entry);
    }
    let mut event = Vec::new();
    put_f64(&mut event, 1, wall_time_s);
    put_varint(&mut event, key(2, Wire::Varint));
    put_varint(&mut event, step);
    put_bytes(&mut event, 5, &summary);
    event
}

/// Ways in which protobuf stores a field.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Bits64 = 1,
    Bytes = 2,
    Bits32 = 5,
}

fn key(field: u64, wire: Wire) -> u64 {
    field << 3 | wire as u64
}

/// Seven bits a byte, low ones first; the eighth says that more follow.
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_f64(out: &mut Vec<u8>, field: u64, value: f64) {
    put_varint(out, key(field, Wire::Bits64));
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_f32(out: &mut Vec<u8>, field: u64, value: f32) {
    put_varint(out, key(field, Wire::Bits32));
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, key(field, Wire::Bytes));
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// `event` framed: its length and that one's checksum, the event and its checksum.
fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let checksums = [masked_crc(&length).to_le_bytes(), masked_crc(event).to_le_bytes()];
    [&length[..], &checksums[0], event, &checksums[1]].concat()
}

/// The event of the record that `bytes` begin with; none where there is no whole, undamaged one.
fn first_event(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (length_crc, rest) = rest.split_first_chunk::<4>()?;
    let n = u64::from_le_bytes(*length);
    if u32::from_le_bytes(*length_crc) != masked_crc(length) || n > MAX_EVENT_BYTES {
        return None;
    }
    let (event, rest) = rest.split_at_checked(n as usize)?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    (u32::from_le_bytes(*crc) == masked_crc(event)).then_some(event)
}

/// The step of an event as this module writes it; 0 where it has none, nothing where it is not ours.
fn step_of(event: &[u8]) -> Option<u64> {
    let (head, rest) = event.split_at_checked(9)?;
    if u64::from(head[0]) != key(1, Wire::Bits64) {
        return None;
    }
    match rest.split_first() {
        Some((first, rest)) if u64::from(*first) == key(2, Wire::Varint) => {
            let end = rest.iter().position(|byte| byte & 0x80 == 0).filter(|end| *end < 10)?;
            Some(rest[..=end].iter().rev().fold(0, |step, byte| step << 7 | u64::from(byte & 0x7f)))
        }
        _ => Some(0),
    }
}

/// TFRecord's way of storing a checksum: a checksum of data that holds checksums is weak.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's CRC, bit by bit: events have some hundred bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut crc = !0;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALARS: [(&str, f32); 2] = [("critic/loss", -1.5), ("kld", 28.0)];

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Values of RFC 3720, appendix B.4, and the usual check value.
    #[test]
    fn checksums_are_those_of_the_standard() {
        let rising: Vec<u8> = (0..32).collect();
        for (bytes, expected) in [
            (&[0; 32][..], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&rising, 0x46dd_794e),
            (b"123456789", 0xe306_9283),
        ] {
            assert_eq!(crc32c(bytes), expected);
        }
    }

    /// The bytes are those of TensorBoard 2's own `RecordWriter`, given
    /// `Event(wall_time=1.7e9, file_version="brain.Event:2")` and `Event(wall_time=1.7e9 + 0.5, step=300)` with
    /// `summary.value.add(tag="critic/loss", simple_value=-1.5)` and `(tag="kld", simple_value=28.0)`.
    #[test]
    fn files_are_those_of_tensorboard_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.out.tfevents.calo");
        let mut events = Events::create(&path, 1.7e9).unwrap();
        events.scalars(300, 1.7e9 + 0.5, &SCALARS).unwrap();
        let expected = concat!(
            "1800000000000000a37f4b220900000040fc54d9411a0d627261696e2e4576656e743a32eced8f9d",
            "2e00000000000000c5cb57fa0900002040fc54d94110ac022a200a120a0b6372697469632f6c6f73",
            "73150000c0bf0a0a0a036b6c64150000e04120bf173e",
        );
        assert_eq!(hex(&std::fs::read(&path).unwrap()), expected);
    }
    #[test]
    fn a_resumed_file_is_the_one_that_never_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let log = |events: &mut Events, steps: std::ops::Range<u64>| {
            steps.for_each(|step| events.scalars(step, step as f64, &SCALARS).unwrap());
        };
        log(&mut Events::create(&path("whole"), 0.0).unwrap(), 0..300);
        let whole = std::fs::read(path("whole")).unwrap();
        for (last_step, cut) in [(299, 0), (299, 1), (150, 0), (150, 7), (127, 90), (128, 0)] {
            log(&mut Events::create(&path("cut"), 0.0).unwrap(), 0..300);
            let bytes = std::fs::read(path("cut")).unwrap();
            std::fs::write(path("cut"), &bytes[..bytes.len() - cut]).unwrap();
            let mut events = Events::resume(&path("cut"), last_step, 0.0).unwrap();
            // The unfinished record of step 299 was lost by the kill: the run is at 298 then.
            let next = if cut > 0 { (last_step + 1).min(299) } else { last_step + 1 };
            log(&mut events, next..300);
            assert!(std::fs::read(path("cut")).unwrap() == whole, "{last_step}, {cut}");
        }
        // Killed before the first record was whole, or before there was a file.
        std::fs::write(path("cut"), &whole[..7]).unwrap();
        for name in ["cut", "new"] {
            log(&mut Events::resume(&path(name), 0, 0.0).unwrap(), 0..300);
            assert!(std::fs::read(path(name)).unwrap() == whole);
        }
    }

    #[test]
    fn foreign_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, "no event, but longer than a frame").unwrap();
        let message = Events::resume(&path, 3, 0.0).unwrap_err().to_string();
        assert!(message.contains("does not begin with an event"), "{message}");
        assert_eq!(std::fs::read(&path).unwrap(), b"no event, but longer than a frame");
        assert!(Events::create(&folder.path().join("none/events"), 0.0).is_err());
    }
}
