//! One data set of numbers, described and checked before anything is allocated for it.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use calo_core::{Error, Result};
use hdf5::dataset::Layout;
use hdf5::filters::Filter;

use super::element::ElementType;
use super::filter::Pipeline;
use super::kind::{Kind, StoredType, stored_type};
use super::open::{OpenFile, one_line, printable};
use super::raw::link_target;

/// Chunks beyond this are refused: they would have to be held whole.
pub(super) const MAX_CHUNK_BYTES: usize = 256 << 20;

/// The most chunks that may be listed, 24 bytes each.
const MAX_CHUNKS: usize = 8 << 20;

/// A data set that can be read row by row, a row being all that one shower has in it.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) path: PathBuf,
    /// Path of the data set inside the file, fit to print.
    pub(super) name: String,
    pub(super) dataset: hdf5::Dataset,
    pub(super) file: Arc<File>,
    /// Length of the file.
    pub(super) file_bytes: u64,
    /// Extents, the number of rows first.
    pub(super) shape: Vec<usize>,
    /// What is stored.
    pub(super) element: ElementType,
    pub(super) storage: Storage,
    /// Filters by name, for people.
    pub(super) filters: Vec<String>,
    /// Bytes the data takes in the file.
    pub(super) stored_bytes: u64,
}

/// Where the numbers are and who fetches them.
#[derive(Debug)]
pub(super) enum Storage {
    /// In one piece from this byte of the file.
    Contiguous(u64),
    /// Nothing was ever written: all is the fill value.
    Unwritten { fill: f64 },
    /// In chunks that this crate decodes.
    Chunked(Chunks),
    /// In any other way: libhdf5 reads, a block of this many rows at a time.
    Library { rows_at_a_time: usize },
}

/// Table of the chunks of a data set.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Extents of every chunk; those at the edges reach beyond the data set.
    pub(super) shape: Vec<usize>,
    /// How many chunks lie along each axis.
    pub(super) counts: Vec<usize>,
    pub(super) pipeline: Pipeline,
    pub(super) fill: f64,
    /// The chunks there are, by their number in row-major order.
    table: Vec<Chunk>,
}

/// One stored chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    number: u64,
    pub(super) address: u64,
    pub(super) n_bytes: u32,
    pub(super) mask: u32,
}

impl Chunks {
    /// Bytes of one decoded chunk.
    pub(super) fn n_bytes(&self, element_size: usize) -> usize {
        self.shape.iter().product::<usize>() * element_size
    }

    /// The chunks there are in row `chunk_row` of chunks, with their coordinates (in chunks).
    pub(super) fn in_row(&self, chunk_row: usize) -> impl Iterator<Item = (Vec<usize>, Chunk)> + '_ {
        let per_row = self.counts[1..].iter().fold(1_u64, |n, count| n.saturating_mul(*count as u64));
        let first = per_row.saturating_mul(chunk_row as u64);
        let start = self.table.partition_point(|chunk| chunk.number < first);
        let in_row = self.table[start..].iter().take_while(move |chunk| chunk.number - first < per_row);
        in_row.map(|chunk| {
            let mut number = chunk.number;
            let mut coordinates = vec![0; self.counts.len()];
            for (coordinate, count) in coordinates.iter_mut().zip(&self.counts).rev() {
                *coordinate = (number % *count as u64) as usize;
                number /= *count as u64;
            }
            (coordinates, *chunk)
        })
    }

    /// The chunk at these coordinates (in chunks), unless it was never written.
    pub(super) fn get(&self, coordinates: &[usize]) -> Option<Chunk> {
        let number =
            coordinates.iter().zip(&self.counts).fold(0, |n, (c, count)| n * *count as u64 + *c as u64);
        let i = self.table.binary_search_by_key(&number, |chunk| chunk.number).ok()?;
        Some(self.table[i])
    }
}

impl Array {
    /// Describes data set `name` of `file`, which must hold `kind`.
    pub(super) fn open(
        file: &OpenFile,
        plain: &Arc<File>,
        path: &std::path::Path,
        name: &str,
        kind: Kind,
    ) -> Result<Self> {
        let shown = printable(name);
        let broken = |e: &hdf5::Error| {
            Error::dataset(
                path,
                &shown,
                format!("cannot be opened ({})", one_line(e)),
                "an undamaged data set",
            )
        };
        let dataset = file.hdf5.dataset(name).map_err(|e| {
            let (problem, expected) = why_missing(&file.hdf5, name);
            problem.map_or_else(|| broken(&e), |problem| Error::dataset(path, &shown, problem, expected))
        })?;
        let shape = dataset.get_shape().map_err(|e| broken(&e))?;
        if dataset.space().is_ok_and(|space| space.is_null()) {
            return Err(Error::dataset(path, &shown, "holds no data (it was made empty)", kind.words()));
        }
        let plist = dataset.dcpl().map_err(|e| broken(&e))?;
        let StoredType { element, native } = stored_type(&dataset, kind)
            .map_err(|found| Error::dataset(path, &shown, format!("holds {found}"), kind.words()))?;
        let mut array = Self {
            path: path.to_owned(),
            name: shown.clone(),
            file: Arc::clone(plain),
            file_bytes: file.n_bytes,
            shape,
            element,
            storage: Storage::Library { rows_at_a_time: 1 },
            filters: Vec::new(),
            stored_bytes: 0,
            dataset,
        };
        // Chunks are read past libhdf5, from this very file.
        if array.dataset.filename() != file.hdf5.filename() {
            return Err(array.error("stands in another file", "showers in the file itself"));
        }
        if plist.get_external().is_ok_and(|files| !files.is_empty()) {
            return Err(array.error("keeps its data in other files", "data in the file itself"));
        }
        let n_bytes = array.check_extents()?;
        let layout = plist.get_layout().map_err(|e| broken(&e))?;
        let filters = plist.get_filters().map_err(|e| broken(&e))?;
        array.filters = filters.iter().map(filter_name).collect();
        let fill = plist.get_fill_value_as::<f64>().ok().flatten().unwrap_or(0.0);
        match layout {
            Layout::Contiguous if native => array.find_contiguous(n_bytes, file.n_bytes, fill)?,
            Layout::Chunked => {
                let shape = plist.get_chunk().map_err(|e| broken(&e))?.unwrap_or_default();
                array.list_chunks(shape, &filters, native, file.n_bytes, fill)?;
            }
            Layout::Virtual => {
                return Err(array
                    .error("is a virtual data set", "data within this file (h5repack makes such a copy)"));
            }
            Layout::Contiguous | Layout::Compact => {
                array.stored_bytes = n_bytes;
                if n_bytes > file.n_bytes {
                    return Err(array.beyond_the_end(n_bytes, file.n_bytes));
                }
                array.storage = Storage::Library { rows_at_a_time: rows_at_a_time(1, array.row_len()) };
            }
        }
        Ok(array)
    }

    /// Number of rows.
    pub(super) fn n_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Numbers in a row.
    pub(super) fn row_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// An error about this data set.
    pub(super) fn error(&self, problem: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::dataset(&self.path, &self.name, problem, expected)
    }

    fn beyond_the_end(&self, n_bytes: u64, file_bytes: u64) -> Error {
        self.error(
            format!("{n_bytes} bytes of data reach beyond the end of the file of {file_bytes} bytes"),
            "a file that was not cut off",
        )
    }

    /// Extents that make sense; the bytes they amount to, uncompressed.
    fn check_extents(&self) -> Result<u64> {
        if self.shape.is_empty() {
            return Err(self.error("is a single number", "one entry for each shower"));
        }
        let row_len = self.shape[1..].iter().try_fold(1_usize, |n, extent| n.checked_mul(*extent));
        let n_bytes = row_len
            .filter(|row_len| *row_len <= 1 << 24)
            .and_then(|row_len| row_len.checked_mul(8))
            .and_then(|row_bytes| row_bytes.checked_mul(self.shape[0]));
        match n_bytes {
            Some(n) => Ok((n / 8 * self.element.size()) as u64),
            None => Err(self.error(
                format!("impossible extents {:?}", self.shape),
                "at most 2^24 numbers a shower and 2^60 in all",
            )),
        }
    }

    fn find_contiguous(&mut self, n_bytes: u64, file_bytes: u64, fill: f64) -> Result<()> {
        self.storage = match self.dataset.offset() {
            Some(offset) => {
                if offset.checked_add(n_bytes).is_none_or(|end| end > file_bytes) {
                    return Err(self.beyond_the_end(n_bytes, file_bytes));
                }
                self.stored_bytes = n_bytes;
                Storage::Contiguous(offset)
            }
            None if self.n_rows() == 0 => Storage::Unwritten { fill },
            None => {
                self.check_sparse(0)?;
                Storage::Unwritten { fill }
            }
        };
        Ok(())
    }

    fn list_chunks(
        &mut self,
        shape: Vec<usize>,
        filters: &[Filter],
        native: bool,
        file_bytes: u64,
        fill: f64,
    ) -> Result<()> {
        let element_size = self.element.size();
        let chunk_bytes = shape.iter().try_fold(element_size, |n, extent| n.checked_mul(*extent));
        let sensible = shape.len() == self.shape.len()
            && shape.iter().all(|extent| *extent > 0)
            && chunk_bytes.is_some_and(|n| n <= MAX_CHUNK_BYTES);
        let Some(chunk_bytes) = chunk_bytes.filter(|_| sensible) else {
            return Err(self.error(
                format!("chunks of {shape:?}"),
                format!("chunks of the data set's rank and at most {} MB", MAX_CHUNK_BYTES >> 20),
            ));
        };
        let counts: Vec<usize> = self.shape.iter().zip(&shape).map(|(n, c)| n.div_ceil(*c)).collect();
        let table = self.chunk_table(&shape, &counts, chunk_bytes, file_bytes)?;
        let per_row: usize = counts[1..].iter().product();
        self.check_sparse((table.len() / per_row.max(1) + 1).saturating_mul(shape[0]))?;
        self.stored_bytes = table.iter().map(|chunk| u64::from(chunk.n_bytes)).sum();
        self.storage = match Pipeline::understood(filters).filter(|_| native) {
            Some(pipeline) => Storage::Chunked(Chunks { shape, counts, pipeline, fill, table }),
            None => {
                self.check_filters(filters, &table)?;
                Storage::Library { rows_at_a_time: rows_at_a_time(shape[0], self.row_len()) }
            }
        };
        Ok(())
    }

    /// Refuses filters that libhdf5 lacks too, unless every chunk was written without them.
    fn check_filters(&self, filters: &[Filter], table: &[Chunk]) -> Result<()> {
        let is_used = |i: usize| {
            let bit = |mask: u32| mask.checked_shr(i as u32).unwrap_or(0) & 1;
            table.iter().any(|chunk| bit(chunk.mask) == 0)
        };
        match filters.iter().enumerate().find(|(i, filter)| !filter.is_available() && is_used(*i)) {
            Some((_, filter)) => Err(self.error(
                format!("is compressed with {}, which is not built in", foreign_filter(filter)),
                "gzip, lzf, bzip2, LZ4, Zstandard, Blosc, Bitshuffle or no compression (`h5repack -f GZIP=4` makes \
                 such a copy)",
            )),
            None => Ok(()),
        }
    }

    /// Every chunk's place, checked against the file's length.
    fn chunk_table(
        &self,
        shape: &[usize],
        counts: &[usize],
        chunk_bytes: usize,
        file_bytes: u64,
    ) -> Result<Vec<Chunk>> {
        let n_expected =
            counts.iter().try_fold(1_usize, |n, count| n.checked_mul(*count)).unwrap_or(usize::MAX);
        let limit = n_expected.min(MAX_CHUNKS);
        let mut table = Vec::new();
        let mut problem = None;
        let visited = self.dataset.chunks_visit(|info| {
            let mut number = 0_u64;
            for ((offset, extent), count) in info.offset.iter().zip(shape).zip(counts) {
                let coordinate = offset / *extent as u64;
                if coordinate >= *count as u64 || offset % *extent as u64 != 0 {
                    problem = Some(format!(
                        "a chunk at {:?}, outside the data set or off its chunk grid",
                        info.offset
                    ));
                    return -1;
                }
                number = number * *count as u64 + coordinate;
            }
            let inside = info.addr.checked_add(info.size).is_some_and(|end| end <= file_bytes);
            // libhdf5 2.x crashes on the checksum of an empty chunk.
            if !inside
                || info.size < chunk_bytes.min(4) as u64
                || info.size > Pipeline::max_stored(chunk_bytes) as u64
            {
                problem = Some(format!(
                    "the chunk at {:?} takes {} bytes from byte {} on, in a file of {file_bytes}",
                    info.offset, info.size, info.addr
                ));
                return -1;
            }
            if table.len() >= limit {
                problem = Some(format!("more than {limit} chunks"));
                return -1;
            }
            let n_bytes = u32::try_from(info.size).unwrap_or(u32::MAX);
            table.push(Chunk { number, address: info.addr, n_bytes, mask: info.filter_mask });
            0
        });
        if let Some(problem) = problem {
            return Err(self.error(problem, "chunks within a file that was neither cut off nor damaged"));
        }
        visited.map_err(|e| {
            self.error(format!("its chunks cannot be listed ({})", one_line(&e)), "an undamaged chunk index")
        })?;
        table.sort_unstable_by_key(|chunk| chunk.number);
        Ok(table)
    }

    /// Rows never written read as zeros at no cost in the file: a damaged extent must not take days to read.
    fn check_sparse(&self, rows_written: usize) -> Result<()> {
        let most = rows_written.saturating_add(64).saturating_mul(256);
        if self.n_rows() > most {
            return Err(self.error(
                format!("{} showers of which at most {rows_written} were ever written", self.n_rows()),
                "an undamaged number of showers",
            ));
        }
        Ok(())
    }
}

/// Rows that libhdf5 reads at once: whole chunks, about 16 MB; parts of them where that many showers share a chunk that
/// they would not fit into memory.
fn rows_at_a_time(chunk_rows: usize, row_len: usize) -> usize {
    let row_bytes = 8 * row_len.max(1);
    let rows = ((16 << 20) / row_bytes).max(1);
    if chunk_rows.saturating_mul(row_bytes) > 2 * MAX_CHUNK_BYTES {
        return ((64 << 20) / row_bytes).clamp(1, chunk_rows);
    }
    (rows / chunk_rows).max(1) * chunk_rows
}

/// Why a data set that is sound may not be opened, and what should be there; `None` where it seems damaged.
fn why_missing(file: &hdf5::File, name: &str) -> (Option<String>, &'static str) {
    let expected = "a data set";
    if !file.link_exists(name) {
        return (Some("is not in the file".to_owned()), "this data set");
    }
    if file.group(name).is_ok() {
        return (Some("is a group".to_owned()), expected);
    }
    match link_target(file, name) {
        Some(target) => {
            let target = printable(&target);
            (Some(format!("is a link to `{target}`, which is not in the file")), "a link to a data set")
        }
        None => (None, expected),
    }
}

/// A filter's name as h5py calls it.
fn filter_name(filter: &Filter) -> String {
    match filter {
        Filter::User(id, _) if registered_name(*id).is_some() => {
            registered_name(*id).unwrap_or_default().to_lowercase()
        }
        Filter::Deflate(level) => format!("gzip {level}"),
        Filter::Shuffle => "shuffle".to_owned(),
        Filter::Fletcher32 => "fletcher32".to_owned(),
        Filter::LZF => "lzf".to_owned(),
        Filter::SZip(..) => "szip".to_owned(),
        Filter::NBit => "nbit".to_owned(),
        Filter::ScaleOffset(_) => "scaleoffset".to_owned(),
        Filter::User(id, _) => format!("filter {id}"),
    }
}

/// A filter that libhdf5 has not built in, by the name under which it is registered with the HDF Group.
fn foreign_filter(filter: &Filter) -> String {
    let id = filter.id();
    registered_name(id).map_or_else(|| format!("filter {id}"), |name| format!("{name} (filter {id})"))
}

fn registered_name(id: i32) -> Option<&'static str> {
    match id {
        4 => Some("szip"),
        307 => Some("bzip2"),
        32001 => Some("Blosc"),
        32004 => Some("LZ4"),
        32008 => Some("Bitshuffle"),
        32013 => Some("ZFP"),
        32015 => Some("Zstandard"),
        32017 => Some("SZ"),
        32024 => Some("SZ3"),
        32026 => Some("Blosc2"),
        _ => None,
    }
}
