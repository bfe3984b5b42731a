//! Writing raw hits to ROOT files.

use std::path::Path;

use calo_core::{Error, Result};

use super::compression::compress;
use super::encode::Encoder;
use super::record::{Label, RecordWriter};
use super::tree_record::{BASKET_BYTES, ENTRY_OFFSETS, Leaf, WrittenBasket, WrittenBranch, tree_object};
use crate::hits::HitBatch;

/// Hits after which the baskets go to the file: a megabyte in each branch.
const BASKET_HITS: usize = 1 << 18;
/// Events after which the baskets go to the file at the latest.
const BASKET_EVENTS: usize = 1 << 14;
/// Most hits of one event: a basket has 32-bit offsets, and our reader's limit is 128 MiB.
const MAX_HITS: usize = 1 << 24;

/// How to write hits.
#[derive(Debug, Clone)]
pub struct HitWriteOptions {
    /// Name of the tree.
    pub tree: String,
    /// zlib level 1 to 9; 0 stores plainly.
    pub compression: u8,
    /// Texts stored next to the tree, such as the file's provenance: name and value of `TNamed` objects.
    pub attributes: Vec<(String, String)>,
}

/// Writes raw hits one batch after the other; what it writes, [`HitReader`](super::HitReader), ROOT and uproot read.
///
/// Positions and hit energies have 32 bits in the file, incident energies 64. No times and no random numbers: the same
/// hits make the same bytes. Nothing stands under the final name until [`HitWriter::finish`].
#[derive(Debug)]
pub struct HitWriter {
    file: RecordWriter,
    options: HitWriteOptions,
    columns: Vec<Column>,
    /// Events in the file, and in the baskets that are filled.
    n_written: u64,
    n_open: usize,
    n_open_hits: usize,
}

/// A branch and its open basket.
#[derive(Debug)]
struct Column {
    branch: WrittenBranch,
    data: Vec<u8>,
    /// Where each entry starts in `data`; empty where entries have one length.
    starts: Vec<usize>,
}

/// Branches in the order of the file; counters stand before what they count.
const BRANCHES: [(&str, Leaf, Option<&str>); 8] = [
    ("nhits", Leaf::I32, None),
    ("scpox", Leaf::F32, Some("nhits")),
    ("scpoy", Leaf::F32, Some("nhits")),
    ("scpoz", Leaf::F32, Some("nhits")),
    ("scene", Leaf::F32, Some("nhits")),
    ("nmc", Leaf::I32, None),
    ("mcene", Leaf::F64, Some("nmc")),
    ("mcpdg", Leaf::I32, Some("nmc")),
];

impl HitWriter {
    /// Starts a file that will be `path`.
    ///
    /// # Errors
    /// A place that cannot be written.
    pub fn create(path: &Path, options: &HitWriteOptions) -> Result<Self> {
        let column = |(name, leaf, counter)| Column {
            branch: WrittenBranch {
                name,
                leaf,
                counter,
                maximum: 0,
                baskets: Vec::new(),
                plain_bytes: 0,
                packed_bytes: 0,
            },
            data: Vec::new(),
            starts: Vec::new(),
        };
        Ok(Self {
            file: RecordWriter::create(path)?,
            options: options.clone(),
            columns: BRANCHES.into_iter().map(column).collect(),
            n_written: 0,
            n_open: 0,
            n_open_hits: 0,
        })
    }

    /// Appends `batch`, whose events must have one incident particle each.
    ///
    /// # Errors
    /// An event with another number of incident particles or too many hits; a full disk.
    pub fn write(&mut self, batch: &HitBatch) -> Result<()> {
        for event in batch.events() {
            if event.n_mc_particles != 1 {
                let found = format!("{} in event {}", event.n_mc_particles, event.index);
                return Err(Error::option("incident particles", found, "one in every event"));
            }
            let n = event.x_mm.len();
            if n > MAX_HITS {
                return Err(Error::option("hits", n, format!("at most {MAX_HITS} an event")));
            }
            let of = |values: &[f64]| {
                values.iter().flat_map(|value| (*value as f32).to_be_bytes()).collect::<Vec<u8>>()
            };
            let entries: [(Vec<u8>, usize); BRANCHES.len()] = [
                ((n as i32).to_be_bytes().to_vec(), n),
                (of(event.x_mm), 0),
                (of(event.depth_mm), 0),
                (of(event.y_mm), 0),
                (of(event.hit_energies_gev), 0),
                (1_i32.to_be_bytes().to_vec(), 1),
                (event.incident_energy_gev.to_be_bytes().to_vec(), 0),
                (event.pdg.to_be_bytes().to_vec(), 0),
            ];
            for (column, (bytes, count)) in self.columns.iter_mut().zip(entries) {
                column.push(&bytes, count);
            }
            self.n_open += 1;
            self.n_open_hits += n;
            if self.n_open >= BASKET_EVENTS || self.n_open_hits >= BASKET_HITS {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Events written so far.
    pub fn n_events(&self) -> u64 {
        self.n_written + self.n_open as u64
    }

    /// Completes the file and gives it its final name.
    ///
    /// # Errors
    /// A full disk; what stood under the name before is still there then.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        let name = self.options.tree.as_str();
        let label = Label { class: "TTree", name, title: name };
        let branches: Vec<WrittenBranch> = self.columns.into_iter().map(|column| column.branch).collect();
        let tree = tree_object(name, &branches, self.n_written, label.key_bytes(0));
        self.file.write_listed(label, &tree)?;
        for (name, text) in &self.options.attributes {
            let mut named = Encoder::default();
            named.named(name, text);
            self.file.write_listed(Label { class: "TNamed", name, title: "" }, &named.into_bytes())?;
        }
        self.file.finish(fingerprint(&tree, &self.options.attributes))
    }

    /// Writes the open baskets.
    fn flush(&mut self) -> Result<()> {
        if self.n_open == 0 {
            return Ok(());
        }
        for column in &mut self.columns {
            column.flush(&mut self.file, &self.options, self.n_written, self.n_open)?;
        }
        self.n_written += self.n_open as u64;
        (self.n_open, self.n_open_hits) = (0, 0);
        Ok(())
    }
}

impl Column {
    fn push(&mut self, entry: &[u8], count: usize) {
        if self.branch.counter.is_some() {
            self.starts.push(self.data.len());
        }
        self.branch.maximum = self.branch.maximum.max(count as i32);
        self.data.extend_from_slice(entry);
    }

    fn flush(
        &mut self,
        file: &mut RecordWriter,
        options: &HitWriteOptions,
        first_entry: u64,
        n_entries: usize,
    ) -> Result<()> {
        let label = Label { class: "TBasket", name: self.branch.name, title: &options.tree };
        // Version, buffer size, entry size or room for offsets, entries, end of the data, flag.
        const FIELDS: usize = 2 + 4 * 4 + 1;
        let key_bytes = label.key_bytes(FIELDS);
        let jagged = self.branch.counter.is_some();
        let mut fields = Encoder::default();
        fields.i16(3);
        fields.len32(BASKET_BYTES);
        fields.len32(if jagged { ENTRY_OFFSETS.max(n_entries + 1) } else { self.data.len() / n_entries });
        fields.len32(n_entries);
        fields.len32(key_bytes + self.data.len());
        fields.u8(0);
        let mut object = Encoder::default();
        object.put(&self.data);
        if jagged {
            // Counted from the key; the last one means nothing.
            object.len32(n_entries + 1);
            self.starts.iter().for_each(|start| object.len32(key_bytes + start));
            object.i32(0);
        }
        let object = object.into_bytes();
        let packed = compress(&object, options.compression);
        let placed = file.write(label, 0, &fields.into_bytes(), &packed, object.len())?;
        self.branch.baskets.push(WrittenBasket { placed, first_entry });
        self.branch.plain_bytes += (key_bytes + object.len()) as u64;
        self.branch.packed_bytes += placed.n_bytes as u64;
        self.data.clear();
        self.starts.clear();
        Ok(())
    }
}

/// 128 bits that tell files apart, where ROOT puts random ones: FNV-1a of the tree's description and the texts.
fn fingerprint(tree: &[u8], attributes: &[(String, String)]) -> [u8; 16] {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let texts = attributes.iter().flat_map(|(name, text)| name.bytes().chain(text.bytes()));
    let bytes = tree.iter().copied().chain(texts);
    bytes.fold(START, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME)).to_be_bytes()
}
