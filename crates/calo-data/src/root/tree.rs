//! A `TTree`'s description: its branches, their types, and where their baskets lie.

use super::bytes::{Cursor, Parsed, Pointee};

/// Oldest `TTree` and `TBranch` layouts that are read (ROOT 5.0 and later).
const MIN_TREE_VERSION: i16 = 16;
const MIN_BRANCH_VERSION: i16 = 10;
/// Deepest nesting of branches within branches, and of counters of leaves.
const MAX_DEPTH: usize = 8;

/// A tree's branches.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) n_entries: u64,
    pub(super) branches: Vec<Branch>,
}

/// One branch: a column of the tree.
#[derive(Debug, Clone, Default)]
pub(super) struct Branch {
    pub(super) name: String,
    /// C++ class of an unsplit object, as `vector<float>`.
    pub(super) class: Option<String>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) n_entries: u64,
    pub(super) baskets: Vec<BasketAt>,
}

/// Where a basket lies and which entries it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct BasketAt {
    pub(super) first_entry: u64,
    pub(super) n_entries: u64,
    pub(super) seek: u64,
    pub(super) n_bytes: usize,
}

/// Element type of a branch.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    /// `TLeafF`, `TLeafI`, ...
    pub(super) class: String,
    pub(super) title: String,
    /// Elements of an entry, or of one count where the length varies.
    pub(super) len: usize,
    pub(super) unsigned: bool,
}

/// Reads a `TTree` from the bytes of its record, which stood behind a key of `key_bytes`.
pub(super) fn parse_tree(bytes: &[u8], key_bytes: usize) -> Parsed<Tree> {
    let mut cursor = Cursor::new(bytes, key_bytes);
    let header = cursor.header()?;
    if header.version < MIN_TREE_VERSION {
        return Err(format!("a TTree of version {}, older than {MIN_TREE_VERSION}", header.version));
    }
    cursor.named()?;
    for _attributes in 0..3 {
        cursor.skip_object()?;
    }
    let n_entries = cursor.size(true, "the number of entries")?;
    skip_tree_settings(&mut cursor, header.version)?;
    let branches = branches(&mut cursor, 0)?;
    Ok(Tree { n_entries, branches })
}

/// What stands between a tree's number of entries and its branches.
fn skip_tree_settings(cursor: &mut Cursor<'_>, version: i16) -> Parsed<()> {
    // Bytes before and after compression, saved, flushed; weight.
    cursor.take(8 * 3)?;
    if version >= 18 {
        cursor.take(8)?;
    }
    cursor.take(8)?;
    // Timer interval, scan field, update, default length of entry offsets.
    cursor.take(4 * 3)?;
    if version >= 17 {
        cursor.take(4)?;
    }
    let n_clusters = if version >= 19 { cursor.len("the number of cluster ranges")? } else { 0 };
    // Limits of entries, loop and memory; auto save, auto flush; estimate.
    cursor.take(8 * 4)?;
    if version >= 18 {
        cursor.take(8)?;
    }
    cursor.take(8)?;
    if version >= 19 {
        for _array in 0..2 {
            cursor.u8()?;
            cursor.take(8 * n_clusters)?;
        }
    }
    if version >= 20 {
        cursor.skip_object()?;
    }
    Ok(())
}

/// The branches of a `TObjArray`, those inside other branches after their parents.
fn branches(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Vec<Branch>> {
    if depth > MAX_DEPTH {
        return Err(format!("branches nested deeper than {MAX_DEPTH}"));
    }
    let array = cursor.object_array()?;
    let mut found = Vec::new();
    for _ in 0..array.n_pointers {
        let Some(Pointee { class, end }) = cursor.pointee()? else { continue };
        match class.as_str() {
            "TBranch" => branch(cursor, depth, &mut found)?,
            "TBranchElement" => {
                let header = cursor.header()?;
                let at = found.len();
                branch(cursor, depth, &mut found)?;
                let class = cursor.string()?;
                if let Some(branch) = found.get_mut(at) {
                    branch.class = Some(class);
                }
                cursor.leave(header.end)?;
            }
            // No other class holds hits.
            _ => {}
        }
        cursor.leave(end)?;
    }
    cursor.leave(array.end)?;
    Ok(found)
}

/// Appends a branch and those inside it.
fn branch(cursor: &mut Cursor<'_>, depth: usize, found: &mut Vec<Branch>) -> Parsed<()> {
    let header = cursor.header()?;
    if header.version < MIN_BRANCH_VERSION {
        return Err(format!("a TBranch of version {}, older than {MIN_BRANCH_VERSION}", header.version));
    }
    let name = cursor.named()?.name;
    cursor.skip_object()?;
    // Compression, basket size, length of entry offsets.
    cursor.take(4 * 3)?;
    let n_baskets = cursor.len("the number of baskets")?;
    cursor.i64()?;
    if header.version >= 13 {
        cursor.skip_object()?;
    }
    cursor.i32()?;
    let max_baskets = cursor.len("the number of baskets")?;
    cursor.i32()?;
    let n_entries = cursor.size(true, "a branch's number of entries")?;
    if header.version >= 11 {
        cursor.i64()?;
    }
    cursor.take(8 * 2)?;
    let at = found.len();
    found.push(Branch { name, n_entries, ..Branch::default() });
    let inner = branches(cursor, depth + 1)?;
    let leaves = leaves(cursor, 0)?;
    let embedded = cursor.object_array()?;
    cursor.leave(embedded.end)?;
    let baskets = baskets(cursor, n_baskets, max_baskets)?;
    if !cursor.string()?.is_empty() {
        return Err(format!("branch `{}` keeps its data in another file", found[at].name));
    }
    found[at].leaves = leaves;
    found[at].baskets = baskets;
    found.extend(inner);
    cursor.leave(header.end)
}

/// The baskets' lengths, first entries and positions.
fn baskets(cursor: &mut Cursor<'_>, n: usize, max: usize) -> Parsed<Vec<BasketAt>> {
    if n > max {
        return Err(format!("{n} baskets where there is room for {max}"));
    }
    let mut table = |width: usize| -> Parsed<Vec<i64>> {
        cursor.u8()?;
        let raw = cursor.take(max.saturating_mul(width))?;
        Ok(raw.chunks_exact(width).map(big_endian).collect())
    };
    let (n_bytes, first_entries, seeks) = (table(4)?, table(8)?, table(8)?);
    let mut baskets = Vec::with_capacity(n);
    for i in 0..n {
        let stop = first_entries.get(i + 1).copied().unwrap_or(first_entries[i]);
        let basket = (
            u64::try_from(first_entries[i]),
            u64::try_from(stop.wrapping_sub(first_entries[i])),
            u64::try_from(seeks[i]),
            usize::try_from(n_bytes[i]),
        );
        let (Ok(first_entry), Ok(n_entries), Ok(seek), Ok(n_bytes)) = basket else {
            return Err(format!("basket {i} with a negative position or length"));
        };
        baskets.push(BasketAt { first_entry, n_entries, seek, n_bytes });
    }
    Ok(baskets)
}

/// A signed number of four or eight bytes.
pub(super) fn big_endian(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|b| b & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte))
}

fn leaves(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Vec<Leaf>> {
    let array = cursor.object_array()?;
    let mut leaves = Vec::new();
    for _ in 0..array.n_pointers {
        if let Some(leaf) = leaf(cursor, depth)? {
            leaves.push(leaf);
        }
    }
    cursor.leave(array.end)?;
    Ok(leaves)
}

/// The leaf behind a pointer.
fn leaf(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Option<Leaf>> {
    let Some(Pointee { class, end }) = cursor.pointee()? else { return Ok(None) };
    if !class.starts_with("TLeaf") || depth > MAX_DEPTH {
        cursor.leave(end)?;
        return Ok(None);
    }
    // `TLeafF` and similar classes: their own header around that of `TLeaf`.
    cursor.header()?;
    cursor.header()?;
    let title = cursor.named()?.title;
    let len = cursor.len("a leaf's length")?;
    cursor.i32()?;
    cursor.i32()?;
    cursor.u8()?;
    let unsigned = cursor.u8()? != 0;
    // The counter must be read, not skipped: its class may be named here for the first time.
    leaf(cursor, depth + 1)?;
    cursor.leave(end)?;
    Ok(Some(Leaf { class, title, len, unsigned }))
}
