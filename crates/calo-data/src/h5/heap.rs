//! Sequences of variable length: HDF5 keeps them in collections of a global heap, and here they are read from there
//! directly. libhdf5 would allocate whatever length a damaged file claims.
//!
//! # Reference
//! HDF5 File Format Specification, III.E "Disk Format: Level 1E - Global Heap".

use std::collections::VecDeque;
use std::os::unix::fs::FileExt;

use calo_core::Result;
use hdf5::{Dataset, Hyperslab};

use super::array::Array;
use super::element::{ByteOrder, ElementType, Stored};

/// The largest collection that is read: it must hold one shower whole.
const MAX_COLLECTION_BYTES: u64 = 128 << 20;

/// Collections kept, the latest first: showers in order share them.
const KEPT: usize = 4;

/// Where a sequence stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reference {
    /// Elements in the sequence.
    pub(super) len: u32,
    collection: u64,
    object: u32,
}

impl Stored for Reference {
    fn from_fill(_: f64) -> Self {
        Self::default()
    }

    fn decode(bytes: &[u8], order: ByteOrder, _: ElementType, out: &mut [Self]) {
        let n_elements = bytes.len() / 16;
        for (i, value) in out.iter_mut().enumerate().take(n_elements) {
            let byte = |k: usize| match order {
                ByteOrder::Elements => bytes[i * 16 + k],
                ByteOrder::Planes => bytes[k * n_elements + i],
            };
            *value = Self {
                len: u32::from_le_bytes(std::array::from_fn(byte)),
                collection: u64::from_le_bytes(std::array::from_fn(|k| byte(4 + k))),
                object: u32::from_le_bytes(std::array::from_fn(|k| byte(12 + k))),
            };
        }
    }

    fn read_by_library(_: &Dataset, _: Hyperslab, _: &mut [Self]) -> Result<(), String> {
        Err("sequences of variable length in this storage".to_owned())
    }
}

/// Reads sequences, keeping the collections of the latest ones.
#[derive(Debug, Default)]
pub(super) struct Heap {
    collections: VecDeque<Collection>,
}

#[derive(Debug)]
struct Collection {
    address: u64,
    bytes: Vec<u8>,
    objects: Vec<Object>,
}

/// A sequence in a collection.
#[derive(Debug)]
struct Object {
    number: u32,
    /// Its first byte in the collection.
    start: usize,
    n_bytes: usize,
}

impl Heap {
    /// The bytes of the sequence at `reference`, elements of `element_size` bytes; empty where it was never written.
    pub(super) fn read(&mut self, array: &Array, reference: Reference, element_size: usize) -> Result<&[u8]> {
        if reference.len == 0 {
            return Ok(&[]);
        }
        let bad = |problem: String| array.error(problem, "an undamaged heap of sequences");
        let kept = self.collections.iter().position(|c| c.address == reference.collection);
        let kept = match kept {
            Some(kept) => kept,
            None => {
                // The oldest buffer is used again.
                let buffer = if self.collections.len() < KEPT { None } else { self.collections.pop_back() };
                let buffer = buffer.map_or_else(Vec::new, |c| c.bytes);
                let collection = Collection::read(array, reference.collection, buffer).map_err(bad)?;
                self.collections.push_front(collection);
                0
            }
        };
        let collection = &self.collections[kept];
        let found = collection.objects.iter().find(|object| object.number == reference.object);
        let Some(&Object { start, n_bytes, .. }) = found else {
            return Err(bad(format!("no object {} at byte {}", reference.object, reference.collection)));
        };
        let wanted = reference.len as usize * element_size;
        if wanted > n_bytes {
            return Err(bad(format!("a sequence of {wanted} bytes in an object of {n_bytes}")));
        }
        Ok(&collection.bytes[start..start + wanted])
    }
}

impl Collection {
    fn read(array: &Array, address: u64, mut bytes: Vec<u8>) -> Result<Self, String> {
        let problem = |e: std::io::Error| format!("cannot read the heap at byte {address} ({e})");
        let mut header = [0; 16];
        array.file.read_exact_at(&mut header, address).map_err(problem)?;
        if header[..5] != *b"GCOL\x01" {
            return Err(format!("no heap at byte {address}"));
        }
        let size = little_endian(&header[8..16]);
        if !(16..=MAX_COLLECTION_BYTES.min(array.file_bytes)).contains(&size) {
            return Err(format!("a heap of {size} bytes at byte {address}"));
        }
        bytes.resize(usize::try_from(size).unwrap_or(0), 0);
        array.file.read_exact_at(&mut bytes, address).map_err(problem)?;
        let mut objects = Vec::new();
        let mut at = 16;
        // Each object: number (2 bytes), references (2), reserved (4), size (8), then the data, padded to 8.
        while at + 16 <= bytes.len() {
            let number = u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
            if number == 0 {
                break; // free space to the end
            }
            let n_bytes = usize::try_from(little_endian(&bytes[at + 8..at + 16])).unwrap_or(usize::MAX);
            let start = at + 16;
            if n_bytes > bytes.len() - start {
                return Err(format!("an object of {n_bytes} bytes in the heap of {size} at byte {address}"));
            }
            objects.push(Object { number, start, n_bytes });
            at = start + n_bytes.next_multiple_of(8);
        }
        Ok(Self { address, bytes, objects })
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}
