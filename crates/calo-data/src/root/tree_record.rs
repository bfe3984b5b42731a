//! A `TTree`'s description for writing: the counterpart of [`super::tree`].

use super::encode::Encoder;
use super::record::Placed;

/// Element type of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    F32,
    F64,
    I32,
}

impl Leaf {
    fn class(self) -> &'static str {
        match self {
            Self::F32 => "TLeafF",
            Self::F64 => "TLeafD",
            Self::I32 => "TLeafI",
        }
    }

    fn letter(self) -> char {
        match self {
            Self::F32 => 'F',
            Self::F64 => 'D',
            Self::I32 => 'I',
        }
    }

    fn width(self) -> usize {
        if self == Self::F64 { 8 } else { 4 }
    }
}

/// A basket in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct WrittenBasket {
    pub(super) placed: Placed,
    pub(super) first_entry: u64,
}

/// A branch with one leaf of its own name: one number per event, or as many as its counter says.
#[derive(Debug, Clone)]
pub(super) struct WrittenBranch {
    pub(super) name: &'static str,
    pub(super) leaf: Leaf,
    pub(super) counter: Option<&'static str>,
    /// Largest value of a counter.
    pub(super) maximum: i32,
    pub(super) baskets: Vec<WrittenBasket>,
    /// Bytes of all baskets before and after compression.
    pub(super) plain_bytes: u64,
    pub(super) packed_bytes: u64,
}

/// Room for the entries' offsets in a basket, as ROOT announces it; 0 where entries have one length.
pub(super) const ENTRY_OFFSETS: usize = 1000;
/// Size of baskets that ROOT would aim at on writing more.
pub(super) const BASKET_BYTES: usize = 32_000;

/// The object of a tree whose key has `key_bytes`.
pub(super) fn tree_object(
    name: &str,
    branches: &[WrittenBranch],
    n_entries: u64,
    key_bytes: usize,
) -> Vec<u8> {
    let mut encoder = Encoder::new(key_bytes);
    encoder.object(20, |e| {
        e.named(name, name);
        attributes(e);
        e.len64(n_entries);
        let total = |bytes: fn(&WrittenBranch) -> u64| branches.iter().map(bytes).sum::<u64>();
        e.len64(total(|branch| branch.plain_bytes));
        e.len64(total(|branch| branch.packed_bytes));
        // Saved and flushed bytes, weight.
        e.i64(0);
        e.i64(0);
        e.put(&1_f64.to_be_bytes());
        // Timer interval, scan field, update, default length of entry offsets, cluster ranges.
        e.i32(0);
        e.i32(25);
        e.i32(0);
        e.len32(ENTRY_OFFSETS);
        e.i32(0);
        // Limits of entries, loop and memory; auto save, auto flush, estimate.
        for value in [1_000_000_000_000, 1_000_000_000_000, 0, -300_000_000, -30_000_000, 1_000_000] {
            e.i64(value);
        }
        // Cluster ranges: none.
        e.u8(0);
        e.u8(0);
        io_features(e);
        let mut leaves: Vec<(&'static str, u32)> = Vec::new();
        e.object_array(branches.len(), |e| {
            for branch in branches {
                e.pointee("TBranch", |e| write_branch(e, branch, n_entries, &mut leaves));
            }
        });
        e.object_array(leaves.len(), |e| leaves.iter().for_each(|(_, reference)| e.u32(*reference)));
        // Aliases, index values, index, tree index, friends, user info, branch references: none.
        e.put(&[0; 7 * 4]);
    });
    encoder.into_bytes()
}

/// Lines, areas and markers as ROOT draws them by default.
fn attributes(e: &mut Encoder) {
    e.object(2, |e| [602, 1, 1].into_iter().for_each(|value| e.i16(value)));
    fill_attributes(e);
    e.object(2, |e| {
        e.i16(1);
        e.i16(1);
        e.put(&1_f32.to_be_bytes());
    });
}

fn fill_attributes(e: &mut Encoder) {
    e.object(2, |e| [0, 1001].into_iter().for_each(|value| e.i16(value)));
}

/// `TIOFeatures`: version 0, so its checksum follows; no features.
fn io_features(e: &mut Encoder) {
    e.object(0, |e| {
        e.u32(0x1aa1_2f10);
        e.u8(0);
    });
}

fn write_branch(
    e: &mut Encoder,
    branch: &WrittenBranch,
    n_entries: u64,
    leaves: &mut Vec<(&'static str, u32)>,
) {
    let title =
        branch.counter.map_or(branch.name.to_owned(), |counter| format!("{}[{counter}]", branch.name));
    let n = branch.baskets.len();
    e.object(13, |e| {
        e.named(branch.name, &format!("{title}/{}", branch.leaf.letter()));
        fill_attributes(e);
        // Compression 0 makes readers look at each basket, and some may not be worth compressing.
        e.i32(0);
        e.len32(BASKET_BYTES);
        e.len32(if branch.counter.is_some() { ENTRY_OFFSETS } else { 0 });
        e.len32(n);
        e.len64(n_entries);
        io_features(e);
        // Offset, room for baskets (one more, for the entry after the last), split level.
        e.i32(0);
        e.len32(n + 1);
        e.i32(0);
        e.len64(n_entries);
        e.i64(0);
        e.len64(branch.plain_bytes);
        e.len64(branch.packed_bytes);
        // Branches inside: none.
        e.object_array(0, |_| {});
        e.object_array(1, |e| {
            let counter = leaves.iter().find(|(name, _)| Some(*name) == branch.counter);
            let counter = counter.map(|(_, reference)| *reference);
            let leaf = e.pointee(branch.leaf.class(), |e| write_leaf(e, branch, &title, counter));
            leaves.push((branch.name, leaf));
        });
        // Baskets in the record itself: none.
        e.object_array(0, |_| {});
        // Each table begins with a byte that says it is there.
        e.u8(1);
        branch.baskets.iter().for_each(|basket| e.len32(basket.placed.n_bytes));
        e.i32(0);
        e.u8(1);
        branch.baskets.iter().for_each(|basket| e.len64(basket.first_entry));
        e.len64(n_entries);
        e.u8(1);
        branch.baskets.iter().for_each(|basket| e.len64(basket.placed.seek));
        e.i64(0);
        // Data in another file: none.
        e.string("");
    });
}

/// Number of the leaf that counts, if one does.
fn write_leaf(e: &mut Encoder, branch: &WrittenBranch, title: &str, counter: Option<u32>) {
    e.object(1, |e| {
        e.object(2, |e| {
            e.named(branch.name, title);
            e.i32(1);
            e.len32(branch.leaf.width());
            e.i32(0);
            // Whether the maximum means something, and whether it is unsigned.
            e.u8(u8::from(branch.counter.is_none()));
            e.u8(0);
            e.u32(counter.unwrap_or(0));
        });
        // Minimum and maximum.
        match branch.leaf {
            Leaf::F32 | Leaf::F64 => e.put(&vec![0; 2 * branch.leaf.width()]),
            Leaf::I32 => {
                e.i32(0);
                e.i32(branch.maximum);
            }
        }
    });
}
