//! Writing of ROOT's big-endian records: the counterpart of [`super::bytes`].

/// Set in a byte count that is present.
const BYTE_COUNT_MASK: u32 = 0x4000_0000;
/// A tag that is followed by a class name.
const NEW_CLASS_TAG: u32 = 0xffff_ffff;
/// References count from two bytes before the key.
const MAP_OFFSET: usize = 2;
/// `TObject` bits of an object on the heap that was not deleted.
const NOT_DELETED: u32 = 0x0300_0000;

/// A record under construction. `offset` is the length of the record's key, which references count.
#[derive(Debug, Clone, Default)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
    offset: usize,
}

impl Encoder {
    pub(super) fn new(offset: usize) -> Self {
        Self { bytes: Vec::new(), offset }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.put(&value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.put(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.put(&value.to_be_bytes());
    }

    /// A length or count of four bytes.
    pub(super) fn len32(&mut self, value: usize) {
        debug_assert!(i32::try_from(value).is_ok(), "{value}");
        self.i32(value as i32);
    }

    /// A length, count or position of eight bytes.
    pub(super) fn len64(&mut self, value: u64) {
        self.i64(value as i64);
    }

    /// A `TString`.
    pub(super) fn string(&mut self, text: &str) {
        match u8::try_from(text.len()) {
            Ok(n) if n < 255 => self.u8(n),
            _ => {
                self.u8(255);
                self.len32(text.len());
            }
        }
        self.put(text.as_bytes());
    }

    /// An object of a class of `version` behind its byte count.
    pub(super) fn object(&mut self, version: i16, content: impl FnOnce(&mut Self)) {
        let at = self.len();
        self.u32(0);
        self.i16(version);
        content(self);
        self.set_byte_count(at);
    }

    /// An object behind a pointer, with its class; the number by which later pointers refer to it.
    pub(super) fn pointee(&mut self, class: &str, content: impl FnOnce(&mut Self)) -> u32 {
        let at = self.len();
        self.u32(0);
        self.u32(NEW_CLASS_TAG);
        self.put(class.as_bytes());
        self.u8(0);
        content(self);
        self.set_byte_count(at);
        (at + self.offset + MAP_OFFSET) as u32
    }

    fn set_byte_count(&mut self, at: usize) {
        let n = (self.len() - at - 4) as u32 | BYTE_COUNT_MASK;
        self.bytes[at..at + 4].copy_from_slice(&n.to_be_bytes());
    }

    /// The fields every `TObject` starts with.
    pub(super) fn tobject(&mut self) {
        self.i16(1);
        self.u32(0);
        self.u32(NOT_DELETED);
    }

    /// A `TNamed`.
    pub(super) fn named(&mut self, name: &str, title: &str) {
        self.object(1, |e| {
            e.tobject();
            e.string(name);
            e.string(title);
        });
    }

    /// A `TObjArray` of `n` pointers that `content` writes.
    pub(super) fn object_array(&mut self, n: usize, content: impl FnOnce(&mut Self)) {
        self.object(3, |e| {
            e.tobject();
            e.string("");
            e.len32(n);
            e.i32(0);
            content(e);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::bytes::{Cursor, Pointee};
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let long = "n".repeat(300);
        let mut encoder = Encoder::new(0);
        encoder.named("name", &long);
        encoder.object_array(1, |e| {
            e.pointee("TNamed", |e| e.named("a", "b"));
        });
        let bytes = encoder.into_bytes();
        let mut cursor = Cursor::new(&bytes, 0);
        let named = cursor.named().unwrap();
        assert_eq!((named.name, named.title), ("name".to_owned(), long));
        let array = cursor.object_array().unwrap();
        assert_eq!((array.end, array.n_pointers), (bytes.len(), 1));
        let Pointee { class, end } = cursor.pointee().unwrap().unwrap();
        assert_eq!((class.as_str(), end), ("TNamed", bytes.len()));
        assert_eq!(cursor.named().unwrap().title, "b");
    }
}
