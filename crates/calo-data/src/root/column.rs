//! One branch read entry by entry, one basket in memory at a time.

use calo_core::{Error, Result};

use super::bytes::{Cursor, Parsed};
use super::element::{Element, Shape, decode, interpret};
use super::file::RootFile;
use super::tree::{BasketAt, Branch, Tree};

/// Version, buffer size, size and number of entry offsets, last byte, flag, and bits of features where there are any:
/// what a basket's key holds in addition, at most.
const BASKET_FIELDS: usize = 2 + 4 * 4 + 1 + 1;
/// Basket flags from here on mean that entry offsets are not stored.
const GENERATED_OFFSETS: u8 = 80;

/// A numeric branch.
#[derive(Debug)]
pub(super) struct Column {
    name: String,
    element: Element,
    shape: Shape,
    /// The branch that says how many elements each entry has, for baskets without offsets.
    counter: Option<Box<Column>>,
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
    /// Prepares `branch` of `tree` for reading.
    ///
    /// # Errors
    /// An element type that is not numeric, baskets that do not hold the tree's entries.
    pub(super) fn new(file: &RootFile, branch: &Branch, tree: &Tree) -> Result<Self> {
        let n_entries = tree.n_entries;
        let fail = |problem: String, expected: &str| {
            Err(Error::dataset(file.path(), &branch.name, problem, expected.to_owned()))
        };
        let Some((element, shape)) = interpret(branch) else {
            let found = branch.class.clone().or(branch.leaves.first().map(|leaf| leaf.class.clone()));
            let problem = format!("a branch of type {}", found.as_deref().unwrap_or("unknown"));
            return fail(
                problem,
                "numbers, C arrays of numbers, or vectors of numbers (std::vector or RVec)",
            );
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
        let counter = match &shape {
            Shape::Counted { counter, .. } => {
                let counter = tree.branches.iter().find(|branch| branch.name == *counter);
                // One that counts itself would go on for ever.
                let counter =
                    counter.filter(|counter| matches!(interpret(counter), Some((_, Shape::Fixed(1)))));
                counter.map(|counter| Self::new(file, counter, tree)).transpose()?.map(Box::new)
            }
            Shape::Fixed(_) | Shape::Jagged(_) => None,
        };
        Ok(Self { name: branch.name.clone(), element, shape, counter, baskets, loaded: None })
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
        let header = if let Shape::Jagged(header) = &self.shape { *header } else { 0 };
        let n = decode(self.element, bytes, header, values)
            .map_err(|problem| self.damaged(file, format!("entry {entry}: {problem}")))?;
        Ok(n)
    }

    fn damaged(&self, file: &RootFile, problem: impl std::fmt::Display) -> Error {
        Error::dataset(file.path(), &self.name, format!("damaged ROOT file: {problem}"), "intact baskets")
    }

    fn load(&mut self, file: &mut RootFile, at: BasketAt) -> Result<Basket> {
        let record = file.read_record(at.seek, at.n_bytes, BASKET_FIELDS)?;
        if record.key.class != "TBasket" || record.key.name != self.name {
            let problem = format!("{} `{}` instead of its basket", record.key.class, record.key.name);
            return Err(self.damaged(file, problem));
        }
        let place = |problem: String| format!("basket at byte {}: {problem}", at.seek);
        let fields = BasketFields::parse(&record.between).map_err(|e| self.damaged(file, place(e)))?;
        if fields.n_entries as u64 != at.n_entries {
            let problem = format!("{} entries, not {}", fields.n_entries, at.n_entries);
            return Err(self.damaged(file, place(problem)));
        }
        let counts = match &self.shape {
            Shape::Counted { .. } if fields.flag >= GENERATED_OFFSETS => Some(self.counts(file, at)?),
            _ => None,
        };
        let bounds = self.bounds(&record.bytes, record.key.key_bytes, &fields, counts.as_deref());
        let bounds = bounds.map_err(|e| self.damaged(file, place(e)))?;
        Ok(Basket { at, bytes: record.bytes, bounds })
    }

    /// What the counter says about the entries of a basket.
    fn counts(&mut self, file: &mut RootFile, at: BasketAt) -> Result<Vec<f64>> {
        let mut counts = Vec::new();
        if let Some(counter) = &mut self.counter {
            for entry in at.first_entry..at.first_entry.saturating_add(at.n_entries) {
                counter.read(file, entry, &mut counts)?;
            }
        }
        Ok(counts)
    }

    /// Where each entry starts in the basket's bytes, and where the last one ends.
    fn bounds(
        &self,
        bytes: &[u8],
        key_bytes: usize,
        fields: &BasketFields,
        counts: Option<&[f64]>,
    ) -> Parsed<Vec<u32>> {
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
        if let (Some(counts), Shape::Counted { per_count, .. }) = (counts, &self.shape) {
            return counted_bounds(counts, per_count * self.element.width(), n, border);
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
        // A negative size of the offsets announces bits of features.
        if cursor.i32()? < 0 {
            cursor.u8()?;
        }
        let n_entries = cursor.len("the number of entries")?;
        let last = cursor.len("the end of the data")?;
        Ok(Self { n_entries, last, flag: cursor.u8()? })
    }
}

/// Bounds of `n` entries that hold `width` bytes for each count, up to `border`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole numbers of at least 0"
)]
fn counted_bounds(counts: &[f64], width: usize, n: usize, border: usize) -> Parsed<Vec<u32>> {
    let mut bounds = vec![0];
    let mut end = 0_usize;
    for count in counts {
        let count = if (0.0..=f64::from(u32::MAX)).contains(count) { *count as usize } else { usize::MAX };
        end = count.checked_mul(width).and_then(|bytes| end.checked_add(bytes)).unwrap_or(usize::MAX);
        if end > border {
            return Err(format!("entries that the counter says end behind byte {border}"));
        }
        bounds.push(end as u32);
    }
    if bounds.len() != n + 1 || end != border {
        return Err(format!("{border} bytes where the counter says {end}"));
    }
    Ok(bounds)
}
