//! Reading rows of a data set: chunk by chunk on all cores, straight to where the numbers belong.

use std::cell::RefCell;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use calo_core::Result;
use hdf5::{Hyperslab, SliceOrIndex};
use rayon::prelude::*;

use super::array::{Array, Chunk, Chunks, Storage};
use super::element::{ByteOrder, Stored};
use super::filter::{Decoded, Decoder};
use super::tall;

/// Decoded rows that were not requested yet are kept up to this size.
const WINDOW_BYTES: usize = 64 << 20;

/// Plain data is read in blocks of about this size.
const BLOCK_BYTES: usize = 1 << 20;

/// Part of every row, as a half-open range along each axis but the first; `None` takes all.
pub(super) type Crop = Option<Vec<Range<usize>>>;

/// Reads rows of an [`Array`] as numbers of type `T`, decoding no chunk twice when read in order.
#[derive(Debug)]
pub(super) struct Window<T> {
    rows: Range<usize>,
    values: Vec<T>,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self { rows: 0..0, values: Vec::new() }
    }
}

impl<T: Stored> Window<T> {
    /// Fills `out` with `rows` of `array`, cropped.
    pub(super) fn read(
        &mut self,
        array: &Array,
        crop: &Crop,
        rows: Range<usize>,
        out: &mut [T],
    ) -> Result<()> {
        let row_len = cropped_len(array, crop);
        let Range { mut start, end } = rows;
        let mut out = out;
        while start < end {
            if self.rows.contains(&start) {
                let n = self.rows.end.min(end) - start;
                let from = (start - self.rows.start) * row_len;
                let (head, tail) = out.split_at_mut(n * row_len);
                head.copy_from_slice(&self.values[from..][..n * row_len]);
                (start, out) = (start + n, tail);
                continue;
            }
            if let Some(part) = tall_part(array, row_len * size_of::<T>(), start) {
                self.rows = 0..0;
                self.values.resize(part.len() * row_len, T::default());
                fill(array, crop, part.clone(), &mut self.values)?;
                self.rows = part;
                continue;
            }
            let step = step_rows(array);
            // Whole steps, enough for all cores, go straight to the caller; the rest through the window.
            let n_direct = if start % step == 0 { (end - start) / step * step } else { 0 };
            let n_steps = n_direct / step;
            let plain = !matches!(array.storage, Storage::Chunked(_) | Storage::Library { .. });
            if plain || n_steps >= rayon::current_num_threads() {
                let n = if plain { end - start } else { n_direct };
                let (head, tail) = out.split_at_mut(n * row_len);
                fill(array, crop, start..start + n, head)?;
                (start, out) = (start + n, tail);
            } else {
                self.decode_ahead(array, crop, start / step * step, row_len)?;
            }
        }
        Ok(())
    }

    /// Decodes a few steps from row `from` on into the window.
    fn decode_ahead(&mut self, array: &Array, crop: &Crop, from: usize, row_len: usize) -> Result<()> {
        let step = step_rows(array);
        let step_bytes = (step * row_len * size_of::<T>()).max(1);
        let n_steps = (WINDOW_BYTES / step_bytes).clamp(1, rayon::current_num_threads());
        let rows = from..from.saturating_add(step.saturating_mul(n_steps)).min(array.n_rows());
        self.rows = 0..0;
        self.values.resize(rows.len() * row_len, T::default());
        fill(array, crop, rows.clone(), &mut self.values)?;
        self.rows = rows;
        Ok(())
    }
}

/// Numbers in a cropped row.
pub(super) fn cropped_len(array: &Array, crop: &Crop) -> usize {
    crop.as_ref()
        .map_or_else(|| array.row_len(), |ranges| ranges.iter().map(ExactSizeIterator::len).product())
}

/// The rows around `row` that are decoded together, where they are not all of those that share a chunk.
fn tall_part(array: &Array, row_bytes: usize, row: usize) -> Option<Range<usize>> {
    let Storage::Chunked(chunks) = &array.storage else { return None };
    let part_rows = tall::part_rows(array, chunks, row_bytes)?;
    Some(tall::part_of(array, chunks, part_rows, row))
}

/// Rows that are decoded together.
fn step_rows(array: &Array) -> usize {
    match &array.storage {
        Storage::Chunked(chunks) => chunks.shape[0],
        Storage::Library { rows_at_a_time } => *rows_at_a_time,
        Storage::Contiguous(_) | Storage::Unwritten { .. } => 1,
    }
    .min(array.n_rows().max(1))
}

/// Fills `out` with `rows`, which start at a step.
fn fill<T: Stored>(array: &Array, crop: &Crop, rows: Range<usize>, out: &mut [T]) -> Result<()> {
    let row_len = cropped_len(array, crop);
    if row_len == 0 || rows.is_empty() {
        return Ok(());
    }
    match &array.storage {
        Storage::Unwritten { fill } => {
            out.fill(T::from_fill(*fill));
            Ok(())
        }
        Storage::Contiguous(offset) => {
            let row_bytes = array.row_len() * array.element.size();
            let n = (BLOCK_BYTES / row_bytes.max(1)).max(1);
            let blocks = out.par_chunks_mut(n * row_len).enumerate();
            blocks.try_for_each(|(i, out)| {
                let first = (rows.start + i * n) as u64;
                contiguous_rows(array, crop, offset + first * row_bytes as u64, out.len() / row_len, out)
            })
        }
        Storage::Chunked(chunks) if tall::part_rows(array, chunks, row_len * size_of::<T>()).is_some() => {
            tall::fill(array, chunks, crop, rows, out)
        }
        Storage::Chunked(chunks) => {
            let step = chunks.shape[0].min(array.n_rows());
            // A chunk this large is decoded alone, so that the buffers of several threads do not add up.
            let large = chunks.n_bytes(array.element.size()) > WINDOW_BYTES / 2;
            let min_len = if large { usize::MAX } else { 1 };
            let steps = out.par_chunks_mut(step * row_len).with_min_len(min_len).enumerate();
            steps.try_for_each(|(i, out)| {
                chunk_row(array, chunks, crop, rows.start / chunks.shape[0] + i, out)
            })
        }
        Storage::Library { rows_at_a_time } => {
            let mut first = rows.start;
            for out in out.chunks_mut(rows_at_a_time.saturating_mul(row_len)) {
                let n = out.len() / row_len;
                library_rows(array, crop, first..first + n, out)?;
                first += n;
            }
            Ok(())
        }
    }
}

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::default();
}

fn contiguous_rows<T: Stored>(
    array: &Array,
    crop: &Crop,
    offset: u64,
    n: usize,
    out: &mut [T],
) -> Result<()> {
    DECODER.with_borrow_mut(|decoder| {
        let Decoder { stored, .. } = decoder;
        stored.resize(n * array.row_len() * array.element.size(), 0);
        read_exact(array, stored, offset)?;
        let mut shape = array.shape.clone();
        shape[0] = n;
        let block =
            Block { shape: &shape, from: &vec![0; shape.len()], bytes: stored, order: ByteOrder::Elements };
        block.scatter(array, crop, out);
        Ok(())
    })
}

/// All chunks that hold rows of chunk row `chunk_row`, scattered over `out`.
fn chunk_row<T: Stored>(
    array: &Array,
    chunks: &Chunks,
    crop: &Crop,
    chunk_row: usize,
    out: &mut [T],
) -> Result<()> {
    let n_bytes = chunks.n_bytes(array.element.size());
    let mut coordinates = vec![0; chunks.shape.len()];
    coordinates[0] = chunk_row;
    DECODER.with_borrow_mut(|decoder| {
        loop {
            let from: Vec<usize> =
                coordinates.iter().zip(&chunks.shape).map(|(c, extent)| c * extent).collect();
            if touches(&from, &chunks.shape, crop) {
                match chunks.get(&coordinates) {
                    Some(chunk) => {
                        let Decoded { bytes, order } = load(array, chunks, chunk, n_bytes, decoder)?;
                        Block { shape: &chunks.shape, from: &from, bytes, order }.scatter(array, crop, out);
                    }
                    None => {
                        let value = T::from_fill(chunks.fill);
                        for_each_run(array, crop, &chunks.shape, &from, out.len(), |to, _, n| {
                            out[to..to + n].fill(value);
                        });
                    }
                }
            }
            // Odometer over the axes behind the first.
            let mut axis = coordinates.len() - 1;
            while axis > 0 {
                coordinates[axis] += 1;
                if coordinates[axis] < chunks.counts[axis] {
                    break;
                }
                coordinates[axis] = 0;
                axis -= 1;
            }
            if axis == 0 {
                return Ok(());
            }
        }
    })
}

/// The bytes of `chunk`, decompressed.
fn load<'d>(
    array: &Array,
    chunks: &Chunks,
    chunk: Chunk,
    n_bytes: usize,
    decoder: &'d mut Decoder,
) -> Result<Decoded<'d>> {
    decoder.stored.resize(chunk.n_bytes as usize, 0);
    read_exact(array, &mut decoder.stored, chunk.address)?;
    chunks.pipeline.decode(decoder, chunk.mask, n_bytes).map_err(|problem| {
        array.error(format!("chunk at byte {}: {problem}", chunk.address), "undamaged compressed data")
    })
}

/// The elements of `rows` of `chunk`, counted from its first.
pub(super) fn load_elements<T: Stored>(
    array: &Array,
    chunks: &Chunks,
    chunk: Chunk,
    rows: Range<usize>,
) -> Result<Vec<T>> {
    let n_bytes = chunks.n_bytes(array.element.size());
    let mut elements = vec![T::default(); chunks.shape.iter().product()];
    DECODER.with_borrow_mut(|decoder| {
        let Decoded { bytes, order } = load(array, chunks, chunk, n_bytes, decoder)?;
        T::decode(bytes, order, array.element, &mut elements);
        Ok(())
    })?;
    let per_row = elements.len() / chunks.shape[0];
    elements.truncate(rows.end * per_row);
    elements.drain(..rows.start * per_row);
    Ok(elements)
}

fn read_exact(array: &Array, buffer: &mut [u8], offset: u64) -> Result<()> {
    array.file.read_exact_at(buffer, offset).map_err(|e| {
        array.error(
            format!("cannot read {} bytes from byte {offset} on ({e})", buffer.len()),
            "a readable file",
        )
    })
}

/// What only libhdf5 understands.
fn library_rows<T: Stored>(array: &Array, crop: &Crop, rows: Range<usize>, out: &mut [T]) -> Result<()> {
    let mut slices = vec![SliceOrIndex::from(rows)];
    match crop {
        Some(ranges) => slices.extend(ranges.iter().cloned().map(SliceOrIndex::from)),
        None => slices.extend(array.shape[1..].iter().map(|extent| SliceOrIndex::from(0..*extent))),
    }
    T::read_by_library(&array.dataset, Hyperslab::from(slices), out)
        .map_err(|problem| array.error(format!("libhdf5 cannot read it ({problem})"), "undamaged data"))
}

/// Whether a chunk from `from` on holds anything of the crop.
pub(super) fn touches(from: &[usize], shape: &[usize], crop: &Crop) -> bool {
    crop.as_ref().is_none_or(|ranges| {
        let axes = ranges.iter().zip(&from[1..]).zip(&shape[1..]);
        axes.into_iter().all(|((range, from), extent)| range.start < from + extent && *from < range.end)
    })
}

/// A decoded block of elements and its place in the data set.
struct Block<'a> {
    shape: &'a [usize],
    /// First element's coordinates; the first axis is not used, `out` starts with this block's rows.
    from: &'a [usize],
    bytes: &'a [u8],
    order: ByteOrder,
}

impl Block<'_> {
    /// Copies what lies within the data set and the crop to its place in `out`, rows of cropped length.
    fn scatter<T: Stored>(&self, array: &Array, crop: &Crop, out: &mut [T]) {
        if crop.is_none() && self.shape[1..] == array.shape[1..] {
            T::decode(self.bytes, self.order, array.element, out);
            return;
        }
        let mut elements = vec![T::default(); self.shape.iter().product()];
        T::decode(self.bytes, self.order, array.element, &mut elements);
        for_each_run(array, crop, self.shape, self.from, out.len(), |to, from, n| {
            out[to..to + n].copy_from_slice(&elements[from..from + n]);
        });
    }
}

/// Calls `copy(to, from, n)` for every run of n consecutive elements that a block of `shape` at `from` shares with
/// the cropped rows of an output of `out_len` elements.
pub(super) fn for_each_run(
    array: &Array,
    crop: &Crop,
    shape: &[usize],
    from: &[usize],
    out_len: usize,
    mut copy: impl FnMut(usize, usize, usize),
) {
    let rank = shape.len();
    let whole: Vec<Range<usize>> = array.shape[1..].iter().map(|extent| 0..*extent).collect();
    let ranges = crop.as_ref().unwrap_or(&whole);
    let row_len: usize = ranges.iter().map(ExactSizeIterator::len).product();
    // Along each axis: the shared range in data set coordinates. Axis 0 counts the rows of `out`.
    let mut shared = Vec::with_capacity(rank);
    shared.push(0..(out_len / row_len.max(1)).min(shape[0]));
    for axis in 1..rank {
        let range = &ranges[axis - 1];
        let (low, high) = (range.start.max(from[axis]), range.end.min(from[axis] + shape[axis]));
        shared.push(low..high.max(low));
    }
    if shared.iter().any(Range::is_empty) {
        return;
    }
    let run_axis = rank - 1;
    let run = if rank == 1 { 1 } else { shared[run_axis].len() };
    let mut at: Vec<usize> = shared.iter().map(|range| range.start).collect();
    loop {
        let (mut to, mut source) = (at[0], at[0]);
        for axis in 1..rank {
            to = to * ranges[axis - 1].len() + (at[axis] - ranges[axis - 1].start);
            source = source * shape[axis] + (at[axis] - from[axis]);
        }
        copy(to, source, run);
        let mut axis = if rank == 1 { 0 } else { run_axis - 1 };
        loop {
            at[axis] += 1;
            if at[axis] < shared[axis].end {
                break;
            }
            if axis == 0 {
                return;
            }
            at[axis] = shared[axis].start;
            axis -= 1;
        }
    }
}
