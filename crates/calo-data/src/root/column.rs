//! One branch read entry by entry, one basket in memory at a time.

use calo_core::{Error, Result};

use super::bytes::{Cursor, Parsed};
use super::file::RootFile;
use super::tree::{BasketAt, Branch};

/// Version, buffer size, size and number of entry offsets, last byte, flag: what a basket's key holds in addition.
const BASKET_FIELDS: usize = 2 + 4 * 4 + 1;
/// Basket flags from here on mean that entry offsets are not stored.
const GENERATED_OFFSETS: u8 = 80;
/// Byte count, version and length in front of each `std::vector`.
const VECTOR_HEADER: usize = 10;

/// Element type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    F32,
    F64,
    I32,
    U32,
    I64,
}

/// How entries lie in a basket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `n` elements each.
    Fixed(usize),
    /// Any number of elements, each entry behind a header of this many bytes.
    Jagged(usize),
}

/// A numeric branch.
#[derive(Debug)]
pub(super) struct Column {
    name: String,
    element: Element,
    shape: Shape,
    baskets: Vec<BasketAt>,
    loaded: Option<Basket>,
}

/// An inflated basket.
#[derive(Debug)]
struct Basket {
    at: BasketAt,
    bytes: Vec<u8>,
    /// Bounds of the entries, one more than there are entries.
    bounds: Vec<u32>,
}

impl Column {
    /// Prepares `branch` for reading; `n_entries` is what its tree has.
    ///
    /// # Errors
    /// An element type that is not numeric, baskets that do not hold the tree's entries.
    pub(super) fn new(file: &RootFile, branch: &Branch, n_entries: u64) -> Result<Self> {
        let fail = |problem: String, expected: &str| {
            Err(Error::dataset(file.path(), &branch.name, problem, expected.to_owned()))
        };
        let Some((element, shape)) = interpret(branch) else {
            let found = branch.class.clone().or(branch.leaves.first().map(|leaf| leaf.class.clone()));
            let problem = format!("a branch of type {}", found.as_deref().unwrap_or("unknown"));
            return fail(problem, "numbers, C arrays of numbers, or vector<float>, <double> or <int>");
        };
        if branch.n_entries != n_entries {
            return fail(format!("{} entries", branch.n_entries), &format!("{n_entries}, as the tree has"));
        }
        let mut next = 0;
        for basket in &branch.baskets {
            if basket.first_entry != next {
                let problem = format!("a basket that starts with entry {}", basket.first_entry);
                return fail(problem, &format!("a basket that starts with entry {next}"));
            }
            next += basket.n_entries;
        }
        if next != n_entries {
            let expected = format!(
                "all {n_entries} (entries kept inside the tree's header are not read; copy the file with ROOT's hadd)"
            );
            return fail(format!("{next} entries in its baskets"), &expected);
        }
        let baskets = branch.baskets.iter().copied().filter(|basket| basket.n_entries > 0).collect();
        Ok(Self { name: branch.name.clone(), element, shape, baskets, loaded: None })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Appends the elements of `entry` to `values`, returns their number.
    ///
    /// # Errors
    /// Baskets that cannot be read or do not hold what they announce.
    pub(super) fn read(&mut self, file: &mut RootFile, entry: u64, values: &mut Vec<f64>) -> Result<usize> {
        let holds = |at: &BasketAt| entry >= at.first_entry && entry - at.first_entry < at.n_entries;
        if !self.loaded.as_ref().is_some_and(|basket| holds(&basket.at)) {
            let i = self.baskets.partition_point(|at| at.first_entry <= entry);
            let at = i.checked_sub(1).and_then(|i| self.baskets.get(i)).copied().filter(holds);
            let at = at.ok_or_else(|| self.damaged(file, format!("no basket with entry {entry}")))?;
            // The old one is dropped before the new one is inflated.
            self.loaded = None;
            self.loaded = Some(self.load(file, at)?);
        }
        let Some(basket) = &self.loaded else { return Ok(0) };
        let in_basket = (entry - basket.at.first_entry) as usize;
        let bytes = &basket.bytes[basket.bounds[in_basket] as usize..basket.bounds[in_basket + 1] as usize];
        let header = if let Shape::Jagged(header) = self.shape { header } else { 0 };
        let n = decode(self.element, bytes, header, values)
            .map_err(|problem| self.damaged(file, format!("entry {entry}: {problem}")))?;
        Ok(n)
    }

    fn damaged(&self, file: &RootFile, problem: impl std::fmt::Display) -> Error {
        Error::dataset(file.path(), &self.name, format!("damaged ROOT file: {problem}"), "intact baskets")
    }

    fn load(&self, file: &mut RootFile, at: BasketAt) -> Result<Basket> {
        let record = file.read_record(at.seek, at.n_bytes, BASKET_FIELDS)?;
        if record.key.class != "TBasket" || record.key.name != self.name {
            let problem = format!("{} `{}` instead of its basket", record.key.class, record.key.name);
            return Err(self.damaged(file, problem));
        }
        let damaged = |problem| self.damaged(file, format!("basket at byte {}: {problem}", at.seek));
        let fields = BasketFields::parse(&record.between).map_err(damaged)?;
        if fields.n_entries as u64 != at.n_entries {
            return Err(damaged(format!("{} entries, not {}", fields.n_entries, at.n_entries)));
        }
        let bounds = self.bounds(&record.bytes, record.key.key_bytes, &fields).map_err(damaged)?;
        Ok(Basket { at, bytes: record.bytes, bounds })
    }

    /// Where each entry starts in the basket's bytes, and where the last one ends.
    fn bounds(&self, bytes: &[u8], key_bytes: usize, fields: &BasketFields) -> Parsed<Vec<u32>> {
        let border = fields.last.checked_sub(key_bytes).filter(|border| *border <= bytes.len());
        let border = border.ok_or_else(|| format!("data that end at byte {}", fields.last))?;
        let n = fields.n_entries;
        if let Shape::Fixed(len) = self.shape {
            let width = len * self.element.width();
            if n.checked_mul(width) != Some(border) {
                return Err(format!("{border} bytes for {n} entries of {width}"));
            }
            return Ok((0..=n).map(|i| (i * width) as u32).collect());
        }
        if fields.flag >= GENERATED_OFFSETS {
            return Err(
                "entry offsets that are not stored (rewrite without TTree's kGenerateOffsetMap)".to_owned()
            );
        }
        // Number of offsets, one for each entry (counted from the key), and one more that has no meaning.
        let offsets = &bytes[border..];
        if offsets.len() / 4 < n + 1 {
            return Err(format!("{} bytes of entry offsets for {n} entries", offsets.len()));
        }
        let mut bounds = Vec::with_capacity(n + 1);
        for raw in offsets.chunks_exact(4).skip(1).take(n) {
            let offset = u32::from_be_bytes([raw[0], raw[1], raw[2], raw[3]]);
            let start = (offset as usize).checked_sub(key_bytes).filter(|start| *start <= border);
            let start = start.ok_or_else(|| format!("an entry that starts at byte {offset}"))?;
            bounds.push(start as u32);
        }
        bounds.push(border as u32);
        if bounds.first() != Some(&0) || !bounds.is_sorted() {
            return Err("entry offsets out of order".to_owned());
        }
        Ok(bounds)
    }
}

struct BasketFields {
    n_entries: usize,
    /// End of the data, counted from the key.
    last: usize,
    flag: u8,
}

impl BasketFields {
    fn parse(bytes: &[u8]) -> Parsed<Self> {
        let mut cursor = Cursor::new(bytes, 0);
        cursor.i16()?;
        cursor.i32()?;
        cursor.i32()?;
        let n_entries = cursor.len("the number of entries")?;
        let last = cursor.len("the end of the data")?;
        Ok(Self { n_entries, last, flag: cursor.u8()? })
    }
}

impl Element {
    fn width(self) -> usize {
        match self {
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

/// Element type and shape of a branch; `None` where it holds no numbers.
fn interpret(branch: &Branch) -> Option<(Element, Shape)> {
    if let Some(class) = &branch.class {
        let inner = class.trim_start_matches("std::").strip_prefix("vector<")?.strip_suffix('>')?.trim();
        let element = match inner {
            "float" => Element::F32,
            "double" => Element::F64,
            "int" | "int32_t" | "Int_t" => Element::I32,
            "unsigned int" | "uint32_t" | "UInt_t" => Element::U32,
            "long" | "int64_t" | "Long64_t" => Element::I64,
            _ => return None,
        };
        return Some((element, Shape::Jagged(VECTOR_HEADER)));
    }
    let [leaf] = branch.leaves.as_slice() else { return None };
    let element = match (leaf.class.as_str(), leaf.unsigned) {
        ("TLeafF", _) => Element::F32,
        ("TLeafD", _) => Element::F64,
        ("TLeafI", false) => Element::I32,
        ("TLeafI", true) => Element::U32,
        ("TLeafL", _) => Element::I64,
        _ => return None,
    };
    // The title of a C array whose length varies names its counter: "scene[nscene]".
    let counted = leaf.title.split(['[', ']']).skip(1).step_by(2).any(|dim| dim.parse::<usize>().is_err());
    Some((element, if counted { Shape::Jagged(0) } else { Shape::Fixed(leaf.len) }))
}

/// Appends the numbers behind `header` bytes, returns how many.
#[expect(clippy::cast_precision_loss, reason = "64-bit integers hold PDG codes, far below 2^53")]
fn decode(element: Element, bytes: &[u8], header: usize, values: &mut Vec<f64>) -> Parsed<usize> {
    let data = bytes.get(header..).ok_or_else(|| format!("{} bytes, no vector's header", bytes.len()))?;
    let width = element.width();
    let n = data.len() / width;
    if n * width != data.len() {
        return Err(format!("{} bytes, not a multiple of {width}", data.len()));
    }
    if header > 0 && super::tree::big_endian(&bytes[header - 4..header]) != n as i64 {
        return Err(format!("a vector's length that does not agree with its {n} elements"));
    }
    match element {
        Element::F32 => values.extend(chunks(data).map(|raw| f64::from(f32::from_be_bytes(raw)))),
        Element::F64 => values.extend(chunks(data).map(f64::from_be_bytes)),
        Element::I32 => values.extend(chunks(data).map(|raw| f64::from(i32::from_be_bytes(raw)))),
        Element::U32 => values.extend(chunks(data).map(|raw| f64::from(u32::from_be_bytes(raw)))),
        Element::I64 => values.extend(chunks(data).map(|raw| i64::from_be_bytes(raw) as f64)),
    }
    Ok(n)
}

fn chunks<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> {
    data.as_chunks::<N>().0.iter().copied()
}
