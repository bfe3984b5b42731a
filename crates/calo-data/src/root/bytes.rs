//! Checked reading of ROOT's big-endian records: every length is compared with what is there before it is used.

use std::collections::HashMap;

/// What is wrong with the bytes, in words; the file's name is added where the file is known.
pub(super) type Parsed<T> = Result<T, String>;

/// Set in a byte count that is present.
const BYTE_COUNT_MASK: u32 = 0x4000_0000;
/// Set in a tag that names a class by an earlier position.
const CLASS_MASK: u32 = 0x8000_0000;
/// A tag that is followed by a class name.
const NEW_CLASS_TAG: u32 = 0xffff_ffff;
/// Positions in tags are counted from two bytes before the key.
const MAP_OFFSET: usize = 2;
/// `TObject` bit: a process id follows.
const IS_REFERENCED: u32 = 1 << 4;

/// A position in a record. `offset` is the length of the record's key, which class references count.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pos: usize,
    offset: usize,
    classes: HashMap<usize, String>,
}

/// Class version and end of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) version: i16,
    pub(super) end: usize,
}

/// An open `TObjArray`, whose pointers follow.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectArray {
    pub(super) end: usize,
    pub(super) n_pointers: usize,
}

/// An object behind a pointer.
#[derive(Debug, Clone)]
pub(super) struct Pointee {
    pub(super) class: String,
    pub(super) end: usize,
}

/// What a `TNamed` holds.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) title: String,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, pos: 0, offset, classes: HashMap::new() }
    }

    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    /// Moves forward to `end`, however much of the object was read.
    pub(super) fn leave(&mut self, end: usize) -> Parsed<()> {
        if end < self.pos || end > self.bytes.len() {
            return Err(format!("an object that ends at byte {end} was read up to {}", self.pos));
        }
        self.pos = end;
        Ok(())
    }

    pub(super) fn take(&mut self, n: usize) -> Parsed<&'a [u8]> {
        let rest = &self.bytes[self.pos..];
        let Some(taken) = rest.get(..n) else {
            return Err(format!("a record that needs {n} bytes more ends after {}", rest.len()));
        };
        self.pos += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| "a record that ends early".to_owned())
    }

    pub(super) fn u8(&mut self) -> Parsed<u8> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn i16(&mut self) -> Parsed<i16> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Parsed<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Parsed<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Parsed<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// A length or position: four bytes, eight in a record with 64-bit positions. Must not be negative.
    pub(super) fn size(&mut self, big: bool, what: &str) -> Parsed<u64> {
        let value = if big { self.i64()? } else { i64::from(self.i32()?) };
        u64::try_from(value).map_err(|_| format!("{what} is {value}"))
    }

    /// A count or length in four bytes that must not be negative.
    pub(super) fn len(&mut self, what: &str) -> Parsed<usize> {
        let value = self.i32()?;
        usize::try_from(value).map_err(|_| format!("{what} is {value}"))
    }

    /// A `TString`.
    pub(super) fn string(&mut self) -> Parsed<String> {
        let n = match self.u8()? {
            255 => self.len("a string's length")?,
            n => usize::from(n),
        };
        Ok(printable(self.take(n)?))
    }

    /// Byte count and version that open every object of a class with its own streamer.
    pub(super) fn header(&mut self) -> Parsed<Header> {
        let count = self.u32()?;
        if count & BYTE_COUNT_MASK == 0 {
            return Err("an object without a byte count".to_owned());
        }
        let end = self.end_of(count)?;
        Ok(Header { version: self.i16()?, end })
    }

    /// Reads past an object with a byte count.
    pub(super) fn skip_object(&mut self) -> Parsed<()> {
        let header = self.header()?;
        self.leave(header.end)
    }

    /// End of what `count`, just read, announces; within the record.
    fn end_of(&self, count: u32) -> Parsed<usize> {
        let n = (count & !BYTE_COUNT_MASK) as usize;
        let left = self.bytes.len() - self.pos;
        if n > left {
            return Err(format!("an object of {n} bytes where {left} are left"));
        }
        Ok(self.pos + n)
    }

    /// The fields every `TObject` starts with.
    pub(super) fn skip_tobject(&mut self) -> Parsed<()> {
        self.i16()?;
        self.u32()?;
        if self.u32()? & IS_REFERENCED != 0 {
            self.i16()?;
        }
        Ok(())
    }

    /// A `TNamed`.
    pub(super) fn named(&mut self) -> Parsed<Named> {
        let header = self.header()?;
        self.skip_tobject()?;
        let named = Named { name: self.string()?, title: self.string()? };
        self.leave(header.end)?;
        Ok(named)
    }

    /// The object behind a pointer; `None` for null or an object met before.
    pub(super) fn pointee(&mut self) -> Parsed<Option<Pointee>> {
        let first = self.u32()?;
        if first & BYTE_COUNT_MASK == 0 || first == NEW_CLASS_TAG {
            return match first & CLASS_MASK {
                0 => Ok(None),
                _ => Err("a pointer to an object without a byte count".to_owned()),
            };
        }
        let end = self.end_of(first)?;
        let tag_at = self.pos + self.offset;
        let tag = self.u32()?;
        if tag & CLASS_MASK == 0 {
            self.leave(end)?;
            return Ok(None);
        }
        let class = if tag == NEW_CLASS_TAG {
            let class = self.c_string()?;
            self.classes.insert(tag_at + MAP_OFFSET, class.clone());
            class
        } else {
            // A class whose name stands in an object that was skipped: its objects are skipped too.
            self.classes.get(&((tag & !CLASS_MASK) as usize)).cloned().unwrap_or_default()
        };
        Ok(Some(Pointee { class, end }))
    }

    fn c_string(&mut self) -> Parsed<String> {
        let rest = &self.bytes[self.pos..];
        let n = rest.iter().take(256).position(|b| *b == 0).ok_or("a class name without an end")?;
        let text = printable(self.take(n)?);
        self.take(1)?;
        Ok(text)
    }

    /// Opens a `TObjArray`.
    pub(super) fn object_array(&mut self) -> Parsed<ObjectArray> {
        let header = self.header()?;
        self.skip_tobject()?;
        self.string()?;
        let n = self.len("the length of an object array")?;
        self.i32()?;
        Ok(ObjectArray { end: header.end, n_pointers: n })
    }
}

/// Names end up in one-line messages: whatever would break a line is replaced.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_before_use() {
        let mut cursor = Cursor::new(&[0, 0, 0, 2, 7], 0);
        assert_eq!(cursor.i32(), Ok(2));
        assert!(cursor.take(usize::MAX).is_err());
        assert_eq!(cursor.u8(), Ok(7));
        assert!(cursor.u8().is_err());
    }

    #[test]
    fn a_negative_length_is_refused() {
        assert_eq!(Cursor::new(&[0xff; 4], 0).len("n").unwrap_err(), "n is -1");
    }

    #[test]
    fn strings_come_with_short_and_long_lengths() {
        assert_eq!(Cursor::new(b"\x02ab", 0).string().unwrap(), "ab");
        assert_eq!(Cursor::new(b"\xff\0\0\0\x02ab", 0).string().unwrap(), "ab");
        assert!(Cursor::new(b"\xff\x7f\xff\xff\xffab", 0).string().is_err());
    }
}
